// The promise of a feed under every fault: what was acknowledged is in the table exactly once after
// the next seal, whatever failed or crashed when.
#include <future>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/log.h"
#include "datalake/base/random.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_table.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::FaultFileSystem;
using ::datalake::testing::ForEachFault;
using ::datalake::testing::ForEachReadFault;
using ::datalake::testing::IsError;
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
  io::MemoryFileSystem prepared;
  ASSERT_THAT(InitLake(prepared, clock_, random_, "/lake"), IsOk());
  ForEachFault([&](FaultFileSystem& fs) { fs.CopyFrom(prepared); },
               [this](FaultFileSystem& fs) { Work(fs); },
               [this](FaultFileSystem& fs) { Check(fs); }, 1);
}

// Reading fails: nothing is lost, and nobody is told anything wrong.
TEST_F(FeedCrashTest, FailedReadsLoseNothingAndGiveNoWrongAnswer) {
  io::MemoryFileSystem prepared;
  ASSERT_THAT(InitLake(prepared, clock_, random_, "/lake"), IsOk());
  {
    auto lake = Lake::Open(prepared, clock_, random_, "/lake");
    auto feed = Feed::Open(**lake, "chat", {.segment_bytes = 1 << 16, .segment_age = {}});
    ASSERT_THAT(feed, IsOk());
    Append(**feed, "a", 1);
    Append(**feed, "b", 2);
    ASSERT_THAT((*feed)->Seal(), IsOk());
    Append(**feed, "a", 3);
    Append(**feed, "c", 4);
  }
  const auto acknowledged = acknowledged_;
  const auto submitted = submitted_;
  const auto expect_injected = [](const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kIo) << error.message;
    EXPECT_THAT(error.message, ::testing::HasSubstr("injected fault"));
  };
  const auto ask = [&](Feed& feed, const std::string& id, int content) {
    const auto body = feed.Get(id);
    if (!body) {
      return expect_injected(body.error());
    }
    const std::string sent = Chat(id, content);
    EXPECT_THAT(*body, ::testing::StartsWith(sent.substr(0, sent.size() - 1)));
  };
  ForEachReadFault([&](FaultFileSystem& fs) { fs.CopyFrom(prepared); },
                   [&](FaultFileSystem& fs) {
                     acknowledged_ = acknowledged;
                     submitted_ = submitted;
                     auto lake = Lake::Open(fs, clock_, random_, "/lake");
                     if (!lake) {
                       return expect_injected(lake.error());
                     }
                     auto feed =
                         Feed::Open(**lake, "chat", {.segment_bytes = 1 << 16, .segment_age = {}});
                     if (!feed) {
                       return expect_injected(feed.error());
                     }
                     ask(**feed, "a", 3);
                     ask(**feed, "b", 2);
                     Append(**feed, "a", 5);
                     Append(**feed, "d", 6);
                     EXPECT_EQ(acknowledged_.size(), 6U);  // the log needs no reading
                     if (const auto sealed = (*feed)->Seal(); !sealed) {
                       expect_injected(sealed.error());
                     }
                     ask(**feed, "a", 5);
                     ask(**feed, "c", 4);
                   },
                   [this](FaultFileSystem& fs) { Check(fs); });
}

// Submissions, a quarantine, withdrawals: what was acknowledged is there once, what was withdrawn
// and acknowledged is not, whatever failed or crashed when.
class FeedWithdrawalCrashTest : public ::testing::Test {
 protected:
  void Submit(Feed& feed, const std::vector<std::string>& ids, SubmissionMode mode) {
    Submission submission{.mode = mode};
    for (const std::string& id : ids) {
      const std::string body = id.starts_with("q") ? Quarantined(id) : Chat(id, 1);
      submission.records.emplace_back(submission.text.size(), body.size());
      submission.text += body + "\n";
    }
    const SubmissionAnswer answer = feed.Submit(std::move(submission));
    std::size_t stored = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (answer.records[i]) {
        acknowledged_.insert(ids[i]);
        ++stored;
      }
    }
    if (mode == SubmissionMode::kAll && stored == 0) {
      together_.emplace_back(ids);
    }
  }

  void Withdraw(Feed& feed, const std::string& id) {
    std::promise<bool> done;
    touched_.insert(id);
    feed.Withdraw({.ingest_id = id}, [&](const Result<WithdrawalAnswer>& answer) {
      done.set_value(answer.has_value());
    });
    if (done.get_future().get()) {
      withdrawn_.insert(id);
    }
  }

  void Work(FaultFileSystem& fs) {
    acknowledged_.clear();
    withdrawn_.clear();
    touched_.clear();
    together_.clear();
    for (int round = 0; round < 2; ++round) {
      auto lake = Lake::Open(fs, clock_, random_, "/lake");
      if (!lake) {
        return;
      }
      auto feed = Feed::Open(**lake, "chat", {.segment_bytes = 1 << 16, .segment_age = {}});
      if (!feed) {
        return;
      }
      if (round == 0) {
        Submit(**feed, {"a", "b", "q"}, SubmissionMode::kPartial);
        (void)(*feed)->Seal();
        Submit(**feed, {"c", "d"}, SubmissionMode::kAll);
        Withdraw(**feed, "a");
        Withdraw(**feed, "c");
      } else {
        Withdraw(**feed, "q");
      }
      (void)(*feed)->Seal();
    }
  }

  void Prepare(io::FileSystem& fs) {
    ASSERT_THAT(InitLake(fs, clock_, random_, "/lake"), IsOk());
    auto lake = Lake::Open(fs, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    const auto definition =
        ParseFeedDefinition("chat", "rules: {empty_conversation: quarantine}", "test");
    ASSERT_THAT(FeedDefinitions((*lake)->context()).Update(*definition), IsOk());
  }

  static std::string Quarantined(const std::string& id) {
    return R"({"ingest_id":")" + id +
           R"(","agent_id":"a","prompt_template":"p","conversation":[]})";
  }

  std::multiset<std::string> Ids(FaultFileSystem& fs, Lake& lake, const TableName& name) {
    std::multiset<std::string> ids;
    const auto table = lake.OpenTable(name);
    if (!table) {
      return ids;
    }
    const std::vector<std::string> columns = {"ingest_id"};
    auto reader = table::ReadTable(fs, *(*table)->Snapshot(), columns);
    EXPECT_THAT(reader, IsOk());
    std::shared_ptr<arrow::RecordBatch> batch;
    while ((*reader)->ReadNext(&batch).ok() && batch != nullptr) {
      const auto& texts = static_cast<const arrow::StringArray&>(*batch->column(0));
      for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
        ids.insert(texts.GetString(i));
      }
    }
    return ids;
  }

  void Check(FaultFileSystem& fs) {
    auto lake = Lake::Open(fs, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    std::set<std::string> known;
    {
      auto feed = Feed::Open(**lake, "chat", {.segment_bytes = 1 << 16, .segment_age = {}});
      ASSERT_THAT(feed, IsOk());
      for (const std::string& id : acknowledged_) {
        if ((*feed)->Find(id)) {
          known.insert(id);
        }
      }
      ASSERT_THAT((*feed)->Seal(), IsOk());
    }
    const auto records = Ids(fs, **lake, FeedTableName("chat"));
    const auto quarantine = Ids(fs, **lake, QuarantineTableName("chat"));
    for (const std::string& id : acknowledged_) {
      const std::size_t count = records.count(id) + quarantine.count(id);
      if (withdrawn_.contains(id)) {
        EXPECT_EQ(count, 0U) << "withdrawn and still there: " << id;
      } else if (!touched_.contains(id)) {
        EXPECT_EQ(count, 1U) << "lost or doubled: " << id;
      } else {
        EXPECT_LE(count, 1U) << id;
      }
      EXPECT_EQ(known.contains(id), count == 1) << "index and table disagree: " << id;
      EXPECT_EQ(quarantine.count(id), id.starts_with("q") ? count : 0U) << id;
    }
    for (const auto& ids : together_) {
      EXPECT_EQ(records.count(ids[0]), records.count(ids[1])) << "half of a whole";
    }
  }

  testing::ManualClock clock_;
  SeededRandom random_{3};
  std::set<std::string> acknowledged_;
  std::set<std::string> withdrawn_;                 // acknowledged
  std::set<std::string> touched_;                   // by a withdrawal that may have failed
  std::vector<std::vector<std::string>> together_;  // all or nothing, not acknowledged
};

TEST_F(FeedWithdrawalCrashTest, WithdrawnRecordsAreGoneAndTheOthersThereOnce) {
  SetLogLevel(LogLevel::kOff);
  io::MemoryFileSystem prepared;
  Prepare(prepared);
  ForEachFault([&](FaultFileSystem& fs) { fs.CopyFrom(prepared); },
               [this](FaultFileSystem& fs) { Work(fs); },
               [this](FaultFileSystem& fs) { Check(fs); }, 1);
}

TEST_F(FeedWithdrawalCrashTest, FailedReadsBringNothingBackAndLoseNothing) {
  io::MemoryFileSystem prepared;
  Prepare(prepared);
  {
    auto lake = Lake::Open(prepared, clock_, random_, "/lake");
    auto feed = Feed::Open(**lake, "chat", {.segment_bytes = 1 << 16, .segment_age = {}});
    ASSERT_THAT(feed, IsOk());
    Submit(**feed, {"a", "b", "q", "q2"}, SubmissionMode::kPartial);
    ASSERT_THAT((*feed)->Seal(), IsOk());
    Submit(**feed, {"c", "d"}, SubmissionMode::kAll);
    Withdraw(**feed, "a");
  }
  const auto acknowledged = acknowledged_;
  const auto withdrawn = withdrawn_;
  const auto touched = touched_;
  ForEachReadFault([&](FaultFileSystem& fs) { fs.CopyFrom(prepared); },
                   [&](FaultFileSystem& fs) {
                     acknowledged_ = acknowledged;
                     withdrawn_ = withdrawn;
                     touched_ = touched;
                     auto lake = Lake::Open(fs, clock_, random_, "/lake");
                     if (!lake) {
                       return;
                     }
                     auto feed =
                         Feed::Open(**lake, "chat", {.segment_bytes = 1 << 16, .segment_age = {}});
                     if (!feed) {
                       return;
                     }
                     Withdraw(**feed, "c");
                     Withdraw(**feed, "q");
                     EXPECT_TRUE(withdrawn_.contains("c"));
                     for (const std::string id : {"a", "c", "q"}) {
                       EXPECT_THAT((*feed)->Get(id), IsError(ErrorCode::kNotFound, ""));
                     }
                     (void)(*feed)->Seal();
                     for (const std::string id : {"a", "c", "q"}) {
                       EXPECT_THAT((*feed)->Get(id), IsError(ErrorCode::kNotFound, ""));
                     }
                   },
                   [this](FaultFileSystem& fs) { Check(fs); });
}

}  // namespace
}  // namespace datalake::lake
