#include "datalake/lake/feed_copy.h"

#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/object_store.h"
#include "datalake/lake/feed.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// Objects in memory, which fails when told.
class MemoryStore final : public io::ObjectStore {
 public:
  const std::string& url() const override { return url_; }

  Status Put(std::string_view key, std::string_view bytes, std::stop_token) override {
    if (is_down) {
      return Error{ErrorCode::kUnavailable, "the store is down"};
    }
    ++puts;
    objects[std::string(key)] = bytes;
    return {};
  }

  Status Remove(std::string_view key, std::stop_token) override {
    if (is_down) {
      return Error{ErrorCode::kUnavailable, "the store is down"};
    }
    objects.erase(std::string(key));
    return {};
  }

  std::map<std::string, std::string> objects;
  int puts = 0;
  bool is_down = false;

 private:
  std::string url_ = "memory:";
};

class FeedCopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(InitLake(fs_, clock_, random_, folder_ / "lake"), IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, folder_ / "lake");
    ASSERT_THAT(lake, IsOk());
    lake_ = std::move(lake).value();
    auto feed = Feed::Open(*lake_, "chat", {});
    ASSERT_THAT(feed, IsOk());
    feed_ = std::move(feed).value();
    auto queries = FeedQueries::Open(*lake_, {.threads = 2});
    ASSERT_THAT(queries, IsOk());
    queries_ = std::move(queries).value();
    OpenCopy();
  }

  void OpenCopy() {
    auto copy = FeedCopy::Open(*lake_, *queries_, store_,
                               {.feed = "chat", .state_path = folder_ / "lake/index/copy.json"});
    ASSERT_THAT(copy, IsOk());
    copy_ = std::move(copy).value();
  }

  void Post(const std::string& id, const std::string& text) {
    ASSERT_THAT(feed_->Append(fmt::format(
                    R"({{"ingest_id":"{}","submitter_id":"s","agent_id":"a","prompt_template":"p",)"
                    R"("conversation":[{{"content":"{}"}}]}})",
                    id, text)),
                IsOk());
  }

  void CopyAll() {
    for (int steps = 0; steps < 100; ++steps) {
      const auto more = copy_->Step({});
      ASSERT_THAT(more, IsOk());
      if (!*more) {
        return;
      }
    }
    FAIL() << "the copy does not end";
  }

  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<Lake> lake_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<FeedQueries> queries_;
  MemoryStore store_;
  std::unique_ptr<FeedCopy> copy_;
};

TEST_F(FeedCopyTest, EveryRecordBecomesAnObjectOnceWhileRecordsCome) {
  for (int i = 0; i < 450; ++i) {
    Post(fmt::format("r{}", i), "x");
  }
  CopyAll();
  EXPECT_EQ(store_.objects.size(), 450U);
  EXPECT_TRUE(store_.objects.contains("2026_01_01/chats/r0.parquet"));
  ASSERT_THAT(feed_->Seal(), IsOk());
  Post("late", "x");
  CopyAll();
  CopyAll();
  EXPECT_EQ(store_.puts, 451) << "nothing is sent twice";
  EXPECT_TRUE(copy_->facts().is_caught_up);
}

TEST_F(FeedCopyTest, AReplacedRecordMovesToItsNewDay) {
  Post("a", "first");
  CopyAll();
  clock_.Advance(std::chrono::hours(30));
  Post("a", "second");
  CopyAll();
  EXPECT_THAT(store_.objects, ElementsAre(Pair("2026_01_02/chats/a.parquet", HasSubstr("second"))));
}

TEST_F(FeedCopyTest, WhatFailedIsTriedAgainAndItsStateIsSeen) {
  Post("a", "x");
  store_.is_down = true;
  EXPECT_THAT(copy_->Step({}), IsError(ErrorCode::kUnavailable, "down"));
  EXPECT_THAT(copy_->Step({}), IsError(ErrorCode::kUnavailable, "down"));
  EXPECT_EQ(copy_->facts().failures, 2U);
  EXPECT_EQ(copy_->facts().last_error, "the store is down");
  store_.is_down = false;
  CopyAll();
  EXPECT_EQ(copy_->facts().failures, 0U);
  EXPECT_EQ(store_.objects.size(), 1U);
}

TEST_F(FeedCopyTest, ARestartGoesOnWhereItWas) {
  Post("a", "x");
  CopyAll();
  clock_.Advance(std::chrono::hours(1));
  Post("b", "x");
  CopyAll();
  clock_.Advance(std::chrono::hours(1));
  Post("c", "x");
  CopyAll();
  const int before = store_.puts;
  OpenCopy();
  CopyAll();
  EXPECT_LE(store_.puts, before + 1) << "at most what was new a minute ago";
  EXPECT_EQ(copy_->facts().removed, 0U);
}

TEST_F(FeedCopyTest, ARecordOfAClockThatWasSetBackIsCopied) {
  Post("a", "x");
  clock_.Advance(std::chrono::hours(5));
  Post("b", "x");
  CopyAll();
  clock_.Advance(std::chrono::hours(-2));
  Post("c", "x");
  CopyAll();
  EXPECT_TRUE(store_.objects.contains("2026_01_01/chats/c.parquet"));
}

TEST_F(FeedCopyTest, ObjectsOfRecordsAreRemovedWhenAsked) {
  Post("a", "x");
  CopyAll();
  EXPECT_THAT(copy_->Remove({{"a", "2026-01-01"}}, {}), IsOk());
  EXPECT_TRUE(store_.objects.empty());
}

}  // namespace
}  // namespace datalake::lake
