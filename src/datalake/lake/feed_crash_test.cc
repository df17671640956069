// The promise of a feed under every fault: what was acknowledged is in the table exactly once after
// the next seal, whatever failed or crashed when.
#include <map>
#include <set>
#include <string>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/log.h"
#include "datalake/base/random.h"
#include "datalake/lake/feed.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::FaultFileSystem;
using ::datalake::testing::ForEachFault;
using ::datalake::testing::IsOk;

using Key = std::pair<std::string, std::int64_t>;  // ingest_id, version

std::string Chat(const std::string& id, int content) {
  return R"({"ingest_id":")" + id +
         R"(","submitter_id":"s","agent_id":"a","prompt_template":"p","conversation":[{"content":")" +
         std::to_string(content) + R"("}]})";
}

class FeedCrashTest : public ::testing::Test {
 protected:
  void Append(Feed& feed, const std::string& id, int content) {
    const auto answer = feed.Append(Chat(id, content));
    submitted_.insert(Chat(id, content));
    if (answer) {
      acknowledged_[{id, answer->version}] = Chat(id, content);
    }
  }

  void Work(FaultFileSystem& fs) {
    acknowledged_.clear();
    submitted_.clear();
    for (int round = 0; round < 2; ++round) {
      auto lake = Lake::Open(fs, clock_, random_, "/lake");
      if (!lake) {
        return;
      }
      auto feed = Feed::Open(**lake, "chat", {.segment_bytes = 1 << 16, .segment_age = {}});
      if (!feed) {
        return;
      }
      Append(**feed, "a", round);
      Append(**feed, "b" + std::to_string(round), 0);
      (void)(*feed)->Seal();
      Append(**feed, "a", round + 10);
      Append(**feed, "c", 5);
    }
  }

  void Check(FaultFileSystem& fs) {
    auto lake = Lake::Open(fs, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    {
      auto feed = Feed::Open(**lake, "chat", {.segment_bytes = 1 << 16, .segment_age = {}});
      ASSERT_THAT(feed, IsOk());
      for (const auto& [key, body] : acknowledged_) {
        const auto again = (*feed)->Get(key.first);
        ASSERT_THAT(again, IsOk());
      }
      ASSERT_THAT((*feed)->Seal(), IsOk());
    }
    std::map<Key, std::string> found;
    auto table = (*lake)->OpenTable(FeedTableName("chat"));
    ASSERT_THAT(table, IsOk());
    const std::vector<std::string> columns = {"ingest_id", "version", "raw"};
    auto reader = table::ReadTable(fs, *(*table)->Snapshot(), columns);
    ASSERT_THAT(reader, IsOk());
    std::shared_ptr<arrow::RecordBatch> batch;
    while ((*reader)->ReadNext(&batch).ok() && batch != nullptr) {
      const auto& ids = static_cast<const arrow::StringArray&>(*batch->column(0));
      const auto& versions = static_cast<const arrow::Int64Array&>(*batch->column(1));
      const auto& raw = static_cast<const arrow::StringArray&>(*batch->column(2));
      for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
        const bool is_new =
            found.emplace(Key{ids.GetString(i), versions.Value(i)}, raw.GetString(i)).second;
        EXPECT_TRUE(is_new) << "twice in the table: " << ids.GetString(i);
        EXPECT_TRUE(submitted_.contains(raw.GetString(i)));
      }
    }
    for (const auto& [key, body] : acknowledged_) {
      ASSERT_TRUE(found.contains(key)) << "lost: " << key.first << " " << key.second;
      EXPECT_EQ(found[key], body);
    }
  }

  testing::ManualClock clock_;
  SeededRandom random_{3};
  std::map<Key, std::string> acknowledged_;
  std::set<std::string> submitted_;
};

TEST_F(FeedCrashTest, AcknowledgedRecordsAreInTheTableExactlyOnce) {
  SetLogLevel(LogLevel::kOff);
  ForEachFault(
      [this](FaultFileSystem& fs) { ASSERT_THAT(InitLake(fs, clock_, random_, "/lake"), IsOk()); },
      [this](FaultFileSystem& fs) { Work(fs); }, [this](FaultFileSystem& fs) { Check(fs); }, 1);
}

}  // namespace
}  // namespace datalake::lake
