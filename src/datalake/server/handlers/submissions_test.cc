// What contributors are told over HTTP when their records are not taken, on both routes.
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/log.h"
#include "datalake/base/random.h"
#include "datalake/job/job_runner.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_definition.h"
#include "datalake/server/feeds.h"
#include "datalake/server/gate.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/http_server.h"
#include "datalake/server/socket_client_test_support.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using ::datalake::testing::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kRoutes[] = {"/v1/ingest/chat", "/v1/feeds/chat/records"};

std::string Chat(const std::string& id, std::size_t content_bytes = 1) {
  return fmt::format(
      R"({{"ingest_id":"{}","agent_id":"a","prompt_template":"p","conversation":[{{"content":"{}"}}]}})",
      id, std::string(content_bytes, 'x'));
}

class SubmissionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kOff);
    ASSERT_THAT(lake::InitLake(fs_, clock_, random_, "/lake"), IsOk());
    auto lake = lake::Lake::Open(fs_, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    lake_ = *std::move(lake);
    store_ = std::make_unique<job::JobStore>(fs_, clock_, lake_->layout().jobs());
    auto jobs = job::JobRunner::Open(*store_, clock_);
    ASSERT_THAT(jobs, IsOk());
    jobs_ = *std::move(jobs);
  }

  void TearDown() override {
    if (server_ != nullptr) {
      server_->Stop(std::chrono::seconds(1));
    }
    if (feeds_ != nullptr) {
      feeds_->Close();
    }
    SetLogLevel(LogLevel::kWarning);
  }

  void Start(const lake::FeedOptions& options = {}) {
    feeds_ = std::make_unique<Feeds>(*lake_, options);
    ASSERT_THAT(feeds_->Open("chat"), IsOk());
    service_ = std::make_unique<Service>(Service{*lake_, *feeds_, *jobs_, clock_, /*version=*/"1"});
    ASSERT_THAT(AddHealthRoutes(router_, *service_), IsOk());
    ASSERT_THAT(AddIngestRoutes(router_, *service_), IsOk());
    ASSERT_THAT(AddRecordRoutes(router_, *service_), IsOk());
    ASSERT_THAT(AddSubmissionRoutes(router_, *service_), IsOk());
    auto server = HttpServer::Start({.port = 0}, {router_, *gate_, random_});
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
  }

  std::string Send(const std::string& text) {
    const SocketClient client(server_->port());
    client.Send(text);
    return client.ReadAll();
  }

  std::string Get(std::string_view path) {
    return Send(
        fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path));
  }

  std::string Post(std::string_view path, const std::string& body) {
    return Send(
        fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                    path, body.size(), body));
  }

  testing::FaultFileSystem fs_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<lake::Lake> lake_;
  std::unique_ptr<job::JobStore> store_;
  std::unique_ptr<job::JobRunner> jobs_;
  std::unique_ptr<Feeds> feeds_;
  std::unique_ptr<Service> service_;
  Router router_;
  std::unique_ptr<Gate> gate_ = *MakeGate({}, nullptr, clock_, random_);
  std::unique_ptr<HttpServer> server_;
};

TEST_F(SubmissionsTest, ARecordAboveTheLimitOfItsFeedIs413) {
  auto definition = lake::ParseFeedDefinition("chat", "limits: {max_record_bytes: 1000}", "test");
  ASSERT_THAT(definition, IsOk());
  ASSERT_THAT(lake::FeedDefinitions(lake_->context()).Update(*definition), IsOk());
  Start();
  for (const std::string_view route : kRoutes) {
    EXPECT_THAT(Post(route, Chat("large", 1000)),
                AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("record is too large"),
                      HasSubstr("at most 1000")))
        << route;
    EXPECT_THAT(Post(route, Chat("small")), StartsWith("HTTP/1.1 200 ")) << route;
  }
  // Among others it is one refused record.
  EXPECT_THAT(Post("/v1/feeds/chat/records", fmt::format("[{},{}]", Chat("l", 1000), Chat("fits"))),
              AllOf(StartsWith("HTTP/1.1 207 "), HasSubstr("record is too large")));
  EXPECT_THAT(Get("/v1/feeds/chat/records/large"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get("/v1/feeds/chat/records/fits"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(SubmissionsTest, BackPressureIs429WithRetryAfterAndEndsWhenSealed) {
  Start({.max_unsealed_bytes = 1000});
  EXPECT_THAT(Post(kRoutes[0], Chat("first", 1000)), StartsWith("HTTP/1.1 200 "));
  for (const std::string_view route : kRoutes) {
    EXPECT_THAT(Post(route, Chat("busy")),
                AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("Retry-After: 1\r\n")))
        << route;
  }
  EXPECT_THAT(Get("/v1/feeds/chat/records/busy"), StartsWith("HTTP/1.1 404 "));
  ASSERT_THAT((*feeds_->Get("chat"))->Seal(), IsOk());
  for (const std::string_view route : kRoutes) {
    EXPECT_THAT(Post(route, Chat("busy")), StartsWith("HTTP/1.1 200 ")) << route;
  }
}

TEST_F(SubmissionsTest, LessFreeSpaceThanTheReserveIs507) {
  Start({.reserve_bytes = std::uint64_t{1} << 62});
  for (const std::string_view route : kRoutes) {
    EXPECT_THAT(Post(route, Chat("a")),
                AllOf(StartsWith("HTTP/1.1 507 "), HasSubstr("bytes are free")))
        << route;
  }
  EXPECT_THAT(Get("/v1/feeds/chat/records/a"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(SubmissionsTest, AFeedThatAnotherServerHasIs503) {
  Start();
  feeds_->Close();
  for (const std::string_view route : kRoutes) {
    EXPECT_THAT(Post(route, Chat("a")), StartsWith("HTTP/1.1 503 ")) << route;
  }
}

TEST_F(SubmissionsTest, AFailedSyncStopsAcknowledgingAndReadinessSaysSo) {
  Start();
  EXPECT_THAT(Post(kRoutes[0], Chat("before")), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Get("/v1/ready"), StartsWith("HTTP/1.1 200 "));
  fs_.FailCall(fs_.calls() + 1, testing::Fault::kIoError);  // a write, then the sync
  EXPECT_THAT(Post(kRoutes[0], Chat("lost")), StartsWith("HTTP/1.1 503 "));
  ASSERT_THAT(fs_.failed_call(), StartsWith("sync "));
  for (const std::string_view route : kRoutes) {
    EXPECT_THAT(Post(route, Chat("after")), StartsWith("HTTP/1.1 503 ")) << "for ever: " << route;
  }
  EXPECT_THAT(Get("/v1/ready"), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("feed chat"),
                                      HasSubstr("injected fault")));
  EXPECT_THAT(Get("/v1/health"), StartsWith("HTTP/1.1 503 "));
  // What was acknowledged is still given out; the others never were.
  EXPECT_THAT(Get("/v1/feeds/chat/records/before"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Get("/v1/feeds/chat/records/after"), Not(StartsWith("HTTP/1.1 200 ")));
}

}  // namespace
}  // namespace datalake::server
