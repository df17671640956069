#include "datalake/lake/sql_predicate.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using arrow::field;
using datalake::testing::IsError;
using datalake::testing::IsOk;

class SqlPredicateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    arrow::FieldVector fields = fields_;
    fields.push_back(field("p", arrow::utf8()));
    table_ =
        *table::Table::Create({fs_, clock_, random_}, "/t",
                              {.schema = arrow::schema(fields), .partition_columns = {"p"}}, {});
    Append("a", R"([
      {"id": 1, "lang": "ko", "x": 0.5, "day": 20454, "s": {"n": 1}},
      {"id": 2, "lang": "de", "x": null, "day": 20455, "s": {"n": 2}}])");
    Append("b", R"([
      {"id": 10, "lang": "ko", "x": 5.5, "day": 20485, "s": {"n": 10}},
      {"id": 11, "lang": null, "x": 6.5, "day": 20486, "s": null}])");
  }

  void Append(const std::string& p, const std::string& json) {
    auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields_), json).ValueOrDie();
    auto batch = arrow::RecordBatch::FromStructArray(array).ValueOrDie();
    auto rows = arrow::RecordBatchReader::Make({batch}, arrow::schema(fields_)).ValueOrDie();
    ASSERT_THAT(table_->Append(*rows, {{"p", p}}, {}), IsOk());
  }

  // "2 of 1 files": how many rows match, and how many files had to be opened.
  std::string Count(const std::string& where) {
    auto predicate = SqlPredicate::Make(fs_, *engine_, where);
    if (!predicate) {
      return predicate.error().message;
    }
    const auto counted = table::CountRows(*table_, **predicate);
    if (!counted) {
      return counted.error().message;
    }
    return std::to_string(counted->rows_deleted) + " of " +
           std::to_string(2 - counted->files_skipped);
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  arrow::FieldVector fields_ = {field("id", arrow::int64()), field("lang", arrow::utf8()),
                                field("x", arrow::float64()), field("day", arrow::date32()),
                                field("s", arrow::struct_({field("n", arrow::int64())}))};
  std::unique_ptr<table::Table> table_;
  std::unique_ptr<query::QueryEngine> engine_ = *query::QueryEngine::Open({.threads = 1});
};

TEST_F(SqlPredicateTest, FindsRowsAndOpensOnlyFilesThatMayHoldThem) {
  EXPECT_EQ(Count("id = 2"), "1 of 1");
  EXPECT_EQ(Count("id in (2, 11)"), "2 of 2");
  EXPECT_EQ(Count("ID between 3 and 9"), "0 of 0");
  EXPECT_EQ(Count("p = 'b'"), "2 of 1");
  EXPECT_EQ(Count("p = 'c' or id = 1"), "1 of 1");
  EXPECT_EQ(Count("day >= '2026-02-02'"), "1 of 1");
  EXPECT_EQ(Count("day < date '2026-01-02'"), "1 of 1");
  EXPECT_EQ(Count("x < 0.75"), "1 of 1");
  EXPECT_EQ(Count("s.n = 2"), "1 of 1");
  EXPECT_EQ(Count("lang is null"), "1 of 1");
  EXPECT_EQ(Count("lang = 'ko'"), "2 of 2");
  EXPECT_EQ(Count("lower(lang) = 'de'"), "1 of 2");
  EXPECT_EQ(Count("true"), "4 of 2");
  EXPECT_EQ(Count("lang <> 'ko'"), "1 of 2");  // null is not true
}

TEST_F(SqlPredicateTest, CountsAsTheEngineDoesWhateverThePruning) {
  for (const char* where : {"id > 1",
                            "id >= 10",
                            "id < 10",
                            "id <= 1",
                            "id = 1.0",
                            "id > 1.5",
                            "x > 5.5",
                            "x >= 5.5",
                            "x = 5",
                            "x between 0.5 and 5.5",
                            "lang > 'de'",
                            "lang <= 'de'",
                            "day = '2026-01-01'",
                            "p >= 'b'",
                            "x is null",
                            "x is not null",
                            "s is null",
                            "s.n is null",
                            "s.n > 2",
                            "id = '2'",
                            "lang = 'ko' and id > 5",
                            "id < 2 or id > 10",
                            "day is not null and p <> 'a'"}) {
    // A condition that statistics cannot see through gives the same rows from every file.
    const std::string pruned = Count(where);
    const std::string whole = Count(std::string("coalesce((") + where + "), false)");
    EXPECT_EQ(pruned.substr(0, pruned.find(' ')), whole.substr(0, whole.find(' '))) << where;
    EXPECT_EQ(whole.substr(whole.size() - 1), "2") << where;
  }
}

TEST_F(SqlPredicateTest, SaysWhatIsWrongWithAnExpression) {
  EXPECT_THAT(Count("nothing = 1"), ::testing::HasSubstr("nothing"));
  EXPECT_THAT(Count("id ="), ::testing::HasSubstr("not one expression"));
}

TEST_F(SqlPredicateTest, DeletesWhatItFinds) {
  auto predicate = SqlPredicate::Make(fs_, *engine_, "id = 2 or id = 10");
  ASSERT_THAT(predicate, IsOk());
  ASSERT_THAT(table::DeleteRows(*table_, **predicate, {}), IsOk());
  EXPECT_EQ(Count("true"), "2 of 2");
  EXPECT_EQ(Count("id in (1, 11)"), "2 of 2");
}

}  // namespace
}  // namespace datalake::lake
