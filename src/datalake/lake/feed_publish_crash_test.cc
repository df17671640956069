// The promises of published feeds under every fault: an acknowledged snapshot is there whole, with
// the files that its manifest names; a withdrawal that was made known is finished by the next run;
// compaction loses and doubles nothing.
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/log.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_snapshot.h"
#include "datalake/lake/feed_upkeep.h"
#include "datalake/lake/feed_withdrawal.h"
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
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Body(const std::string& id) {
  return fmt::format(
      R"({{"ingest_id":"{}","agent_id":"m","prompt_template":"p","conversation":[{{"content":"x"}}]}})",
      id);
}

class FeedPublishCrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kOff);
    ASSERT_THAT(InitLake(prepared_, clock_, random_, "/lake"), IsOk());
  }

  // A lake with one snapshot.
  void PrepareSnapshot() {
    const auto lake = Lake::Open(prepared_, clock_, random_, "/lake");
    ASSERT_THAT(Publish(**lake), IsOk());
  }

  // One whose feed has three small files.
  void PrepareFiles() {
    const auto lake = Lake::Open(prepared_, clock_, random_, "/lake");
    const auto feed = Feed::Open(**lake, "chat", {});
    ASSERT_THAT(feed, IsOk());
    for (const std::string id : {"a", "b", "c"}) {
      ASSERT_THAT((*feed)->Append(Body(id)), IsOk());
      ASSERT_THAT((*feed)->Seal(), IsOk());
    }
  }

  FeedRows Rows(const std::vector<std::string>& ids) {
    const auto builder = FeedBatchBuilder::ForFeed(ChatDefinition());
    for (const std::string& id : ids) {
      EXPECT_THAT(builder->Append({.ingest_id = id, .received = clock_.Now(), .body = Body(id)}),
                  IsOk());
    }
    return {.rows = arrow::RecordBatchReader::Make({*builder->Finish()}).ValueOrDie()};
  }

  Result<CollectionInfo> Publish(Lake& lake) {
    return PublishSnapshot(lake, {.feed = "chat"}, Rows({"a", "b", "c"}), 3);
  }

  // The ids of a snapshot, whose files are those of its manifest.
  static std::set<std::string> Ids(FaultFileSystem& fs, Lake& lake, const SnapshotInfo& snapshot) {
    const auto text = ReadSnapshotManifest(lake, snapshot);
    EXPECT_THAT(text, IsOk());
    const json::Value manifest = *json::ParseValue(*text, "manifest");
    for (const json::Value& file : manifest["files"]) {
      const auto bytes = io::ReadFile(
          fs, io::JoinPath(snapshot.collection.path, file["path"].get<std::string>()), 1 << 20);
      EXPECT_THAT(bytes, IsOk());
      EXPECT_EQ(Sha256Hex(bytes.value_or("")), file["sha256"].get<std::string>()) << file["path"];
    }
    std::set<std::string> ids;
    const auto rows = Collections(lake).Open(snapshot.collection.name, snapshot.collection.version);
    EXPECT_THAT(rows, IsOk());
    while (const auto batch = (*rows)->Next().ValueOrDie()) {
      const auto column = batch->GetColumnByName("ingest_id");
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        ids.insert(static_cast<const arrow::StringArray&>(*column).GetString(row));
      }
    }
    EXPECT_EQ(manifest["rows"], ids.size());
    return ids;
  }

  static void ExpectInjected(const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kIo) << error.message;
    EXPECT_THAT(error.message, HasSubstr("injected fault"));
  }

  // Makes the withdrawal of `b` known, and finishes it; tells whether it is known.
  bool Withdraw(FaultFileSystem& fs, const std::function<void(const Error&)>& failed) {
    const auto lake = Lake::Open(fs, clock_, random_, "/lake");
    if (!lake) {
      failed(lake.error());
      return false;
    }
    const FeedWithdrawals withdrawals(**lake);
    PendingWithdrawal withdrawal;
    withdrawal.feed = "chat";
    withdrawal.records = {{"b", "2026-01-01"}};
    if (const Status added = withdrawals.Add(withdrawal); !added) {
      failed(added.error());
      return false;
    }
    const auto finished = withdrawals.Finish({}, progress_, {});
    if (!finished) {
      failed(finished.error());
    }
    return true;
  }

  void Compact(FaultFileSystem& fs, const std::function<void(const Error&)>& failed) {
    const auto lake = Lake::Open(fs, clock_, random_, "/lake");
    const auto done = lake ? CompactFeed(**lake, "chat", "", progress_, {}) : lake.error();
    if (!done) {
      failed(done.error());
    }
  }

  // Compacts again, after which the feed's table is one file with its three rows.
  void CheckCompacted(FaultFileSystem& fs) {
    const auto lake = Lake::Open(fs, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    ASSERT_THAT(CompactFeed(**lake, "chat", "", progress_, {}), IsOk());
    const auto table = (*lake)->OpenTable(FeedTableName("chat"));
    ASSERT_THAT(table, IsOk());
    const auto snapshot = *(*table)->Snapshot();
    EXPECT_EQ(snapshot->files().size(), 1U);
    const auto rows = table::ReadTable(fs, snapshot);
    ASSERT_THAT(rows, IsOk());
    std::multiset<std::string> found;
    while (const auto batch = (*rows)->Next().ValueOrDie()) {
      const auto column = batch->GetColumnByName("ingest_id");
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        found.insert(static_cast<const arrow::StringArray&>(*column).GetString(row));
      }
    }
    EXPECT_THAT(found, ElementsAre("a", "b", "c"));
  }

  // Finishes what is pending; then, if it was known, the withdrawn record is gone.
  void CheckWithdrawn(FaultFileSystem& fs, bool is_known) {
    const auto lake = Lake::Open(fs, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    const FeedWithdrawals withdrawals(**lake);
    ASSERT_THAT(withdrawals.Finish({}, progress_, {}), IsOk());
    EXPECT_TRUE(withdrawals.List()->empty());
    const auto snapshot = FindFeedSnapshot(**lake, "chat", SnapshotKind::kRaw, "v1");
    if (!is_known) {
      return;  // whole, with or without the record: nobody was told anything
    }
    ASSERT_THAT(snapshot, IsOk());
    EXPECT_THAT(Ids(fs, **lake, *snapshot), ElementsAre("a", "c"));
  }

  // All snapshots are whole, and those acknowledged are among them.
  void CheckSnapshots(FaultFileSystem& fs, std::set<std::string> acknowledged) {
    const auto lake = Lake::Open(fs, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    const auto found = ListFeedSnapshots(**lake, "chat");
    ASSERT_THAT(found, IsOk());
    for (const SnapshotInfo& snapshot : *found) {
      EXPECT_THAT(Ids(fs, **lake, snapshot), ElementsAre("a", "b", "c"));
      acknowledged.erase(snapshot.collection.version);
    }
    EXPECT_THAT(acknowledged, IsEmpty()) << "an acknowledged snapshot is lost";
  }

  io::MemoryFileSystem prepared_;
  testing::ManualClock clock_;
  SeededRandom random_{7};
  NullProgress progress_;
};

TEST_F(FeedPublishCrashTest, AnAcknowledgedSnapshotIsWholeAndOthersAreWholeOrAbsent) {
  std::set<std::string> acknowledged;
  ForEachFault([this](FaultFileSystem& fs) { fs.CopyFrom(prepared_); },
               [&](FaultFileSystem& fs) {
                 acknowledged.clear();
                 const auto lake = Lake::Open(fs, clock_, random_, "/lake");
                 for (int i = 0; lake && i < 2; ++i) {
                   clock_.Advance(std::chrono::seconds(1));
                   if (const auto made = Publish(**lake)) {
                     acknowledged.insert(made->version);
                   }
                 }
               },
               [&](FaultFileSystem& fs) { CheckSnapshots(fs, acknowledged); }, 1);
}

TEST_F(FeedPublishCrashTest, AFailedReadGivesNoSnapshotAndNoWrongList) {
  PrepareSnapshot();
  std::set<std::string> acknowledged;
  ForEachReadFault([this](FaultFileSystem& fs) { fs.CopyFrom(prepared_); },
                   [&](FaultFileSystem& fs) {
                     acknowledged = {"v1"};
                     const auto lake = Lake::Open(fs, clock_, random_, "/lake");
                     if (!lake) {
                       return ExpectInjected(lake.error());
                     }
                     clock_.Advance(std::chrono::seconds(1));
                     const auto made = Publish(**lake);
                     if (made) {
                       acknowledged.insert(made->version);
                     } else {
                       ExpectInjected(made.error());
                     }
                     const auto listed = ListFeedSnapshots(**lake, "chat");
                     if (!listed) {
                       return ExpectInjected(listed.error());
                     }
                     EXPECT_EQ(listed->size(), acknowledged.size());
                     for (const std::string_view name : {"manifest.json", "contributors.json"}) {
                       const auto file = FindSnapshotFile(**lake, listed->front(), name);
                       if (!file) {
                         ExpectInjected(file.error());
                       }
                     }
                   },
                   [&](FaultFileSystem& fs) { CheckSnapshots(fs, acknowledged); });
}

TEST_F(FeedPublishCrashTest, AWithdrawalThatIsKnownIsFinishedByTheNextRun) {
  PrepareSnapshot();
  bool is_known = false;
  ForEachFault([this](FaultFileSystem& fs) { fs.CopyFrom(prepared_); },
               [&](FaultFileSystem& fs) { is_known = Withdraw(fs, [](const Error&) {}); },
               [&](FaultFileSystem& fs) { CheckWithdrawn(fs, is_known); }, 1);
}

TEST_F(FeedPublishCrashTest, AFailedReadLeavesAWithdrawalForTheNextRun) {
  PrepareSnapshot();
  bool is_known = false;
  ForEachReadFault([this](FaultFileSystem& fs) { fs.CopyFrom(prepared_); },
                   [&](FaultFileSystem& fs) { is_known = Withdraw(fs, ExpectInjected); },
                   [&](FaultFileSystem& fs) { CheckWithdrawn(fs, is_known); });
}

TEST_F(FeedPublishCrashTest, CompactionLosesAndDoublesNothing) {
  PrepareFiles();
  ForEachFault([this](FaultFileSystem& fs) { fs.CopyFrom(prepared_); },
               [this](FaultFileSystem& fs) { Compact(fs, [](const Error&) {}); },
               [this](FaultFileSystem& fs) { CheckCompacted(fs); }, 1);
}

TEST_F(FeedPublishCrashTest, CompactionLosesAndDoublesNothingWhenAReadFails) {
  PrepareFiles();
  ForEachReadFault([this](FaultFileSystem& fs) { fs.CopyFrom(prepared_); },
                   [this](FaultFileSystem& fs) { Compact(fs, ExpectInjected); },
                   [this](FaultFileSystem& fs) { CheckCompacted(fs); });
}

}  // namespace
}  // namespace datalake::lake
