#include "datalake/table/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/table/log_store.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::HasSubstr;

constexpr char kRoot[] = "/lake/catalog/provider=p/dataset=d/task=raw";

class TableTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Table>> Create(const TableOptions& options = {}) {
    return Table::Create(
        environment_, kRoot,
        {.schema = schema_, .partition_columns = {"provider", "dataset", "task", "variant"}},
        {.operation = "create"}, options);
  }

  Result<CommitResult> Append(Table& table, const std::string& variant, const std::string& json,
                              std::optional<Transaction> transaction = std::nullopt) {
    clock_.Advance(std::chrono::seconds(1));
    return table.Append(*Rows(rows_, json), Values(variant), {.operation = "upload", .user = "ada"},
                        transaction);
  }

  static PartitionValues Values(const std::string& variant) {
    return {{"provider", "p"}, {"dataset", "d"}, {"task", "raw"}, {"variant", variant}};
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  TableEnvironment environment_{fs_, clock_, random_};
  std::shared_ptr<arrow::Schema> rows_ =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8())});
  std::shared_ptr<arrow::Schema> schema_ = arrow::schema(
      {arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8()),
       arrow::field("provider", arrow::utf8()), arrow::field("dataset", arrow::utf8()),
       arrow::field("task", arrow::utf8()), arrow::field("variant", arrow::utf8())});
};

TEST_F(TableTest, ReadsBackWhatWasAppended) {
  auto table = Create();
  ASSERT_THAT(table, IsOk());
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "one"}, {"id": 2, "text": null}])"),
              IsOk());
  ASSERT_THAT(Append(**table, "b", R"([{"id": 3, "text": "three"}])"), IsOk());

  auto snapshot = (*table)->Snapshot();

  ASSERT_THAT(snapshot, IsOk());
  EXPECT_EQ((*snapshot)->version(), 2);
  EXPECT_EQ((*snapshot)->num_rows(), 3);
  EXPECT_EQ((*snapshot)->modified(), clock_.Now());
  auto rows = AllRows(fs_, *snapshot);
  EXPECT_EQ(ColumnText(*rows, "id"), "1 2 3");
  EXPECT_EQ(ColumnText(*rows, "text"), "one null three");
  EXPECT_EQ(ColumnText(*rows, "variant"), "a a b");
  EXPECT_EQ(ColumnText(*rows, "provider"), "p p p");
}

TEST_F(TableTest, PutsFilesInFoldersThatTheRootDoesNotNameYet) {
  auto table = Create();
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  const auto& file = *(*(*table)->Snapshot())->files().front();
  EXPECT_THAT(file.path, ::testing::StartsWith("variant=a/part-"));
  EXPECT_EQ(file.os_path, std::string(kRoot) + "/" + file.path);
  EXPECT_EQ(file.partition_values.at("provider"), "p");
}

TEST_F(TableTest, RefusesValueThatDisagreesWithTheRoot) {
  auto table = Create();
  auto values = Values("a");
  values["dataset"] = "other";
  EXPECT_THAT((*table)->WriteFiles(*Rows(rows_, R"([{"id": 1, "text": "x"}])"), values),
              IsError(ErrorCode::kInvalidArgument, "dataset=other is not dataset=d"));
}

TEST_F(TableTest, OpensWhatAnotherHandleWrote) {
  auto table = Create();
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  auto other = Table::Open(environment_, kRoot);
  ASSERT_THAT(other, IsOk());
  ASSERT_THAT(Append(**other, "a", R"([{"id": 2, "text": "y"}])"), IsOk());
  EXPECT_EQ(ColumnText(*AllRows(fs_, *(*table)->Snapshot()), "id"), "1 2");
}

TEST_F(TableTest, KeepsOldVersionsReadable) {
  auto table = Create();
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  ASSERT_THAT(Append(**table, "a", R"([{"id": 2, "text": "y"}])"), IsOk());
  EXPECT_EQ((*(*table)->Snapshot(0))->files().size(), 0U);
  EXPECT_EQ(ColumnText(*AllRows(fs_, *(*table)->Snapshot(1)), "id"), "1");
  EXPECT_THAT((*table)->Snapshot(3), IsError(ErrorCode::kNotFound, "newest is 2"));
}

TEST_F(TableTest, AppliesATransactionOnce) {
  auto table = Create();
  const Transaction transaction{.app_id = "wal/0", .version = 7};
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])", transaction), IsOk());

  auto again = Append(**table, "a", R"([{"id": 1, "text": "x"}])", transaction);

  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->already_applied);
  auto snapshot = *(*table)->Snapshot();
  EXPECT_EQ(snapshot->version(), 1);
  EXPECT_EQ(snapshot->txn_version("wal/0"), 7);
  EXPECT_EQ(snapshot->txn_version("wal/1"), std::nullopt);
  EXPECT_EQ(fs_.List(std::string(kRoot) + "/variant=a")->size(), 1U);  // the second file is gone
}

TEST_F(TableTest, RemovesByThePathOfTheLog) {
  auto table = Create();
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  ASSERT_THAT(Append(**table, "a", R"([{"id": 2, "text": "y"}])"), IsOk());
  const std::string path = (*(*table)->Snapshot())->files().front()->path;

  ASSERT_THAT((*table)->Remove({path}, {.operation = "remove"}), IsOk());

  EXPECT_EQ(ColumnText(*AllRows(fs_, *(*table)->Snapshot()), "id"), "2");
  EXPECT_THAT((*table)->Remove({path}, {}), IsError(ErrorCode::kConflict, path));
  EXPECT_EQ(ColumnText(*AllRows(fs_, *(*table)->Snapshot(2)), "id"), "1 2");
}

TEST_F(TableTest, ReplacesFilesInOneVersion) {
  auto table = Create();
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  const std::string path = (*(*table)->Snapshot())->files().front()->path;
  auto adds = (*table)->WriteFiles(*Rows(rows_, R"([{"id": 9, "text": "z"}])"), Values("a"));
  ASSERT_THAT(adds, IsOk());

  ASSERT_THAT((*table)->Commit({.adds = *adds, .removes = {path}, .changes_data = false}), IsOk());

  auto snapshot = *(*table)->Snapshot();
  EXPECT_EQ(snapshot->version(), 2);
  EXPECT_EQ(ColumnText(*AllRows(fs_, snapshot), "id"), "9");
}

TEST_F(TableTest, AddsColumnsThatRowsBring) {
  auto table = Create();
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  auto wider =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("score", arrow::float64())});

  auto result = (*table)->Append(*Rows(wider, R"([{"id": 2, "score": 0.5}])"), Values("b"), {});

  ASSERT_THAT(result, IsOk());
  auto snapshot = *(*table)->Snapshot();
  EXPECT_EQ(snapshot->schema()->field_names().back(), "score");
  auto rows = AllRows(fs_, snapshot);
  EXPECT_EQ(ColumnText(*rows, "text"), "x null");
  EXPECT_EQ(ColumnText(*rows, "score"), "null 0.5");
  EXPECT_EQ((*(*table)->Snapshot(1))->schema()->num_fields(), 6);
}

TEST_F(TableTest, WidensIntegers) {
  auto table = Create();
  auto narrow = arrow::schema({arrow::field("id", arrow::int16())});
  ASSERT_THAT((*table)->Append(*Rows(narrow, R"([{"id": 5}])"), Values("a"), {}), IsOk());
  EXPECT_EQ(ColumnText(*AllRows(fs_, *(*table)->Snapshot()), "id"), "5");
}

TEST_F(TableTest, RefusesRowsOfAnotherType) {
  auto table = Create();
  auto other = arrow::schema({arrow::field("id", arrow::utf8())});
  EXPECT_THAT((*table)->Append(*Rows(other, R"([{"id": "x"}])"), Values("a"), {}),
              IsError(ErrorCode::kInvalidArgument, "column id"));
  auto cased = arrow::schema({arrow::field("ID", arrow::int64())});
  EXPECT_THAT((*table)->Append(*Rows(cased, R"([{"ID": 1}])"), Values("a"), {}),
              IsError(ErrorCode::kInvalidArgument, "case"));
  auto partition = arrow::schema({arrow::field("variant", arrow::utf8())});
  EXPECT_THAT((*table)->Append(*Rows(partition, R"([{"variant": "x"}])"), Values("a"), {}),
              IsError(ErrorCode::kInvalidArgument, "variant"));
  EXPECT_EQ((*(*table)->Snapshot())->version(), 0);
}

TEST_F(TableTest, RefusesBadPartitionValues) {
  auto table = Create();
  for (const char* bad : {"", "..", "a/b", "with blank", "__HIVE_DEFAULT_PARTITION__"}) {
    EXPECT_THAT(Append(**table, bad, R"([{"id": 1, "text": "x"}])"),
                IsError(ErrorCode::kInvalidArgument, "variant"))
        << bad;
  }
  EXPECT_THAT((*table)->Append(*Rows(rows_, "[]"), {{"variant", "a"}}, {}),
              IsError(ErrorCode::kInvalidArgument, "missing"));
}

TEST_F(TableTest, RefusesBadColumnNamesAtCreation) {
  for (const char* bad : {"a b", "a,b", "a;b", "{a", "a}", "a(", ")a", "a\nb", "a\tb", "a=b", ""}) {
    schema_ = arrow::schema({arrow::field(bad, arrow::int64())});
    EXPECT_THAT(Table::Create(environment_, "/t", {.schema = schema_}, {}),
                IsError(ErrorCode::kInvalidArgument, "column name"))
        << bad;
  }
  schema_ = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("A", arrow::int64())});
  EXPECT_THAT(Table::Create(environment_, "/t", {.schema = schema_}, {}),
              IsError(ErrorCode::kInvalidArgument, "twice"));
  EXPECT_THAT(Table::Exists(fs_, "/t"), datalake::testing::IsOkAndHolds(false));
}

TEST_F(TableTest, RefusesToCreateOverATable) {
  ASSERT_THAT(Create(), IsOk());
  EXPECT_THAT(Create(), IsError(ErrorCode::kAlreadyExists, kRoot));
  EXPECT_THAT(Table::Open(environment_, "/nowhere"), IsError(ErrorCode::kNotFound, "/nowhere"));
}

TEST_F(TableTest, TellsItsHistory) {
  auto table = Create();
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}, {"id": 2, "text": "x"}])"), IsOk());

  auto history = (*table)->History(10);

  ASSERT_THAT(history, IsOk());
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ(history->front().version, 1);
  EXPECT_EQ(history->front().info.operation, "upload");
  EXPECT_EQ(history->front().info.user, "ada");
  EXPECT_EQ(history->front().rows_added, 2);
  EXPECT_EQ(history->front().time, clock_.Now());
}

TEST_F(TableTest, ReadsThroughCheckpoints) {
  auto table = Create({.checkpoint_interval = 3});
  for (int i = 1; i <= 8; ++i) {
    ASSERT_THAT(Append(**table, "a", R"([{"id": )" + std::to_string(i) + R"(, "text": "x"}])",
                       Transaction{.app_id = "app", .version = i}),
                IsOk());
  }
  const std::string path = (*(*table)->Snapshot())->files().front()->path;
  ASSERT_THAT((*table)->Remove({path}, {}), IsOk());  // version 9, with a checkpoint
  EXPECT_THAT(io::ReadFile(fs_, CheckpointHintPath(kRoot), 1000),
              datalake::testing::IsOkAndHolds(HasSubstr("\"version\":9,\"size\":11")));
  for (int i = 0; i < 9; ++i) {
    ASSERT_THAT(fs_.Remove(LogFilePath(kRoot, i)), IsOk());
  }

  auto reopened = Table::Open(environment_, kRoot);

  ASSERT_THAT(reopened, IsOk());
  auto snapshot = *(*reopened)->Snapshot();
  EXPECT_EQ(snapshot->version(), 9);
  EXPECT_EQ(snapshot->txn_version("app"), 8);
  EXPECT_EQ(snapshot->id(), (*(*table)->Snapshot())->id());
  EXPECT_EQ(ColumnText(*AllRows(fs_, snapshot), "id"), "2 3 4 5 6 7 8");
  EXPECT_EQ(snapshot->modified(), clock_.Now());
  EXPECT_THAT((*reopened)->Snapshot(4), IsError(ErrorCode::kNotFound, "no longer kept"));
  ASSERT_THAT(Append(**reopened, "a", R"([{"id": 9, "text": "x"}])"), IsOk());
  EXPECT_EQ((*(*table)->Snapshot())->version(), 10);
}

TEST_F(TableTest, PassesOverADamagedCheckpoint) {
  auto table = Create({.checkpoint_interval = 2});
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  ASSERT_THAT(Append(**table, "a", R"([{"id": 2, "text": "x"}])"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, CheckpointPath(kRoot, 2), "garbage"), IsOk());
  auto reopened = Table::Open(environment_, kRoot);
  ASSERT_THAT(reopened, IsOk());
  EXPECT_EQ((*(*reopened)->Snapshot())->num_rows(), 2);
}

TEST_F(TableTest, NamesTheMissingLogFile) {
  auto table = Create();
  ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  ASSERT_THAT(Append(**table, "a", R"([{"id": 2, "text": "x"}])"), IsOk());
  ASSERT_THAT(fs_.Remove(LogFilePath(kRoot, 1)), IsOk());
  EXPECT_THAT(Table::Open(environment_, kRoot),
              IsError(ErrorCode::kCorruption, "00000000000000000001.json"));
}

// A process that slept while another cleaned the log up must not commit into the past.
TEST_F(TableTest, FindsTheNewestVersionAfterACleanUpByOthers) {
  auto sleeper = Create();
  auto table = Table::Open(environment_, kRoot, {.checkpoint_interval = 5});
  for (int i = 1; i <= 5; ++i) {
    ASSERT_THAT(Append(**table, "a", R"([{"id": 1, "text": "x"}])"), IsOk());
  }
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(fs_.Remove(LogFilePath(kRoot, i)), IsOk());
  }
  auto result = Append(**sleeper, "a", R"([{"id": 6, "text": "x"}])");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->version, 6);
}

TEST_F(TableTest, RefusesProtocolsThatAskMore) {
  const std::string log = LogFilePath("/t", 0);
  ASSERT_THAT(fs_.MakeDirectories("/t/_delta_log"), IsOk());
  ASSERT_THAT(
      io::ReplaceFile(fs_, log, R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7}})"),
      IsOk());
  EXPECT_THAT(Table::Open(environment_, "/t"),
              IsError(ErrorCode::kUnsupported, "reader version 3"));
}

TEST_F(TableTest, RefusesToWriteWhereTheProtocolAsksMore) {
  ASSERT_THAT(fs_.MakeDirectories("/t/_delta_log"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, LogFilePath("/t", 0),
                              R"({"protocol":{"minReaderVersion":1,"minWriterVersion":4}}
{"metaData":{"id":"x","format":{"provider":"parquet"},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[]}}
)"),
              IsOk());
  auto table = Table::Open(environment_, "/t");
  ASSERT_THAT(table, IsOk());
  auto rows = arrow::schema({arrow::field("id", arrow::int64())});
  EXPECT_THAT((*table)->Append(*Rows(rows, R"([{"id": 1}])"), {}, {}),
              IsError(ErrorCode::kUnsupported, "writer version 4"));
}

TEST_F(TableTest, NamesFileAndLineOfABrokenAction) {
  auto table = Create();
  ASSERT_THAT(io::ReplaceFile(fs_, LogFilePath(kRoot, 1), "\n{\"add\":{\"path\":7}}\n"), IsOk());
  EXPECT_THAT((*table)->Snapshot(), IsError(ErrorCode::kCorruption, "1.json:2"));
}

TEST_F(TableTest, ClosesFilesAboveTheTargetSize) {
  auto table = Create({.target_file_bytes = 1});
  auto batch = Rows(rows_, R"([{"id": 1, "text": "x"}])")->Next().ValueOrDie();
  auto rows = arrow::RecordBatchReader::Make({batch, batch, batch}, rows_).ValueOrDie();
  ASSERT_THAT((*table)->Append(*rows, Values("a"), {}), IsOk());
  EXPECT_EQ((*(*table)->Snapshot())->files().size(), 3U);
}

TEST_F(TableTest, WritesCheckpointsByItself) {
  auto table = Create();
  for (int i = 0; i < 120; ++i) {
    ASSERT_THAT((*table)->Commit({.info = {.operation = "touch"}}), IsOk());
  }
  auto reopened = Table::Open(environment_, kRoot);
  EXPECT_EQ((*(*reopened)->Snapshot())->version(), 120);
  EXPECT_THAT(fs_.Exists(CheckpointPath(kRoot, 100)), datalake::testing::IsOkAndHolds(true));
}

}  // namespace
}  // namespace datalake::table
