// Opening by the checkpoint hint, and reading some partitions of the log alone.
#include "datalake/table/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/log_store.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

class PlanTest : public ::testing::Test {
 protected:
  std::string Planned(const PartitionValues& scope,
                      std::optional<std::int64_t> version = std::nullopt) {
    auto snapshot = PlanPartitions(small_.environment(), small_.root(), scope, version);
    return snapshot ? ColumnText(*AllRows(small_.fs(), *snapshot), "id") : snapshot.error().message;
  }

  std::int64_t OpenedVersion() {
    auto table = Table::Open(small_.environment(), small_.root());
    return table ? (*(*table)->Snapshot())->version() : -1;
  }

  SmallTable small_;
};

TEST_F(PlanTest, ReadsThePartitionsAskedForAlone) {
  ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
  ASSERT_THAT(small_.Append("b", {3}), IsOk());
  ASSERT_THAT(small_.Append("a", {4}), IsOk());
  EXPECT_EQ(Planned({{"p", "a"}}), "1 2 4");
  ASSERT_THAT(small_.table().Checkpoint(), IsOk());
  EXPECT_EQ(Planned({{"p", "a"}}), "1 2 4");
  ASSERT_THAT(small_.Append("a", {5}), IsOk());
  ASSERT_THAT(small_.Append("b", {6}), IsOk());
  IdPredicate predicate(small_.fs(), {1, 3});
  ASSERT_THAT(DeleteRows(small_.table(), predicate, {}), IsOk());
  EXPECT_EQ(Planned({{"p", "a"}}), "4 5 2");
  EXPECT_EQ(Planned({{"p", "b"}}), "6");
  EXPECT_EQ(Planned({{"p", "c"}}), "");
  EXPECT_EQ(Planned({}), "4 5 6 2");
  EXPECT_EQ(Planned({{"p", "a"}}, 1), "1 2");
  EXPECT_THAT(Planned({{"q", "a"}}), ::testing::HasSubstr("partition column"));
}

TEST_F(PlanTest, OpensWhateverTheHintSays) {
  for (const int id : {1, 2, 3, 4}) {
    ASSERT_THAT(small_.Append("a", {id}), IsOk());
    if (id % 2 == 0) {
      ASSERT_THAT(small_.table().Checkpoint(), IsOk());
    }
  }
  ASSERT_THAT(small_.Append("a", {5}), IsOk());
  const std::string path = CheckpointHintPath(small_.root());
  for (const char* hint : {R"({"version":4,"size":5})", R"({"version":2,"size":5})",
                           R"({"version":3,"size":5})", R"({"version":99})", "{}", "broken", ""}) {
    ASSERT_THAT(io::ReplaceFile(small_.fs(), path, hint), IsOk());
    EXPECT_EQ(OpenedVersion(), 5) << hint;
    EXPECT_EQ(Planned({{"p", "a"}}), "1 2 3 4 5") << hint;
  }
  ASSERT_THAT(small_.fs().Remove(path), IsOk());
  EXPECT_EQ(OpenedVersion(), 5);
}

TEST_F(PlanTest, SeesAGapBehindTheHintedCheckpoint) {
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  ASSERT_THAT(small_.table().Checkpoint(), IsOk());
  for (const int id : {2, 3, 4}) {
    ASSERT_THAT(small_.Append("a", {id}), IsOk());
  }
  ASSERT_THAT(small_.fs().Remove(LogFilePath(small_.root(), 3)), IsOk());
  EXPECT_THAT(Table::Open(small_.environment(), small_.root()),
              IsError(ErrorCode::kCorruption, "missing"));
}

// Many files come and go: what was removed leaves nothing behind.
TEST_F(PlanTest, KeepsOrderAndNumberOfFilesThroughManyRemovals) {
  for (int round = 0; round < 3; ++round) {
    CommitRequest request;
    for (int i = 0; i < 1500; ++i) {
      request.adds.push_back({.path = "p=a/" + std::to_string(round * 10'000 + i),
                              .partition_values = {{"p", "a"}},
                              .num_rows = 1});
    }
    for (const TableFilePtr& file : (*small_.table().Snapshot())->files()) {
      request.removes.push_back(file->path);
    }
    ASSERT_THAT(small_.table().Commit(request), IsOk());
  }
  const auto snapshot = *small_.table().Snapshot();
  ASSERT_EQ(snapshot->files().size(), 1500U);
  EXPECT_EQ(snapshot->files().front()->path, "p=a/20000");
  EXPECT_EQ(snapshot->files().back()->path, "p=a/21499");
  EXPECT_THAT(small_.table().Remove({"p=a/21000"}, {}), IsOk());
  EXPECT_THAT(small_.table().Remove({"p=a/10000"}, {}), IsError(ErrorCode::kConflict, ""));
  EXPECT_EQ((*small_.table().Snapshot())->files().size(), 1499U);
}

// A checkpoint of several row groups, which are read by several threads.
TEST_F(PlanTest, PlansALargeCheckpointInTheOrderOfItsFiles) {
  constexpr int kFiles = 100'000;
  CommitRequest request;
  for (int i = 0; i < kFiles; ++i) {
    const std::string variant = i < kFiles / 2 ? "a" : std::to_string(i % 7);
    request.adds.push_back({.path = "p=" + variant + "/" + std::to_string(i),
                            .partition_values = {{"p", variant}},
                            .num_rows = 1});
  }
  ASSERT_THAT(small_.table().Commit(request), IsOk());
  ASSERT_THAT(small_.table().Checkpoint(), IsOk());
  ASSERT_THAT(small_.Append("b", {1}), IsOk());
  const auto all = *small_.table().Snapshot();
  for (const std::string variant : {"a", "3", "b", "none"}) {
    std::vector<std::string> wanted;
    for (const TableFilePtr& file : all->files()) {
      if (file->partition_values.at("p") == variant) {
        wanted.push_back(file->path);
      }
    }
    auto planned = PlanPartitions(small_.environment(), small_.root(), {{"p", variant}});
    ASSERT_THAT(planned, IsOk());
    std::vector<std::string> found;
    for (const TableFilePtr& file : (*planned)->files()) {
      found.push_back(file->path);
    }
    EXPECT_EQ(found, wanted) << variant;
  }
}

}  // namespace
}  // namespace datalake::table
