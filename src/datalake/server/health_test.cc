#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/job/job_runner.h"
#include "datalake/lake/feed.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using ::datalake::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kRecord =
    R"({"ingest_id":"a","agent_id":"a","prompt_template":"p","conversation":[]})";

Response Get(const Router& router, const std::string& path) {
  Response response;
  const Router::Match match = router.Find("GET", path);
  EXPECT_NE(match.route, nullptr);
  if (match.route != nullptr) {
    match.route->handle(Request{}, [&response](Response got) { response = std::move(got); });
  }
  return response;
}

TEST(HealthTest, AnswersWithTheReasonWhenRecordsAreTakenNoMore) {
  testing::FaultFileSystem fs;
  testing::ManualClock clock;
  SeededRandom random(1);
  ASSERT_THAT(lake::InitLake(fs, clock, random, "/lake"), IsOk());
  const auto lake = lake::Lake::Open(fs, clock, random, "/lake");
  ASSERT_THAT(lake, IsOk());
  Feeds feed(**lake);
  const auto chat = feed.Open("chat");
  ASSERT_THAT(chat, IsOk());
  job::JobStore store(fs, clock, (*lake)->layout().jobs());
  const auto jobs = job::JobRunner::Open(store, clock);
  ASSERT_THAT(jobs, IsOk());
  Service service{**lake, feed, **jobs, clock, "1"};
  Router router;
  ASSERT_THAT(AddHealthRoutes(router, service), IsOk());

  EXPECT_EQ(Get(router, "/v1/health/").body, R"({"status":"ok"})");
  EXPECT_EQ(Get(router, "/health").body,
            R"({"status":"healthy","timestamp":"2026-01-01T00:00:00.000000Z"})");

  fs.FailCall(fs.calls(), testing::Fault::kIoError);
  ASSERT_THAT((*chat)->Append(kRecord), Not(IsOk()));
  ASSERT_THAT((*chat)->Append(kRecord), Not(IsOk())) << "for ever";
  for (const char* path : {"/v1/health", "/health"}) {
    const Response response = Get(router, path);
    EXPECT_EQ(response.status, 503);
    EXPECT_THAT(response.body, HasSubstr((*chat)->health().error().message));
    EXPECT_THAT(response.body, HasSubstr(R"("status":"unhealthy")"));
  }
  EXPECT_EQ(Get(router, "/v1/health").headers.size(), 1U) << "also read by pages of others";
}

}  // namespace
}  // namespace datalake::server
