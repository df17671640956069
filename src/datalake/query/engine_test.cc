#include "datalake/query/engine.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/format/arrow_status.h"
#include "datalake/query/engine_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::query {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

TEST_F(QueryEngineTest, StructsOfTwoTablesComeTogetherByTheirMembers) {
  const auto with = [](arrow::FieldVector members, bool is_list) {
    const auto type = arrow::struct_(std::move(members));
    return arrow::field("b", is_list ? arrow::list(type) : type);
  };
  const auto x = arrow::field("x", arrow::int64());
  const auto y = arrow::field("y", arrow::utf8());
  for (const bool is_list : {false, true}) {
    Relation relation;
    const auto add = [&](const std::string& name, const std::shared_ptr<arrow::Field>& field,
                         const std::string& value) {
      const std::string json = is_list ? "[" + value + "]" : value;
      relation.files.push_back({.schema = arrow::schema({field, arrow::field("v", arrow::utf8())}),
                                .partition_columns = {"v"},
                                .files = {Write(name, Batch({field}, "[{\"b\": " + json + "}]"))}});
    };
    const std::string suffix = is_list ? "_list" : "";
    add("old" + suffix, with({x}, is_list), R"({"x": 1})");
    add("new" + suffix, with({x, y}, is_list), R"({"x": 2, "y": "z"})");
    views_.views[{"", "both"}] = MakeView(relation);
    const auto rows = Sql(is_list ? "select b[1].x, b[1].y from \"both\" order by 1"
                                  : "select b.x, b.y from \"both\" order by 1");
    EXPECT_THAT(rows, IsOkAndHolds(ElementsAre("1|null", "2|z")));
  }
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
  relation.batches.push_back(
      {.schema = arrow::schema({arrow::field("id", arrow::int64())}),
       .open = [](const std::vector<int>&) -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
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

TEST_F(QueryEngineTest, TimeoutOfAPartNamesTheWholeLimit) {
  EXPECT_THAT(
      Sql("select count(*) from range(100000000000) a where hash(a.range) = 7",
          {.timeout = std::chrono::milliseconds(50), .time_spent = std::chrono::milliseconds(950)}),
      IsError(ErrorCode::kResourceExhausted, "1000 ms"));
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

}  // namespace
}  // namespace datalake::query
