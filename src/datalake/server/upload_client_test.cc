#include "datalake/server/upload_client.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/job/job_runner.h"
#include "datalake/lake/process.h"
#include "datalake/lake/upload_receiver.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/http_server.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kPartBytes = std::size_t{2} << 20;

// A real server over a lake in memory; what comes in can be changed before its handlers see it.
class UploadClientTest : public ::testing::Test {
 protected:
  using Change = std::function<std::optional<Response>(Request&)>;

  UploadClientTest() {
    EXPECT_THAT(lake::InitLake(fs_, clock_, random_, "/lake"), IsOk());
    lake_ = *lake::Lake::Open(fs_, clock_, random_, "/lake");
    feeds_ = std::make_unique<Feeds>(*lake_);
    store_ = std::make_unique<job::JobStore>(fs_, clock_, lake_->layout().jobs());
    jobs_ = *job::JobRunner::Open(*store_, clock_);
    service_.emplace(Service{*lake_, *feeds_, *jobs_, clock_, "1"});
    Router plain;
    EXPECT_THAT(AddUploadRoutes(plain, *service_), IsOk());
    for (Route route : plain.routes()) {
      route.handle = [this, method = std::string(route.method), handle = route.handle](
                         Request request, const Responder& respond) {
        (method == "PUT" ? puts_ : others_) += 1;
        const bool is_check = request.body.find("\"check\":true") != std::string::npos;
        const auto answer =
            change_ && !(is_check && spares_checks_) ? change_(request) : std::nullopt;
        answer ? respond(*answer) : handle(std::move(request), respond);
      };
      EXPECT_THAT(router_.Add(std::move(route)), IsOk());
    }
    server_ = *HttpServer::Start({.port = 0}, parts_);
    url_ = server_->address();
    Add("rows.jsonl", "{\"file\":\"large.bin\",\"n\":1}\n");
    Add("large.bin", std::string(5 * kPartBytes / 2, 'x'));
  }

  void Add(const std::string& name, std::string_view content) {
    EXPECT_THAT(fs_.MakeDirectories("/away"), IsOk());
    EXPECT_THAT(io::ReplaceFile(fs_, io::JoinPath("/away", name), content), IsOk());
  }

  Result<SentUpload> Send(const std::string& dataset = "d") {
    lake::UploadRequest request;
    request.provider = "test";
    request.dataset = dataset;
    request.source_path = "/away/rows.jsonl";
    DATALAKE_TRY_ASSIGN(const auto files, lake::FindUploadFiles(fs_, request, {}));
    NullProgress progress;
    return SendUpload(
        fs_, request, files,
        {.http = {.url = url_, .attempts = 2}, .connections = 1, .state_folder = "/state"},
        progress, stop_.get_token());
  }

  std::size_t Pending() { return lake::Uploads(*lake_).List(lake::UploadState::kPending)->size(); }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{3};
  std::unique_ptr<lake::Lake> lake_;
  std::unique_ptr<Feeds> feeds_;
  std::unique_ptr<job::JobStore> store_;
  std::unique_ptr<job::JobRunner> jobs_;
  std::optional<Service> service_;
  Change change_;
  std::atomic<int> puts_{0};
  std::atomic<int> others_{0};
  bool spares_checks_ = true;
  std::stop_source stop_;
  Router router_;
  SystemClock system_clock_;
  SystemRandom system_random_;
  std::unique_ptr<Gate> gate_ = *MakeGate({}, nullptr, system_clock_, system_random_);
  HttpServerParts parts_{.router = router_, .gate = *gate_, .random = system_random_};
  std::unique_ptr<HttpServer> server_;
  std::string url_;
};

TEST_F(UploadClientTest, SendsEveryPartAndHasItStaged) {
  const auto sent = Send();
  ASSERT_THAT(sent, IsOk());
  EXPECT_EQ(sent->info.rows, 1U);
  EXPECT_EQ(sent->info.variant, "files");
  EXPECT_EQ(sent->parts_sent, 4U);
  EXPECT_EQ(sent->parts_there, 0U);
  EXPECT_EQ(Pending(), 1U);
  EXPECT_THAT(*fs_.List("/state"), IsEmpty()) << "nothing is under way any more";
}

TEST_F(UploadClientTest, GoesOnAfterACutAndSendsNothingTwice) {
  change_ = [this](Request&) -> std::optional<Response> {
    return puts_ > 2 ? std::optional<Response>(Response{.status = 503}) : std::nullopt;
  };
  EXPECT_THAT(Send(), IsError(ErrorCode::kUnavailable, "answered 503"));
  EXPECT_THAT(*fs_.List("/state"), SizeIs(1));
  change_ = {};
  puts_ = 0;
  const auto sent = Send();
  ASSERT_THAT(sent, IsOk());
  EXPECT_EQ(sent->parts_there, 2U);
  EXPECT_EQ(puts_, 2);
}

TEST_F(UploadClientTest, AnAnswerThatWasLostDoesNotDoubleTheUpload) {
  change_ = [this](Request& request) -> std::optional<Response> {
    if (request.path_parameters.contains("upload") && request.method == "POST") {
      NullProgress progress;
      EXPECT_THAT(
          lake::UploadReceiver(*lake_).Complete(request.path_parameters.at("upload"), progress, {}),
          IsOk());
      return Response{.status = 500};
    }
    return std::nullopt;
  };
  EXPECT_THAT(Send(), IsError(ErrorCode::kInternal, "answered 500"));
  change_ = {};
  puts_ = 0;
  ASSERT_THAT(Send(), IsOk());
  EXPECT_EQ(puts_, 0);
  EXPECT_EQ(Pending(), 1U);
}

TEST_F(UploadClientTest, TheSameCallAfterItWasDoneIsANewUpload) {
  ASSERT_THAT(Send(), IsOk());
  EXPECT_THAT(Send(), IsError(ErrorCode::kAlreadyExists, "pending already"));
  NullProgress progress;
  ASSERT_THAT(lake::ProcessUploads(*lake_, {}, progress, {}), IsOk());
  const auto again = Send();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(Pending(), 1U);
}

TEST_F(UploadClientTest, APartDamagedOnItsWayIsRefusedAndSentAgain) {
  change_ = [this](Request& request) -> std::optional<Response> {
    if (puts_ == 2) {
      request.body[7] ^= 1;
    }
    return std::nullopt;
  };
  const auto sent = Send();
  ASSERT_THAT(sent, IsOk());
  EXPECT_EQ(puts_, 5);
  EXPECT_EQ(sent->info.problem_rows, 0U);
}

TEST_F(UploadClientTest, GivesUpWhenEveryPartArrivesDamaged) {
  change_ = [this](Request& request) -> std::optional<Response> {
    if (puts_ > 0) {
      request.body[0] ^= 1;
    }
    return std::nullopt;
  };
  EXPECT_THAT(Send(), IsError(ErrorCode::kCorruption, "something on the way damages it"));
  EXPECT_EQ(Pending(), 0U);
}

TEST_F(UploadClientTest, RefusesAFileThatChangesWhileItIsSent) {
  change_ = [this](Request&) -> std::optional<Response> {
    if (puts_ == 1) {
      Add("large.bin", std::string(5 * kPartBytes / 2 - 1, 'y'));
    }
    return std::nullopt;
  };
  EXPECT_THAT(Send(), IsError(ErrorCode::kConflict, "/away/large.bin"));
  EXPECT_EQ(Pending(), 0U);
}

TEST_F(UploadClientTest, SaysWhatTheServerSays) {
  EXPECT_THAT(Send("../x"), IsError(ErrorCode::kInvalidArgument, "../x"));
  change_ = [](Request&) {
    return Response{.status = 507,
                    .body = R"({"type":"urn:datalake:error:resource_exhausted","detail":"full"})"};
  };
  EXPECT_THAT(Send(), IsError(ErrorCode::kResourceExhausted, "answered 507: full"));
  change_ = [](Request&) { return Response{.status = 401, .body = "no"}; };
  EXPECT_THAT(Send(), IsError(ErrorCode::kPermissionDenied, "--token-file"));
  change_ = [](Request&) { return Response{.status = 413, .body = "no"}; };
  EXPECT_THAT(Send(), IsError(ErrorCode::kResourceExhausted, "answered 413"));
  change_ = [](Request&) { return Response{.status = 201, .body = R"({"upload":"a"})"}; };
  EXPECT_THAT(Send(), IsError(ErrorCode::kInvalidArgument, "part_bytes"));
  change_ = [](Request&) {
    return Response{.status = 201, .body = R"({"upload":"a","part_bytes":9,"files":[]})"};
  };
  EXPECT_THAT(Send(), IsError(ErrorCode::kInternal, "does not fit"));
}

TEST_F(UploadClientTest, AsksBeforeItHashes) {
  spares_checks_ = false;
  change_ = [](Request&) { return Response{.status = 401, .body = "no"}; };
  EXPECT_THAT(Send(), IsError(ErrorCode::kPermissionDenied, "answered 401"));
  EXPECT_EQ(others_, 1);
}

TEST_F(UploadClientTest, TellsThatNobodyAnswers) {
  server_.reset();
  EXPECT_THAT(Send(), IsError(ErrorCode::kUnavailable, "no answer from http://127.0.0.1"));
}

TEST_F(UploadClientTest, StopsWhenAsked) {
  change_ = [this](Request&) -> std::optional<Response> {
    if (puts_ == 2) {
      stop_.request_stop();
    }
    return std::nullopt;
  };
  EXPECT_THAT(Send(), IsError(ErrorCode::kCancelled, "the same command again goes on"));
}

TEST(HttpClientTest, RefusesWhatIsNoAddressOfAServer) {
  for (const char* url : {"", "lake", "ftp://lake", "http://", "http://:80", "https://[::1]:"}) {
    EXPECT_THAT(HttpClient::Make({.url = url}), IsError(ErrorCode::kInvalidArgument, "URL")) << url;
  }
  EXPECT_THAT(HttpClient::Make({.url = "http://lake/v1"}),
              IsError(ErrorCode::kInvalidArgument, "has no path"));
  EXPECT_THAT(HttpClient::Make({.url = "http://lake", .attempts = 0}),
              IsError(ErrorCode::kInvalidArgument, "attempts"));
}

}  // namespace
}  // namespace datalake::server
