// How the schema of a table grows, and that files from before are read with what it has become.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/table/column_cast.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using arrow::field;
using datalake::testing::IsError;
using datalake::testing::IsOk;

class SchemaEvolutionTest : public ::testing::Test {
 protected:
  using Type = std::shared_ptr<arrow::DataType>;

  std::unique_ptr<Table> Make(const Type& type) {
    return *Table::Create(environment_, "/t", {.schema = arrow::schema({field("c", type)})}, {});
  }

  Result<CommitResult> Append(Table& table, const Type& type, const std::string& value) {
    return table.Append(*Rows(arrow::schema({field("c", type)}), "[{\"c\":" + value + "}]"), {},
                        {.operation = "append"});
  }

  // Rows of `narrow`, then of `wide`: the column becomes `wide` and both are read.
  void ExpectWidened(const Type& narrow, const std::string& one, const Type& wide,
                     const std::string& other, const std::string& both) {
    io::MemoryFileSystem fs;
    const TableEnvironment environment{fs, clock_, random_};
    auto table =
        *Table::Create(environment, "/t", {.schema = arrow::schema({field("c", narrow)})}, {});
    ASSERT_THAT(Append(*table, narrow, one), IsOk());
    ASSERT_THAT(Append(*table, wide, other), IsOk()) << wide->ToString();
    ASSERT_THAT(Append(*table, narrow, one), IsOk()) << "narrow rows into the widened column";
    const auto snapshot = *table->Snapshot();
    EXPECT_TRUE(SameDeltaType(*snapshot->schema()->field(0)->type(), *wide))
        << snapshot->schema()->ToString();
    EXPECT_EQ(ColumnText(*AllRows(fs, snapshot), "c"), both);
    EXPECT_TRUE(SameDeltaType(*(*table->Snapshot(1))->schema()->field(0)->type(), *narrow));
    auto reopened = Table::Open(environment, "/t");
    EXPECT_EQ(ColumnText(*AllRows(fs, *(*reopened)->Snapshot()), "c"), both);
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  TableEnvironment environment_{fs_, clock_, random_};
};

TEST_F(SchemaEvolutionTest, WidensIntegers) {
  ExpectWidened(arrow::int8(), "-5", arrow::int16(), "300", "-5 300 -5");
  ExpectWidened(arrow::int8(), "-5", arrow::int32(), "70000", "-5 70000 -5");
  ExpectWidened(arrow::int16(), "-5", arrow::int64(), "5000000000", "-5 5000000000 -5");
  ExpectWidened(arrow::int32(), "-5", arrow::int64(), "5000000000", "-5 5000000000 -5");
}

TEST_F(SchemaEvolutionTest, WidensFloatToDouble) {
  ExpectWidened(arrow::float32(), "0.5", arrow::float64(), "1e300", "0.5 1e+300 0.5");
}

TEST_F(SchemaEvolutionTest, WidensDecimalsOfOneScale) {
  ExpectWidened(arrow::decimal128(5, 2), "\"1.50\"", arrow::decimal128(20, 2), "\"123456789.25\"",
                "1.50 123456789.25 1.50");
}

TEST_F(SchemaEvolutionTest, WidensWithinListsStructsAndMaps) {
  ExpectWidened(arrow::list(arrow::int32()), "[1]", arrow::list(arrow::int64()), "[5000000000]",
                "list<element: int64>[1] list<element: int64>[5000000000] list<element: int64>[1]");
  auto narrow = arrow::struct_({field("x", arrow::float32()), field("y", arrow::utf8())});
  auto wide = arrow::struct_({field("x", arrow::float64()), field("y", arrow::utf8())});
  ExpectWidened(narrow, R"({"x": 0.5, "y": "a"})", wide, R"({"x": 1e300, "y": null})",
                "{x:double = 0.5, y:string = a} {x:double = 1e+300, y:string = null} "
                "{x:double = 0.5, y:string = a}");
}

TEST_F(SchemaEvolutionTest, RefusesOtherChangesWithBothSchemas) {
  const std::pair<Type, Type> pairs[] = {
      {arrow::int64(), arrow::float64()},
      {arrow::int32(), arrow::float64()},
      {arrow::utf8(), arrow::int64()},
      {arrow::boolean(), arrow::int8()},
      {arrow::date32(), arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")},
      {arrow::decimal128(5, 2), arrow::decimal128(20, 4)},
      {arrow::list(arrow::utf8()), arrow::utf8()},
      {arrow::struct_({field("x", arrow::int64())}),
       arrow::struct_({field("x", arrow::int64()), field("y", arrow::int64())})},
  };
  for (const auto& [table_type, rows_type] : pairs) {
    io::MemoryFileSystem fs;
    const TableEnvironment environment{fs, clock_, random_};
    auto table =
        *Table::Create(environment, "/t", {.schema = arrow::schema({field("c", table_type)})}, {});
    const auto refused = Append(*table, rows_type, "null");
    EXPECT_THAT(refused, IsError(ErrorCode::kInvalidArgument, "column c"));
    EXPECT_THAT(refused, IsError(ErrorCode::kInvalidArgument, rows_type->ToString()));
    EXPECT_THAT(refused, IsError(ErrorCode::kInvalidArgument, "the table has"));
    EXPECT_EQ((*table->Snapshot())->version(), 0);
  }
}

TEST_F(SchemaEvolutionTest, AddsAndWidensInOneCommit) {
  auto table = Make(arrow::int32());
  ASSERT_THAT(Append(*table, arrow::int32(), "1"), IsOk());
  const auto schema = arrow::schema({field("c", arrow::int64()), field("d", arrow::utf8())});
  ASSERT_THAT(table->Append(*Rows(schema, R"([{"c": 5000000000, "d": "x"}])"), {}, {}), IsOk());
  const auto rows = AllRows(fs_, *table->Snapshot());
  EXPECT_EQ(ColumnText(*rows, "c"), "1 5000000000");
  EXPECT_EQ(ColumnText(*rows, "d"), "null x");
}

TEST_F(SchemaEvolutionTest, FilesStagedBeforeAnotherWriterWidenedStayGood) {
  auto table = Make(arrow::int32());
  auto staged =
      table->WriteFiles(*Rows(arrow::schema({field("c", arrow::int32())}), R"([{"c": 1}])"), {});
  ASSERT_THAT(staged, IsOk());
  ASSERT_THAT(Append(*table, arrow::int64(), "5000000000"), IsOk());
  ASSERT_THAT(table->Commit({.adds = *staged}), IsOk());
  EXPECT_EQ(ColumnText(*AllRows(fs_, *table->Snapshot()), "c"), "5000000000 1");
}

TEST_F(SchemaEvolutionTest, ReadsWidenedColumnsThroughCheckpoints) {
  auto table = Make(arrow::int32());
  ASSERT_THAT(Append(*table, arrow::int32(), "1"), IsOk());
  ASSERT_THAT(Append(*table, arrow::int64(), "5000000000"), IsOk());
  ASSERT_THAT(table->Checkpoint(), IsOk());
  auto reopened = Table::Open(environment_, "/t");
  ASSERT_THAT(reopened, IsOk());
  EXPECT_EQ(ColumnText(*AllRows(fs_, *(*reopened)->Snapshot()), "c"), "1 5000000000");
}

}  // namespace
}  // namespace datalake::table
