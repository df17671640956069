#include "datalake/query/engine.h"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::query {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::shared_ptr<arrow::RecordBatch> Batch(const arrow::FieldVector& fields,
                                          const std::string& json) {
  const auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), json).ValueOrDie();
  return arrow::RecordBatch::FromStructArray(array).ValueOrDie();
}

// The rows of a reader as text: "1|x|null".
Result<std::vector<std::string>> Rows(Result<std::shared_ptr<arrow::RecordBatchReader>> reader) {
  if (!reader) {
    return reader.error();
  }
  const auto table = (*reader)->ToTable();
  if (!table.ok()) {
    return format::ArrowError(table.status(), "rows");
  }
  EXPECT_TRUE((*table)->ValidateFull().ok());
  std::vector<std::string> rows;
  for (std::int64_t i = 0; i < (*table)->num_rows(); ++i) {
    std::string row;
    for (const auto& column : (*table)->columns()) {
      row += (row.empty() ? "" : "|") + column->GetScalar(i).ValueOrDie()->ToString();
    }
    rows.push_back(row);
  }
  return rows;
}

class TestViews final : public ViewSource {
 public:
  Result<View> Find(const ViewRequest& request) override {
    last = request;
    const auto found = views.find(request.name);
    if (found == views.end()) {
      return Error{ErrorCode::kNotFound, "no such view: " + request.name.name};
    }
    return found->second;
  }

  Result<std::vector<ViewName>> List() override {
    std::vector<ViewName> names;
    for (const auto& [name, view] : views) {
      names.push_back(name);
    }
    return names;
  }

  std::map<ViewName, View> views;
  ViewRequest last;
};

// A lake folder with one table of three partitions, whose files have older schemas.
class QueryEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.threads = 2;
    options.readable_folders = {folder_.path() + "/catalog"};
    auto engine = QueryEngine::Open(options);
    ASSERT_THAT(engine, IsOk());
    engine_ = std::move(engine).value();
    ASSERT_THAT(fs_.MakeDirectories(folder_ / "catalog"), IsOk());
    FileGroup group{
        .schema = arrow::schema(
            {arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8()),
             arrow::field("labels", arrow::utf8()), arrow::field("variant", arrow::utf8())}),
        .partition_columns = {"variant"}};
    group.files.push_back(
        File("a", arrow::int64(),
             R"([{"id": 1, "text": "tissue", "labels": "{\"w\":{\"c\":[\"tissue\", \"x\"]}}"},
                 {"id": 2, "text": "100%", "labels": "not json"}])"));
    group.files.push_back(File("01", arrow::int32(), R"([{"id": 3, "text": "issue", "labels":
                               "{\"w\":{\"c\":\"scalar iss\"}}"}])"));
    views_.views[{"data", "p/d/raw"}] = MakeView(Relation{.files = {group}});
  }

  DataFile File(const std::string& variant, const std::shared_ptr<arrow::DataType>& id_type,
                const std::string& json) {
    const auto batch = Batch({arrow::field("id", id_type), arrow::field("text", arrow::utf8()),
                              arrow::field("labels", arrow::utf8())},
                             json);
    return Write(variant, batch);
  }

  DataFile Write(const std::string& variant, const std::shared_ptr<arrow::RecordBatch>& batch) {
    const std::string path = folder_ / fmt::format("catalog/{}.parquet", count_++);
    auto reader = arrow::RecordBatchReader::Make({batch}).ValueOrDie();
    EXPECT_THAT(format::WriteParquet(fs_, path, *reader), IsOk());
    return DataFile{.path = path, .partition_values = {variant}};
  }

  Result<std::vector<std::string>> Sql(std::string_view sql, const QueryLimits& limits = {}) {
    return Rows(engine_->Sql(sql, views_, limits));
  }

  Result<std::vector<std::string>> Select(const RowFilter& filter) {
    return Rows(engine_->Select(views_.views[{"data", "p/d/raw"}], filter));
  }

  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  std::unique_ptr<QueryEngine> engine_;
  TestViews views_;
  int count_ = 0;
};

TEST_F(QueryEngineTest, SqlReadsAViewWithItsPartitionColumn) {
  const auto rows = Sql(R"(select id, variant from data."p/d/raw" order by id)");
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(*rows, ElementsAre("1|a", "2|a", "3|01"));
}

TEST_F(QueryEngineTest, SqlCountsWithoutReadingColumns) {
  const auto rows = Sql(R"(select count(*) from data."p/d/raw" where variant = '01')");
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(*rows, ElementsAre("1"));
}

TEST_F(QueryEngineTest, SqlPicksPartitionValuesByFile) {
  FileGroup group{.schema = arrow::schema(
                      {arrow::field("id", arrow::int64()), arrow::field("day", arrow::date32())}),
                  .partition_columns = {"day"}};
  for (int i = 0; i < 40; ++i) {
    group.files.push_back(
        Write(fmt::format("2026-01-{:02}", i % 20 + 1),
              Batch({arrow::field("id", arrow::int64())}, fmt::format(R"([{{"id": {}}}])", i))));
  }
  group.files.push_back(Write("", Batch({arrow::field("id", arrow::int64())}, R"([{"id": 40}])")));
  group.files.back().partition_values = {std::nullopt};
  views_.views[{"feeds", "chat"}] = MakeView(Relation{.files = {group}});
  const auto rows =
      Sql("select day, count(*) from feeds.chat where day = '2026-01-03' or day is "
          "null group by day order by day");
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(*rows, ElementsAre("2026-01-03|2", "null|1"));
  const auto whole = Sql("select count(distinct day), sum(id)::int from feeds.chat");
  ASSERT_THAT(whole, IsOk());
  EXPECT_THAT(*whole, ElementsAre("20|820"));
}

TEST_F(QueryEngineTest, RelationsUniteTablesOfDifferentSchemas) {
  Relation relation;
  relation.files.push_back(
      {.schema =
           arrow::schema({arrow::field("a", arrow::int64()),
                          arrow::field("b", arrow::struct_({arrow::field("x", arrow::int64())})),
                          arrow::field("v", arrow::utf8())}),
       .partition_columns = {"v"},
       .files = {Write(
           "one", Batch({arrow::field("a", arrow::int64()),
                         arrow::field("b", arrow::struct_({arrow::field("x", arrow::int64())}))},
                        R"([{"a": 1, "b": {"x": 5}}])"))}});
  relation.files.push_back(
      {.schema =
           arrow::schema({arrow::field("A", arrow::float64()), arrow::field("b", arrow::utf8()),
                          arrow::field("c", arrow::boolean()), arrow::field("v", arrow::utf8())}),
       .partition_columns = {"v"},
       .files = {Write("two",
                       Batch({arrow::field("A", arrow::float64()), arrow::field("b", arrow::utf8()),
                              arrow::field("c", arrow::boolean())},
                             R"([{"A": 1.5, "b": "t", "c": true}])"))}});
  views_.views[{"", "both"}] = MakeView(relation);
  const auto rows = Sql("select * from \"both\" order by a");
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(*rows, ElementsAre(R"(one|1|{"x":5}|null)", "two|1.5|t|true"));
}

TEST_F(QueryEngineTest, BatchesCanBeReadRepeatedlyAndBesideFiles) {
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  const arrow::FieldVector fields = {arrow::field("id", arrow::int64()),
                                     arrow::field("tags", arrow::list(arrow::utf8()))};
  for (int i = 0; i < 3; ++i) {
    std::string json = "[";
    for (int k = 0; k < 5000; ++k) {
      json += fmt::format(R"({}{{"id": {}, "tags": ["t{}", null]}})", k == 0 ? "" : ",",
                          i * 5000 + k, k);
    }
    batches.push_back(Batch(fields, json + "]"));
  }
  Relation relation;
  relation.batches.push_back(MakeBatchGroup(arrow::schema(fields), batches));
  views_.views[{"", "jobs"}] = MakeView(relation);
  EXPECT_THAT(*Sql("select count(*), sum(id)::bigint, max(tags[1]) from jobs"),
              ElementsAre("15000|112492500|t999"));
  EXPECT_THAT(*Sql("select count(*) from jobs a join jobs b using (id)"), ElementsAre("15000"));
  relation.files = views_.views[{"data", "p/d/raw"}].inputs[0].relation.files;
  views_.views[{"", "mixed"}] = MakeView(relation);
  EXPECT_THAT(*Sql("select count(*), count(tags), count(text) from mixed"),
              ElementsAre("15003|15000|3"));
}

TEST_F(QueryEngineTest, ErrorsOfBatchesKeepTheirCode) {
  Relation relation;
  relation.batches.push_back({.schema = arrow::schema({arrow::field("id", arrow::int64())}),
                              .open = []() -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
                                return Error{ErrorCode::kCorruption, "torn segment: wal/1.log"};
                              }});
  views_.views[{"", "broken"}] = MakeView(relation);
  EXPECT_THAT(Sql("select * from broken"), IsError(ErrorCode::kCorruption, "wal/1.log"));
}

TEST_F(QueryEngineTest, ViewsMayBeSelectsOverInputs) {
  View view = views_.views[{"data", "p/d/raw"}];
  view.select = "SELECT variant, count(*) AS n FROM \"rows\" GROUP BY variant";
  views_.views[{"", "counts"}] = view;
  EXPECT_THAT(*Sql("select * from counts where n > 1"), ElementsAre("a|2"));
  EXPECT_THAT(*Rows(engine_->Select(view, {.columns = {"n"}, .order_by = {{"variant"}}})),
              ElementsAre("1", "2"));
}

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

TEST_F(QueryEngineTest, SqlTellsViewsWhichColumnsAreWanted) {
  ASSERT_THAT(Sql(R"(select ID from data."p/d/raw" r where r.text = 'x')"), IsOk());
  EXPECT_THAT(views_.last.columns.value(), ElementsAre("id", "r", "text"));
  ASSERT_THAT(Sql(R"(select count(*) from data."p/d/raw")"), IsOk());
  EXPECT_THAT(views_.last.columns.value(), IsEmpty());
  for (const std::string_view sql :
       {R"(select * from data."p/d/raw")", R"(from data."p/d/raw")",
        R"(select r from data."p/d/raw" r)", R"(describe data."p/d/raw")"}) {
    ASSERT_THAT(Sql(sql), IsOk());
    EXPECT_EQ(views_.last.columns, std::nullopt) << sql;
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

TEST_F(QueryEngineTest, ABrokenFileIsNamed) {
  const std::string path = folder_ / "catalog/broken.parquet";
  {
    auto file = fs_.Create(path);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Write("PAR1 this is no parquet file"), IsOk());
    ASSERT_THAT((*file)->Close(), IsOk());
  }
  views_.views[{"data", "p/d/raw"}].inputs[0].relation.files[0].files[0].path = path;
  EXPECT_THAT(Sql(R"(select * from data."p/d/raw")"),
              IsError(ErrorCode::kCorruption, "broken.parquet"));
}

TEST_F(QueryEngineTest, TimeoutEndsTheQuery) {
  const auto begin = std::chrono::steady_clock::now();
  const auto rows = Sql("select count(*) from range(100000000000) a where hash(a.range) = 7",
                        {.timeout = std::chrono::milliseconds(100)});
  EXPECT_THAT(rows, IsError(ErrorCode::kResourceExhausted, "100 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(QueryEngineTest, StopEndsARunningQueryAndAStreamingOne) {
  std::stop_source stop;
  auto reader = engine_->Sql("select * from range(100000000000)", views_, {}, stop.get_token());
  ASSERT_THAT(reader, IsOk());
  std::shared_ptr<arrow::RecordBatch> batch;
  ASSERT_TRUE((*reader)->ReadNext(&batch).ok());
  stop.request_stop();
  arrow::Status status;
  while (status.ok() && batch != nullptr) {
    status = (*reader)->ReadNext(&batch);
  }
  EXPECT_EQ(format::ArrowError(status, "x").code, ErrorCode::kCancelled);
  EXPECT_THAT(engine_->Sql("select 1", views_, {}, stop.get_token()),
              IsError(ErrorCode::kCancelled, ""));
}

TEST_F(QueryEngineTest, MaxRowsEndsTheResult) {
  EXPECT_EQ(Sql("select * from range(100000)", {.max_rows = 5000})->size(), 5000U);
  EXPECT_EQ(Sql("select * from range(10)", {.max_rows = 0})->size(), 0U);
}

TEST_F(QueryEngineTest, ResultsStream) {
  auto reader = engine_->Sql("select * from range(1000000000000)", views_);
  ASSERT_THAT(reader, IsOk());
  std::shared_ptr<arrow::RecordBatch> batch;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE((*reader)->ReadNext(&batch).ok());
    ASSERT_NE(batch, nullptr);
  }
  engine_.reset();  // readers outlive the engine
  ASSERT_TRUE((*reader)->ReadNext(&batch).ok());
}

TEST_F(QueryEngineTest, QueriesRunInParallel) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        TestViews mine;
        View view = views_.views[{"data", "p/d/raw"}];
        view.select = fmt::format("SELECT {} + count(*) AS n FROM \"rows\"", t * 100 + i);
        mine.views[{"", "same"}] = view;
        const auto rows = Rows(engine_->Sql("select n from same", mine));
        right += rows && rows->size() == 1 && (*rows)[0] == std::to_string(t * 100 + i + 3) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 160);
}

TEST_F(QueryEngineTest, SelectFindsLiteralText) {
  const auto ids = [&](const TextSearch& text) {
    return Select({.text = text, .columns = {"id"}, .order_by = {{"id"}}});
  };
  EXPECT_THAT(*ids({"text", "iss"}), ElementsAre("1", "3"));
  EXPECT_THAT(*ids({"text", "ISS"}), IsEmpty());
  EXPECT_THAT(*ids({"text", "%"}), ElementsAre("2"));
  EXPECT_THAT(*ids({"text", "_"}), IsEmpty());
  EXPECT_THAT(*ids({"text", "' OR '1'='1"}), IsEmpty());
  EXPECT_THAT(*ids({"labels", "iss", "w.c"}), ElementsAre("1", "3"));
  EXPECT_THAT(*ids({"labels", "tiss", "$.w.c"}), ElementsAre("1"));
  EXPECT_THAT(*ids({"labels", "tiss", "$.w.c[*]"}), ElementsAre("1"));
  EXPECT_THAT(*ids({"labels", "\",", "w.c"}), IsEmpty());
  EXPECT_THAT(*ids({"labels", "iss", "w.none"}), IsEmpty());
  EXPECT_THAT(ids({"labels", "iss", "$[["}), IsError(ErrorCode::kInvalidArgument, "path"));
  EXPECT_THAT(ids({"txt", "x"}), IsError(ErrorCode::kNotFound, "did you mean text"));
}

TEST_F(QueryEngineTest, SelectCombinesEverything) {
  EXPECT_THAT(*Select({.text = TextSearch{"text", "iss"},
                       .where = "variant = 'a' or variant = '01' -- all",
                       .columns = {"ID", "variant"},
                       .order_by = {{"id", SortOrder::kDescending}},
                       .limit = 1,
                       .offset = 1}),
              ElementsAre("1|a"));
  EXPECT_THAT(Select({.limit = -1}), IsError(ErrorCode::kInvalidArgument, "negative"));
}

TEST_F(QueryEngineTest, SelectTakesOneExpression) {
  for (const std::string_view where :
       {"1 = 1) or (1 = 1", "1; select 2", "id = 1)", "(id = 1", "select 1", "id = 1 limit 1",
        "id = 1, id = 2", "id = 1 as x", "1) from jobs where (1 = 1", "exists (from jobs)",
        "id = ?", " "}) {
    EXPECT_THAT(Select({.where = std::string(where)}), IsError(ErrorCode::kInvalidArgument, ""))
        << where;
  }
  EXPECT_THAT(Select({.where = "id in (select 1 from read_csv('/etc/passwd'))"}),
              IsError(ErrorCode::kPermissionDenied, "read_csv"));
  EXPECT_EQ(Select({.where = "id in (1, 2) and text is not null"})->size(), 2U);
}

// 100 files of two rows, each a group of its own; the last one has a column more.
class SelectInPartsTest : public QueryEngineTest {
 protected:
  void SetUp() override {
    QueryEngineTest::SetUp();
    view_ = MakeView(MakeRelation(arrow::int64()));
  }

  // Every third file has `id` in `other_type`.
  Relation MakeRelation(const std::shared_ptr<arrow::DataType>& other_type) {
    Relation relation;
    for (int i = 0; i < 100; ++i) {
      arrow::FieldVector fields = {arrow::field("id", i % 3 == 1 ? other_type : arrow::int64())};
      const std::string_view quote = fields[0]->type()->id() == arrow::Type::STRING ? "\"" : "";
      std::string json =
          fmt::format(R"([{{"id": {0}{1}{0}}}, {{"id": {0}{2}{0}}}])", quote, 2 * i, 2 * i + 1);
      if (i == 99) {
        fields.push_back(arrow::field("late", arrow::int32()));
        json = R"([{"id": 198, "late": 7}, {"id": 199, "late": null}])";
      }
      const DataFile file = Write(std::to_string(i), Batch(fields, json));
      fields.push_back(arrow::field("variant", arrow::utf8()));
      relation.files.push_back({arrow::schema(fields), {"variant"}, {file}});
    }
    return relation;
  }

  Result<std::vector<std::string>> Select(const RowFilter& filter, const QueryLimits& limits = {}) {
    return Rows(engine_->Select(view_, filter, limits));
  }

  View view_;
};

TEST_F(SelectInPartsTest, GivesAllRowsInOrderWithTheColumnsOfAll) {
  const auto rows = Select({});
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 200U);
  for (int i = 0; i < 199; ++i) {
    EXPECT_EQ((*rows)[i], fmt::format("{}|{}|{}", i / 2, i, i == 198 ? "7" : "null"));
  }
  EXPECT_THAT(*Select({.order_by = {{"variant", SortOrder::kDescending}}, .limit = 1}),
              ElementsAre("99|198|7"));
}

TEST_F(SelectInPartsTest, TypesAreThoseOfAllParts) {
  view_ = MakeView(MakeRelation(arrow::utf8()));
  auto reader = engine_->Select(view_, {});
  ASSERT_THAT(reader, IsOk());
  EXPECT_TRUE((*reader)->schema()->GetFieldByName("id")->type()->Equals(arrow::utf8()));
  const auto rows = Rows(std::move(reader));
  ASSERT_THAT(rows, IsOk());
  std::set<std::string> distinct(rows->begin(), rows->end());
  EXPECT_EQ(distinct.size(), 200U);
  EXPECT_TRUE(distinct.contains("98|197|null"));
}

TEST_F(SelectInPartsTest, LimitsAndOffsetsCountOverAllParts) {
  EXPECT_THAT(*Select({.columns = {"id"}, .limit = 3, .offset = 99}),
              ElementsAre("99", "100", "101"));
  EXPECT_THAT(*Select({.columns = {"id"}, .offset = 198}), ElementsAre("198", "199"));
  EXPECT_THAT(*Select({.limit = 0}), IsEmpty());
  EXPECT_THAT(*Select({.offset = 1000}), IsEmpty());
  EXPECT_EQ(Select({}, {.max_rows = 70})->size(), 70U);
  EXPECT_EQ(Select({.limit = 60}, {.max_rows = 70})->size(), 60U);
  EXPECT_THAT(*Select({.where = "late is not null"}), ElementsAre("99|198|7"));
  EXPECT_THAT(Select({.offset = -1}), IsError(ErrorCode::kInvalidArgument, "negative"));
}

TEST_F(SelectInPartsTest, ASmallLimitNeedsNoLaterFile) {
  view_.inputs[0].relation.files[50].files[0].path += ".gone";
  EXPECT_EQ(Select({.limit = 10})->size(), 10U);
  EXPECT_THAT(Select({}), IsError(ErrorCode::kCorruption, ".gone"));
}

TEST_F(SelectInPartsTest, StopEndsItBetweenParts) {
  std::stop_source stop;
  auto reader = engine_->Select(view_, {}, {}, stop.get_token());
  ASSERT_THAT(reader, IsOk());
  stop.request_stop();
  EXPECT_THAT(Rows(std::move(reader)), IsError(ErrorCode::kCancelled, ""));
}

TEST_F(QueryEngineTest, SelectOnNoFilesGivesColumns) {
  views_.views[{"data", "p/d/raw"}].inputs[0].relation.files[0].files.clear();
  const auto reader = engine_->Select(views_.views[{"data", "p/d/raw"}], {});
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT((*reader)->schema()->field_names(), ElementsAre("variant", "id", "text", "labels"));
}

TEST_F(QueryEngineTest, LargeSortsSpillIntoTheTempFolderAndLeaveNothing) {
  const std::string temp = folder_ / "query";
  auto engine = QueryEngine::Open(
      {.memory_limit_bytes = std::uint64_t{64} << 20, .threads = 1, .temp_folder = temp});
  ASSERT_THAT(engine, IsOk());
  const std::string sql =
      "select count(*) from (select md5(range::varchar) as h, repeat('x', 100) as t from "
      "range(1500000) order by h limit 1400000)";
  EXPECT_THAT(Rows((*engine)->Sql(sql, views_)), IsOkAndHolds(ElementsAre("1400000")));
  engine->reset();
  const auto left = fs_.List(temp);
  EXPECT_TRUE(!left || left->empty());
}

TEST_F(QueryEngineTest, TooMuchMemoryIsAnErrorWithoutATempFolder) {
  auto engine = QueryEngine::Open({.memory_limit_bytes = std::uint64_t{32} << 20, .threads = 1});
  ASSERT_THAT(engine, IsOk());
  EXPECT_THAT(Rows((*engine)->Sql("select count(*) from (select md5(range::varchar) as h from "
                                  "range(3000000) order by h limit 2900000)",
                                  views_)),
              IsError(ErrorCode::kResourceExhausted, "memory"));
}

TEST_F(QueryEngineTest, OpenRefusesBadOptions) {
  EXPECT_THAT(QueryEngine::Open({.memory_limit_bytes = 1}),
              IsError(ErrorCode::kInvalidArgument, "memory_limit_bytes"));
  EXPECT_THAT(QueryEngine::Open({.readable_folders = {"relative"}}),
              IsError(ErrorCode::kInvalidArgument, "absolute"));
}

}  // namespace
}  // namespace datalake::query
