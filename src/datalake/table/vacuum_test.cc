#include "datalake/table/vacuum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/table/compact.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/log_cleanup.h"
#include "datalake/table/log_store.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Times of change in the memory file system are far in the past: a file without a name in the log
// is always older than the grace.
class VacuumTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
    removed_ = small_.Paths().front();
    IdPredicate predicate(small_.fs(), {1});
    ASSERT_THAT(DeleteRows(small_.table(), predicate, {}), IsOk());
  }

  std::vector<std::string> Vacuum(VacuumOptions options = {}) {
    options.mode = VacuumMode::kDelete;
    auto result = VacuumTable(small_.table(), options);
    EXPECT_THAT(result, IsOk());
    std::vector<std::string> lines;
    for (const VacuumFile& file : result->files) {
      EXPECT_THAT(small_.fs().Exists(file.path), IsOkAndHolds(false));
      lines.push_back(std::string(ToString(file.reason)) + " " + file.path);
    }
    return lines;
  }

  SmallTable small_;
  std::string removed_;
};

TEST_F(VacuumTest, KeepsFilesOfVersionsWithinTheRetention) {
  small_.clock().Advance(std::chrono::days(6));
  EXPECT_THAT(Vacuum(), IsEmpty());
  EXPECT_EQ(small_.Ids(1), "1 2");
}

TEST_F(VacuumTest, DeletesFilesThatWereRemovedBeforeTheRetention) {
  small_.clock().Advance(std::chrono::days(8));
  EXPECT_THAT(Vacuum(), ElementsAre("removed " + removed_));
  EXPECT_EQ(small_.Ids(), "2");
}

TEST_F(VacuumTest, ChangesNothingUnlessTold) {
  small_.clock().Advance(std::chrono::days(8));
  const auto result = VacuumTable(small_.table(), {});
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->files, SizeIs(1));
  EXPECT_GT(result->size_bytes, 0U);
  EXPECT_THAT(small_.fs().Exists(removed_), IsOkAndHolds(true));
}

TEST_F(VacuumTest, KeepsVersionsThatAreHeld) {
  small_.clock().Advance(std::chrono::days(80));
  EXPECT_THAT(Vacuum({.keep_versions = {1}}), IsEmpty());
  EXPECT_THAT(VacuumTable(small_.table(), {.keep_versions = {9}}),
              IsError(ErrorCode::kNotFound, "no such version"));
}

TEST_F(VacuumTest, ALongerRetentionHoldsWhatCheckpointsForgot) {
  small_.clock().Advance(std::chrono::days(8));
  ASSERT_THAT(small_.table().Checkpoint(), IsOk());  // without the removal
  EXPECT_THAT(Vacuum({.retention = std::chrono::days(30)}), IsEmpty());
  EXPECT_EQ(small_.Ids(1), "1 2");
}

TEST_F(VacuumTest, DeletesWhatDeadWritersLeft) {
  const std::string leftover = small_.root() + "/p=a/part-dead.parquet";
  const std::string temporary = small_.root() + "/p=a/.part-x.parquet.1.2.tmp";
  const std::string in_log = small_.root() + "/_delta_log/.00000000000000000009.json.1.2.tmp";
  for (const std::string& path :
       {leftover, temporary, in_log, small_.root() + "/notes.txt",
        small_.root() + "/_other/file.parquet", small_.root() + "/p=a/_part.parquet"}) {
    ASSERT_THAT(small_.fs().MakeDirectories(path.substr(0, path.rfind('/'))), IsOk());
    ASSERT_THAT(io::PutIfAbsent(small_.fs(), path, "x"), IsOk());
  }
  EXPECT_THAT(Vacuum(),
              ElementsAre("temporary " + in_log, "temporary " + temporary, "leftover " + leftover));
}

TEST_F(VacuumTest, LeavesYoungFilesOfWritersAlone) {
  const std::string staged = small_.root() + "/p=a/part-staged.parquet";
  ASSERT_THAT(io::PutIfAbsent(small_.fs(), staged, "x"), IsOk());
  const auto age = small_.clock().Now() - small_.fs().Stat(staged)->modified;
  const auto older = std::chrono::ceil<std::chrono::milliseconds>(age) + std::chrono::hours(1);
  EXPECT_THAT(Vacuum({.leftover_grace = older}), IsEmpty());
  EXPECT_THAT(Vacuum({.leftover_grace = std::chrono::milliseconds(0)}), SizeIs(1));
}

TEST_F(VacuumTest, CleansTheLogBeforeACheckpoint) {
  ASSERT_THAT(small_.table().Checkpoint(), IsOk());  // of version 2
  ASSERT_THAT(small_.Append("a", {5}), IsOk());
  EXPECT_THAT(CleanUpLog(small_.table(), {})->paths, IsEmpty());
  small_.clock().Advance(std::chrono::days(31));
  ASSERT_THAT(small_.Append("a", {6}), IsOk());
  EXPECT_THAT(CleanUpLog(small_.table(), {.keep_versions = {1}})->paths, IsEmpty());

  const auto result = CleanUpLog(small_.table(), {.mode = VacuumMode::kDelete});

  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->paths,
              ElementsAre(LogFilePath(small_.root(), 0), LogFilePath(small_.root(), 1)));
  EXPECT_EQ(result->oldest_version, 2);
  EXPECT_EQ(small_.Ids(), "2 5 6");
  EXPECT_EQ(small_.Ids(2), "2");
  EXPECT_THAT(small_.table().Snapshot(1), IsError(ErrorCode::kNotFound, "no longer kept"));
  auto reopened = Table::Open(small_.environment(), small_.root());
  ASSERT_THAT(reopened, IsOk());
  EXPECT_EQ((*(*reopened)->Snapshot())->version(), 4);
}

TEST_F(VacuumTest, KeepsTheLogWhenTheCheckpointIsBroken) {
  ASSERT_THAT(small_.table().Checkpoint(), IsOk());
  small_.clock().Advance(std::chrono::days(31));
  ASSERT_THAT(small_.Append("a", {6}), IsOk());
  ASSERT_THAT(io::ReplaceFile(small_.fs(), CheckpointPath(small_.root(), 2), "broken"), IsOk());
  EXPECT_THAT(CleanUpLog(small_.table(), {.mode = VacuumMode::kDelete}),
              IsError(ErrorCode::kCorruption, "checkpoint"));
  EXPECT_THAT(small_.fs().Exists(LogFilePath(small_.root(), 0)), IsOkAndHolds(true));
}

}  // namespace
}  // namespace datalake::table
