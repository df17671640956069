#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/query/engine.h"
#include "datalake/query/engine_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::query {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(QueryEngineTest, SqlRefusesEverythingButReading) {
  const std::string parquet = folder_ / "catalog/0.parquet";
  for (const std::string& sql :
       std::vector<std::string>{"select * from read_csv('/etc/passwd')",
                                "select * from read_text('/etc/passwd')",
                                "select * from glob('/etc/*')",
                                "select * from read_parquet('" + parquet + "')",
                                "copy (select 1) to '" + (folder_ / "catalog/x.csv") + "'",
                                "attach ':memory:' as x",
                                "install fts",
                                "load fts",
                                "pragma database_list",
                                "call pragma_version()",
                                "set threads = 1",
                                "create table t(a int)",
                                "create view v as select 1",
                                "insert into t values (1)",
                                "delete from jobs",
                                "use memory",
                                "detach memory",
                                "explain copy (select 1) to 'x.csv'",
                                "explain analyze create table t(a int)",
                                "select * from query('select 1')",
                                "select * from duckdb_settings()",
                                "select * from datalake_batches(1)",
                                "show databases",
                                "with a as (select * from read_csv('/etc/passwd')) select * from a",
                                "select (select max(content) from read_text('/etc/passwd'))",
                                "select 1 where exists (from glob('/*'))",
                                "checkpoint",
                                "begin",
                                "vacuum",
                                "export database 'x'",
                                "prepare a as select 1",
                                "execute a",
                                "reset threads"}) {
    EXPECT_THAT(Sql(sql), IsError(ErrorCode::kPermissionDenied, "")) << sql;
  }
}

// Only what the gate has read may run, wherever DuckDB's lexer ends a comment.
TEST_F(QueryEngineTest, SqlRunsNothingButWhatItInspected) {
  const std::string parquet = folder_ / "catalog/0.parquet";
  const std::string made = folder_ / "catalog/made.parquet";
  const auto before = io::ReadFile(fs_, parquet, 1 << 20);
  ASSERT_THAT(before, IsOk());
  std::vector<std::string> hidden;
  for (const std::string& path : {parquet, made}) {
    const std::string copy = "copy (select 666 as a) to '" + path + "' (format parquet)";
    hidden.insert(
        hidden.end(),
        {copy, "explain analyze " + copy, "explain " + copy,
         "select * from read_parquet('" + parquet + "')",
         "describe select * from read_parquet('" + parquet + "')",
         "summarize select * from read_parquet('" + parquet + "')",
         "(select * from read_parquet('" + parquet + "'))", "from read_parquet('" + parquet + "')",
         "with x as (from read_parquet('" + parquet + "')) from x", "create table t as select 1"});
  }
  for (const std::string& sql : hidden) {
    for (const std::string& harmless :
         std::vector<std::string>{"select 1", "analyze select 1", "(select 1)", "values (1)",
                                  "from range(1)", "with x as (select 1) from x"}) {
      for (const std::string& both : {"/* /* */ explain " + harmless + " -- */ */ " + sql,
                                      "/* /* */ explain " + harmless + " -- */ " + sql,
                                      "/* /* */ explain " + harmless + " -- */\n" + sql,
                                      "/* /* */ explain " + harmless + " -- */\r" + sql,
                                      " --x\r" + sql + " /*\nexplain " + harmless + " -- */",
                                      " --x\r" + sql + " --\nexplain " + harmless,
                                      "explain --x\r" + sql + " /*\nanalyze " + harmless + " -- */",
                                      "explain /* /* */ analyze " + harmless + " -- */ */ " + sql,
                                      "explain /* /* */ analyze " + harmless + " -- */ " + sql,
                                      "\xc2\xa0"
                                      "explain " +
                                          sql}) {
        const auto rows = Sql(both);
        for (const std::string& row : rows ? *rows : std::vector<std::string>()) {
          EXPECT_EQ(row.find("PARQUET"), std::string::npos) << both << ": " << row;
          EXPECT_EQ(row.find("COPY"), std::string::npos) << both << ": " << row;
          EXPECT_EQ(row.find("tissue"), std::string::npos) << both << ": " << row;
        }
        ASSERT_THAT(io::ReadFile(fs_, parquet, 1 << 20), IsOkAndHolds(*before)) << both;
        ASSERT_THAT(fs_.Stat(made), IsError(ErrorCode::kNotFound, "")) << both;
      }
    }
  }
}

TEST_F(QueryEngineTest, CommentsAreReadAsDuckdbReadsThem) {
  for (const std::string_view sql :
       {"/* a /* b */ c */ explain select 1", "-- a\rexplain select 1", "/**/explain/**/select 1",
        "explain -- x\r analyze /* /**/ */ select 1", "EXPLAIN (select 1)", "explain from range(1)",
        "explain with x as (select 1) select * from x", "explain values (1)"}) {
    const auto rows = Sql(sql);
    ASSERT_THAT(rows, IsOk()) << sql;
    EXPECT_THAT(*rows, ::testing::SizeIs(1)) << sql;
    EXPECT_THAT(rows->front(), HasSubstr("plan|")) << sql;
  }
  EXPECT_THAT(Sql("/* open"), IsError(ErrorCode::kInvalidArgument, ""));
}

TEST_F(QueryEngineTest, SqlRefusesSeveralStatementsAndParameters) {
  EXPECT_THAT(Sql("select 1; select 2"), IsError(ErrorCode::kInvalidArgument, "one SELECT"));
  EXPECT_THAT(Sql("select 1; drop table x"), IsError(ErrorCode::kPermissionDenied, "read-only"));
  EXPECT_THAT(Sql(""), IsError(ErrorCode::kInvalidArgument, "one SELECT"));
  EXPECT_THAT(Sql("select ?"), IsError(ErrorCode::kInvalidArgument, "parameters"));
  EXPECT_THAT(Sql("selec 1"), IsError(ErrorCode::kInvalidArgument, "cannot parse sql"));
  EXPECT_THAT(Sql(std::string_view("select 1\0", 9)), IsError(ErrorCode::kInvalidArgument, "NUL"));
  EXPECT_THAT(Sql("select '\xff'"), IsError(ErrorCode::kInvalidArgument, "UTF-8"));
  EXPECT_THAT(*Sql("select 1;"), ElementsAre("1"));
}

TEST_F(QueryEngineTest, SqlNamesOnlyViews) {
  const std::string parquet = folder_ / "catalog/0.parquet";
  for (const std::string& sql : std::vector<std::string>{
           "from '" + parquet + "'", "select * from '/etc/passwd'",
           "select * from information_schema.tables", "select * from memory.main.x",
           "select * from duckdb_tables", "select * from sqlite_master",
           "with \"" + parquet + "\" as (select 1) select * from '" + parquet + "'"}) {
    EXPECT_THAT(Sql(sql), IsError(ErrorCode::kNotFound, "no such view")) << sql;
  }
}

// A WITH name holds within its SELECT alone; outside of it DuckDB has views of these names.
TEST_F(QueryEngineTest, WithNamesDoNotOpenSystemViews) {
  for (const std::string_view name :
       {"sqlite_master", "SQLite_Schema", "sqlite_temp_master", "duckdb_tables", "duckdb_columns",
        "duckdb_views", "pragma_database_list", "pg_class", "pg_settings"}) {
    for (const std::string& sql :
         {fmt::format("select count(*) from {0} s, (with {0} as (select 1 z) from {0}) t", name),
          fmt::format("with a as (select * from {0}), {0} as (select 1 z) select * from a", name),
          fmt::format("with \"{0}\" as (select * from {0}) select * from {0}", name)}) {
      EXPECT_THAT(Sql(sql), IsError(ErrorCode::kInvalidArgument, "WITH")) << sql;
    }
  }
  // Names that only information_schema has are free, and outside of their scope there is nothing.
  EXPECT_THAT(*Sql("with tables as (select 7) select * from tables"), ElementsAre("7"));
  for (const std::string_view name : {"tables", "columns", "schemata", "x", "jobs"}) {
    EXPECT_FALSE(
        Sql(fmt::format("select * from {0} s, (with {0} as (select 1 z) from {0}) t", name)))
        << name;
  }
}

TEST_F(QueryEngineTest, TheEngineItselfIsShutIn) {
  // Past the gate: a view written by the program still cannot leave its folders.
  View view = views_.views[{"data", "p/d/raw"}];
  view.select = "SELECT * FROM read_text('/etc/hostname')";
  views_.views[{"", "outside"}] = view;
  EXPECT_THAT(Sql("select * from outside"), IsError(ErrorCode::kPermissionDenied, "hostname"));
}

TEST_F(QueryEngineTest, SqlRunsTheFormsOfReading) {
  for (const std::string& sql : std::vector<std::string>{
           "with x as (select 1 a) select * from x", "values (1), (2)", "from data.\"p/d/raw\"",
           "describe data.\"p/d/raw\"", "summarize data.\"p/d/raw\"", "show tables",
           "explain select * from data.\"p/d/raw\"", "/* c */ EXPLAIN ANALYZE select 1",
           "select * from range(3)", "select * from unnest([1, 2])", "(select 1) union (select 2)",
           "-- note\nselect 1", "select * from (values (1)) t(x)",
           "select a.value from json_each('[1]') a"}) {
    const auto rows = Sql(sql);
    ASSERT_THAT(rows, IsOk()) << sql;
    EXPECT_FALSE(rows->empty()) << sql;
  }
}

TEST_F(QueryEngineTest, ErrorsAreErrorsNotEmptyResults) {
  EXPECT_THAT(Sql(R"(select nope from data."p/d/raw")"),
              IsError(ErrorCode::kInvalidArgument, "nope"));
  EXPECT_THAT(Sql(R"(select cast(text as int) from data."p/d/raw")"),
              IsError(ErrorCode::kInvalidArgument, "tissue"));
  auto& files = views_.views[{"data", "p/d/raw"}].inputs[0].relation.files[0].files;
  files[0].path = folder_ / "catalog/gone.parquet";
  EXPECT_THAT(Sql(R"(select * from data."p/d/raw")"),
              IsError(ErrorCode::kCorruption, "gone.parquet"));
}

TEST_F(QueryEngineTest, OpenRefusesBadOptions) {
  EXPECT_THAT(QueryEngine::Open({.memory_limit_bytes = 1}),
              IsError(ErrorCode::kInvalidArgument, "memory_limit_bytes"));
  EXPECT_THAT(QueryEngine::Open({.readable_folders = {"relative"}}),
              IsError(ErrorCode::kInvalidArgument, "absolute"));
}

}  // namespace
}  // namespace datalake::query
