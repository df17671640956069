// Deletion, replacement, restoration and compaction: what they write and when they refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/table/compact.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/replace_rows.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

class TableRewriteTest : public ::testing::Test {
 protected:
  Result<DeleteResult> Delete(std::set<std::int64_t> ids) {
    IdPredicate predicate(small_.fs(), std::move(ids));
    return DeleteRows(small_.table(), predicate, {.user = "ada", .reason = "takedown 7"});
  }

  CommitRecord Newest() { return small_.table().History(1)->front(); }

  SmallTable small_;
};

TEST_F(TableRewriteTest, DeletesRowsAndLeavesOtherFilesAlone) {
  ASSERT_THAT(small_.Append("a", {1, 2, 3}), IsOk());
  ASSERT_THAT(small_.Append("a", {10, 11}), IsOk());
  ASSERT_THAT(small_.Append("b", {2}), IsOk());
  const auto before = small_.Paths();

  const auto deleted = Delete({2});

  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted->version, 4);
  EXPECT_EQ(deleted->rows_deleted, 2);
  EXPECT_EQ(deleted->files_rewritten, 1);
  EXPECT_EQ(deleted->files_removed, 1);
  EXPECT_EQ(deleted->files_skipped, 1);
  EXPECT_EQ(small_.Ids(), "10 11 1 3");
  EXPECT_EQ(small_.Ids(3), "1 2 3 10 11 2");
  EXPECT_THAT(small_.Paths(), ::testing::Contains(before[1]));
}

TEST_F(TableRewriteTest, SaysWhoDeletedWhyAndHowMuch) {
  ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
  ASSERT_THAT(Delete({2}), IsOk());
  const CommitRecord record = Newest();
  EXPECT_EQ(record.info.operation, "DELETE");
  EXPECT_EQ(record.info.user, "ada");
  EXPECT_EQ(record.info.reason, "takedown 7");
  EXPECT_EQ(record.info.extra.at("rows_deleted"), "1");
  EXPECT_TRUE(record.changes_data);
}

TEST_F(TableRewriteTest, MakesNoVersionWhenNothingMatches) {
  ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
  const auto deleted = Delete({7});
  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted->version, 1);
  EXPECT_EQ(deleted->files_skipped, 1);
  EXPECT_EQ(small_.Ids(), "1 2");
}

TEST_F(TableRewriteTest, CountsWithoutDeleting) {
  ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
  IdPredicate predicate(small_.fs(), {2});
  const auto counted = CountRows(small_.table(), predicate);
  ASSERT_THAT(counted, IsOk());
  EXPECT_EQ(counted->rows_deleted, 1);
  EXPECT_EQ(small_.Ids(), "1 2");
  EXPECT_EQ(small_.fs().List(small_.root() + "/p=a")->size(), 1U);
}

TEST_F(TableRewriteTest, BeginsAnewWhenAnotherRewritesTheFile) {
  ASSERT_THAT(small_.Append("a", {1, 2, 3}), IsOk());

  // Deletes row 3 by another handle while the first deletion looks at the file.
  class Racing final : public RowPredicate {
   public:
    explicit Racing(SmallTable& small) : small_(small) {}

    bool MayMatch(const TableSnapshot&, const TableFile&) override { return true; }

    Result<std::vector<bool>> Match(const std::shared_ptr<const TableSnapshot>& snapshot,
                                    const TableFilePtr& file) override {
      if (++calls_ == 1) {
        IdPredicate other(small_.fs(), {3});
        auto table = Table::Open(small_.environment(), small_.root());
        DATALAKE_TRY(DeleteRows(**table, other, {}));
      }
      return IdPredicate(small_.fs(), {1}).Match(snapshot, file);
    }

   private:
    SmallTable& small_;
    int calls_ = 0;
  };

  Racing predicate(small_);

  const auto deleted = DeleteRows(small_.table(), predicate, {});

  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted->version, 3);
  EXPECT_EQ(deleted->rows_deleted, 1);
  EXPECT_EQ(small_.Ids(), "2");
}

TEST(TableAppendOnlyTest, RefusesToTakeRowsAway) {
  SmallTable small({}, {{"delta.appendOnly", "true"}});
  ASSERT_THAT(small.Append("a", {1}), IsOk());
  ASSERT_THAT(small.Append("a", {2}), IsOk());
  IdPredicate predicate(small.fs(), {1});
  EXPECT_THAT(DeleteRows(small.table(), predicate, {}),
              IsError(ErrorCode::kUnsupported, "append-only"));
  EXPECT_THAT(RestoreVersion(small.table(), 1, {}),
              IsError(ErrorCode::kUnsupported, "append-only"));
  EXPECT_THAT(ReplacePartition(small.table(), *Rows(small.rows_schema(), "[]"), {{"p", "a"}}, {}),
              IsError(ErrorCode::kUnsupported, "append-only"));
  EXPECT_THAT(CompactTable(small.table(), {}, {}), IsOk());
  EXPECT_EQ(small.Paths().size(), 1U);
}

TEST_F(TableRewriteTest, ReplacesOnePartition) {
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  ASSERT_THAT(small_.Append("b", {2}), IsOk());
  ASSERT_THAT(ReplacePartition(small_.table(), *Rows(small_.rows_schema(), SmallTable::Json({9})),
                               {{"p", "a"}}, {}),
              IsOk());
  EXPECT_EQ(small_.Ids(), "2 9");
  EXPECT_EQ(Newest().info.operation, "REPLACE");
}

TEST_F(TableRewriteTest, ReplacesTheWholeTable) {
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  ASSERT_THAT(small_.Append("b", {2}), IsOk());
  auto files =
      small_.table().WriteFiles(*Rows(small_.rows_schema(), SmallTable::Json({9})), {{"p", "c"}});
  ASSERT_THAT(ReplaceFiles(small_.table(), *files, {}, {}), IsOk());
  EXPECT_EQ(small_.Ids(), "9");
  EXPECT_EQ(small_.Ids(2), "1 2");
}

TEST_F(TableRewriteTest, EmptiesAPartitionWithoutRows) {
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  ASSERT_THAT(ReplacePartition(small_.table(), *Rows(small_.rows_schema(), "[]"), {{"p", "a"}}, {}),
              IsOk());
  EXPECT_EQ(small_.Ids(), "");
}

TEST_F(TableRewriteTest, RefusesFilesOutsideWhatIsReplaced) {
  auto files =
      small_.table().WriteFiles(*Rows(small_.rows_schema(), SmallTable::Json({9})), {{"p", "c"}});
  EXPECT_THAT(ReplaceFiles(small_.table(), *files, {{"p", "a"}}, {}),
              IsError(ErrorCode::kInvalidArgument, "outside"));
  EXPECT_THAT(small_.fs().Exists(files->front().os_path), datalake::testing::IsOkAndHolds(false));
  EXPECT_THAT(ReplaceFiles(small_.table(), {}, {{"q", "a"}}, {}),
              IsError(ErrorCode::kNotFound, "partition column"));
}

TEST_F(TableRewriteTest, CommitThatReadTheWholeVersionSeesNewerRows) {
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  ASSERT_THAT(small_.Append("a", {2}), IsOk());
  EXPECT_THAT(small_.table().Commit({.info = {}, .read_version = 1}),
              IsError(ErrorCode::kConflict, "version 2 is newer than 1"));
  ASSERT_THAT(CompactTable(small_.table(), {}, {}), IsOk());  // changes no rows
  EXPECT_THAT(small_.table().Commit({.info = {}, .read_version = 2}), IsOk());
}

TEST_F(TableRewriteTest, RestoresRowsAndSchemaOfAnOldVersion) {
  ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
  ASSERT_THAT(Delete({1}), IsOk());
  auto wider =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("n", arrow::int32())});
  ASSERT_THAT(small_.table().Append(*Rows(wider, R"([{"id": 5, "n": 1}])"), {{"p", "a"}}, {}),
              IsOk());

  const auto restored = RestoreVersion(small_.table(), 1, {.user = "ada"});

  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->version, 4);
  EXPECT_EQ(small_.Ids(), "1 2");
  EXPECT_EQ((*small_.table().Snapshot())->schema()->GetFieldByName("n"), nullptr);
  EXPECT_EQ(Newest().info.extra.at("restored_version"), "1");
  EXPECT_EQ(small_.Ids(3), "2 5");
  EXPECT_TRUE(RestoreVersion(small_.table(), 4, {})->already_applied);
}

TEST_F(TableRewriteTest, RestoreNamesAFileThatIsGone) {
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  const std::string path = small_.Paths().front();
  ASSERT_THAT(Delete({1}), IsOk());
  ASSERT_THAT(small_.fs().Remove(path), IsOk());
  EXPECT_THAT(RestoreVersion(small_.table(), 1, {}), IsError(ErrorCode::kNotFound, path));
}

TEST_F(TableRewriteTest, CompactsSmallFilesOfEachPartition) {
  for (const int id : {1, 2, 3}) {
    ASSERT_THAT(small_.Append("a", {id}), IsOk());
    ASSERT_THAT(small_.Append("b", {id * 10}), IsOk());
  }
  ASSERT_THAT(small_.Append("c", {7}), IsOk());

  const auto compacted = CompactTable(small_.table(), {}, {.reason = "tidy"});

  ASSERT_THAT(compacted, IsOk());
  EXPECT_EQ(compacted->partitions, 2);
  EXPECT_EQ(compacted->files_removed, 6);
  EXPECT_EQ(compacted->files_added, 2);
  EXPECT_EQ(compacted->version, 9);
  EXPECT_EQ(small_.Ids(), "7 1 2 3 10 20 30");
  EXPECT_FALSE(Newest().changes_data);
  EXPECT_EQ(Newest().info.operation, "OPTIMIZE");
  EXPECT_EQ(CompactTable(small_.table(), {}, {})->partitions, 0);
}

TEST_F(TableRewriteTest, CompactsOnlyTheScopeAndSmallFiles) {
  for (const int id : {1, 2}) {
    ASSERT_THAT(small_.Append("a", {id}), IsOk());
    ASSERT_THAT(small_.Append("b", {id}), IsOk());
  }
  EXPECT_EQ(CompactTable(small_.table(), {.small_file_bytes = 1}, {})->partitions, 0);
  EXPECT_EQ(CompactTable(small_.table(), {.scope = {{"p", "b"}}}, {})->partitions, 1);
  EXPECT_EQ(small_.Paths().size(), 3U);
  EXPECT_THAT(CompactTable(small_.table(), {.scope = {{"x", "b"}}}, {}),
              IsError(ErrorCode::kNotFound, "partition column"));
}

TEST(TableCompactTest, LeavesAFileOfATableWithoutPartitionsAlone) {
  io::MemoryFileSystem fs;
  const testing::ManualClock clock;
  SeededRandom random(1);
  const auto schema = arrow::schema({arrow::field("id", arrow::int64())});
  auto table = *Table::Create({fs, clock, random}, "/t", {.schema = schema}, {});
  ASSERT_THAT(table->Append(*Rows(schema, R"([{"id": 1}])"), {}, {}), IsOk());
  EXPECT_EQ(CompactTable(*table, {}, {})->partitions, 0);
  ASSERT_THAT(table->Append(*Rows(schema, R"([{"id": 2}])"), {}, {}), IsOk());
  EXPECT_EQ(CompactTable(*table, {}, {})->files_removed, 2);
  EXPECT_EQ(ColumnText(*AllRows(fs, *table->Snapshot()), "id"), "1 2");
}

TEST_F(TableRewriteTest, TellsTheVersionOfATime) {
  const Timestamp created = small_.clock().Now();
  ASSERT_THAT(small_.Append("a", {1}), IsOk());
  ASSERT_THAT(small_.Append("a", {2}), IsOk());
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  EXPECT_EQ(*small_.table().VersionAt(created), 0);
  EXPECT_EQ(*small_.table().VersionAt(created + milliseconds(999)), 0);
  EXPECT_EQ(*small_.table().VersionAt(created + seconds(1)), 1);
  EXPECT_EQ(*small_.table().VersionAt(created + seconds(100)), 2);
  EXPECT_THAT(small_.table().VersionAt(created - seconds(1)),
              IsError(ErrorCode::kNotFound, "oldest is 0"));
}

}  // namespace
}  // namespace datalake::table
