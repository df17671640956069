// Every mutating call of deletion, replacement, restoration, compaction, vacuum and log clean-up
// fails, or is the last one before a crash: the table shows the rows from before the step that was
// under way or from after it, all that was acknowledged stays, and the steps can be done again.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "datalake/table/compact.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/fsck.h"
#include "datalake/table/log_cleanup.h"
#include "datalake/table/replace_rows.h"
#include "datalake/table/table_test_support.h"
#include "datalake/table/vacuum.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsOk;
using Ids = std::vector<std::int64_t>;

constexpr char kRoot[] = "/lake/t";

enum class Work { kDelete, kReplace, kRestore, kCompact, kVacuum, kCleanUpLog };

struct Step {
  Work work;
  Ids rows_after;
};

const Ids kPrepared = {1, 2, 3, 10, 11, 20};

// The steps on one file system; what is acknowledged outlives a crash.
class Steps {
 public:
  Steps(io::FileSystem& fs, const std::vector<Step>& steps)
      : fs_(fs), environment_{fs, clock_, random_}, steps_(steps) {}

  // True when these are the rows after what is acknowledged, or after the step that comes next.
  bool IsExpected(const Ids& rows) const {
    return rows == (done_ == 0 ? kPrepared : steps_[done_ - 1].rows_after) ||
           (done_ < steps_.size() && rows == steps_[done_].rows_after);
  }

  Status Prepare() {
    const auto schema =
        arrow::schema({arrow::field("id", arrow::int64()), arrow::field("p", arrow::utf8())});
    DATALAKE_TRY_ASSIGN(
        auto table, Table::Create(environment_, kRoot,
                                  {.schema = schema, .partition_columns = {"p"}}, {}, options_));
    DATALAKE_TRY(Append(*table, "a", {1, 2, 3}));
    DATALAKE_TRY(Append(*table, "a", {10, 11}));
    return Append(*table, "b", {20});
  }

  // Does what is not acknowledged yet.
  Status Run() {
    DATALAKE_TRY_ASSIGN(auto table, Table::Open(environment_, kRoot, options_));
    for (; done_ < steps_.size(); ++done_) {
      clock_.Advance(std::chrono::seconds(1));
      DATALAKE_TRY(Do(*table, steps_[done_].work));
    }
    return {};
  }

  Ids Rows() {
    Ids ids;
    auto table = Table::Open(environment_, kRoot);
    EXPECT_THAT(table, IsOk());
    auto rows = AllRows(fs_, *(*table)->Snapshot());
    for (const auto& chunk : rows->GetColumnByName("id")->chunks()) {
      for (std::int64_t i = 0; i < chunk->length(); ++i) {
        ids.push_back(static_cast<const arrow::Int64Array&>(*chunk).Value(i));
      }
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  FsckReport Fsck() { return *CheckTable(environment_, kRoot, FsckDepth::kRows); }

 private:
  Status Append(Table& table, const std::string& p, const Ids& ids) {
    const auto schema = arrow::schema({arrow::field("id", arrow::int64())});
    std::string json;
    for (const std::int64_t id : ids) {
      json += (json.empty() ? "[" : ",") + ("{\"id\":" + std::to_string(id)) + "}";
    }
    DATALAKE_TRY(table.Append(*table::Rows(schema, json + "]"), {{"p", p}}, {}));
    return {};
  }

  Status Do(Table& table, Work work) {
    switch (work) {
      case Work::kDelete: {
        IdPredicate predicate(fs_, {2});
        DATALAKE_TRY(DeleteRows(table, predicate, {}));
        return {};
      }
      case Work::kReplace: {
        if (before_replacement_ < 0) {
          DATALAKE_TRY_ASSIGN(const auto snapshot, table.Snapshot());
          before_replacement_ = snapshot->version();
        }
        const auto schema = arrow::schema({arrow::field("id", arrow::int64())});
        DATALAKE_TRY(
            ReplacePartition(table, *table::Rows(schema, "[{\"id\":30}]"), {{"p", "b"}}, {}));
        return {};
      }
      case Work::kRestore:
        DATALAKE_TRY(RestoreVersion(table, before_replacement_, {}));
        return {};
      case Work::kCompact:
        DATALAKE_TRY(CompactTable(table, {}, {}));
        return {};
      case Work::kVacuum:
        DATALAKE_TRY(VacuumTable(table, {.mode = VacuumMode::kDelete,
                                         .retention = std::chrono::milliseconds(0),
                                         .leftover_grace = std::chrono::milliseconds(0)}));
        return {};
      case Work::kCleanUpLog:
        DATALAKE_TRY(table.Checkpoint());
        clock_.Advance(std::chrono::seconds(1));
        DATALAKE_TRY(CleanUpLog(
            table, {.mode = VacuumMode::kDelete, .retention = std::chrono::milliseconds(0)}));
        return {};
    }
    return {};
  }

  io::FileSystem& fs_;
  testing::ManualClock clock_;
  SeededRandom random_{7};
  TableEnvironment environment_;
  TableOptions options_{.checkpoint_interval = 3};
  const std::vector<Step>& steps_;
  std::size_t done_ = 0;
  std::int64_t before_replacement_ = -1;
};

// Every call of `steps` fails once in every way; `last` are the rows at the end.
void ExpectOneStateOrTheNext(const std::vector<Step>& steps, const Ids& last) {
  std::unique_ptr<Steps> run;
  testing::ForEachFault(
      [&](testing::FaultFileSystem& fs) {
        run = std::make_unique<Steps>(fs, steps);
        ASSERT_THAT(run->Prepare(), IsOk());
      },
      [&](testing::FaultFileSystem&) {
        const Status maybe = run->Run();
        (void)maybe;
      },
      [&](testing::FaultFileSystem& fs) {
        EXPECT_TRUE(run->IsExpected(run->Rows())) << fs.failed_call();
        ASSERT_THAT(run->Run(), IsOk()) << fs.failed_call();
        EXPECT_EQ(run->Rows(), last) << fs.failed_call();
        const FsckReport report = run->Fsck();
        EXPECT_FALSE(report.has_errors())
            << fs.failed_call() << ": " << report.findings.front().message;
      },
      /*seeds=*/2);
}

TEST(TableRewriteCrashTest, DeletionIsWholeOrAbsent) {
  const Ids left = {1, 3, 10, 11, 20};
  ExpectOneStateOrTheNext({{Work::kDelete, left}}, left);
}

TEST(TableRewriteCrashTest, ReplacementAndRestorationAreWholeOrAbsent) {
  ExpectOneStateOrTheNext({{Work::kReplace, {1, 2, 3, 10, 11, 30}}, {Work::kRestore, kPrepared}},
                          kPrepared);
}

TEST(TableRewriteCrashTest, CompactionKeepsTheRows) {
  ExpectOneStateOrTheNext({{Work::kCompact, kPrepared}}, kPrepared);
}

TEST(TableRewriteCrashTest, VacuumAndCleanUpKeepTheNewestVersion) {
  const Ids left = {1, 3, 10, 11, 20};
  ExpectOneStateOrTheNext({{Work::kDelete, left}, {Work::kVacuum, left}, {Work::kCleanUpLog, left}},
                          left);
}

}  // namespace
}  // namespace datalake::table
