#include "datalake/lake/queries.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/format/arrow_status.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/feed.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::shared_ptr<arrow::DataType> LinkType() {
  return arrow::struct_(
      {arrow::field("sha256", arrow::utf8()), arrow::field("path", arrow::utf8()),
       arrow::field("media_type", arrow::utf8()), arrow::field("bytes", arrow::int64()),
       arrow::field("width", arrow::int32()), arrow::field("height", arrow::int32())});
}

// The rows of an answer as text: "1|x|null".
std::vector<std::string> Texts(arrow::RecordBatchReader& reader) {
  const auto table = reader.ToTable();
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  std::vector<std::string> rows;
  for (std::int64_t i = 0; table.ok() && i < (*table)->num_rows(); ++i) {
    std::string row;
    for (const auto& column : (*table)->columns()) {
      row += (row.empty() ? "" : "|") + column->GetScalar(i).ValueOrDie()->ToString();
    }
    rows.push_back(row);
  }
  return rows;
}

std::string Chat(const std::string& id, const std::string& content) {
  return R"({"ingest_id":")" + id +
         R"(","submitter_id":"s","agent_id":"a","prompt_template":"p","conversation":[{"content":")" +
         content + R"("}]})";
}

class QueriesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(InitLake(fs_, clock_, random_, folder_ / "lake"), IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, folder_ / "lake");
    ASSERT_THAT(lake, IsOk());
    lake_ = std::move(lake).value();
    auto queries = Queries::Open(*lake_, {.threads = 2});
    ASSERT_THAT(queries, IsOk());
    queries_ = std::move(queries).value();
    const arrow::FieldVector text = {arrow::field("id", arrow::int64()),
                                     arrow::field("text", arrow::utf8())};
    Append({"aihub", "2024", "raw"}, "01", text,
           R"([{"id": 1, "text": "tissue"}, {"id": 2, "text": "50%"}])");
    Append({"aihub", "2024", "raw"}, "b", text, R"([{"id": 3, "text": "other"}])");
    Append({"aihub", "docs", "ocr"}, "image",
           {arrow::field("id", arrow::int32()), arrow::field("image", LinkType()),
            arrow::field("lang", arrow::utf8())},
           R"([{"id": 4, "lang": "ko", "image": {"sha256": "aa", "path": "aa/aa.png", "media_type":
               "image/png", "bytes": 10, "width": 3, "height": 4}},
               {"id": 5, "lang": "ko", "image": {"sha256": "aa", "path": "aa/aa.png", "media_type":
               "image/png", "bytes": 10, "width": 3, "height": 4}},
               {"id": 6, "lang": "en", "image": null}])");
    Append({"inhouse", "docs", "raw"}, "text", text, R"([{"id": 7, "text": "tissue"}])");
  }

  void Append(const TableName& name, const std::string& variant, const arrow::FieldVector& fields,
              const std::string& json) {
    const table::TableEnvironment environment{fs_, clock_, random_};
    const std::string root = lake_->layout().Table(name);
    const auto exists = table::Table::Exists(fs_, root);
    ASSERT_THAT(exists, IsOk());
    if (!*exists) {
      arrow::FieldVector all = fields;
      for (const char* level : {"provider", "dataset", "task", "variant"}) {
        all.push_back(arrow::field(level, arrow::utf8()));
      }
      ASSERT_THAT(
          table::Table::Create(environment, root,
                               {.schema = arrow::schema(all),
                                .partition_columns = {"provider", "dataset", "task", "variant"}},
                               {}),
          IsOk());
    }
    auto table = table::Table::Open(environment, root);
    ASSERT_THAT(table, IsOk());
    const auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), json).ValueOrDie();
    auto reader =
        arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()})
            .ValueOrDie();
    ASSERT_THAT((*table)->Append(*reader,
                                 {{"provider", name.provider},
                                  {"dataset", name.dataset},
                                  {"task", name.task},
                                  {"variant", variant}},
                                 {}),
                IsOk());
  }

  std::vector<std::string> Sql(std::string_view sql) {
    auto answer = queries_->Sql(sql);
    EXPECT_THAT(answer, IsOk());
    return answer ? Texts(*answer->rows) : std::vector<std::string>{};
  }

  // The ids that a search finds, sorted.
  std::vector<std::string> Ids(SearchRequest request) {
    request.filter.columns = {"id"};
    auto answer = queries_->Search(request);
    EXPECT_THAT(answer, IsOk());
    std::vector<std::string> ids = answer ? Texts(*answer->rows) : std::vector<std::string>{};
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  testing::ManualClock clock_;
  SystemRandom random_;
  std::unique_ptr<Lake> lake_;
  std::unique_ptr<Queries> queries_;
};

TEST_F(QueriesTest, SearchIsOrWithinALevelAndAndAcross) {
  EXPECT_THAT(Ids({}), SizeIs(7));
  EXPECT_THAT(Ids({.providers = {"aihub"}}), ElementsAre("1", "2", "3", "4", "5", "6"));
  EXPECT_THAT(Ids({.datasets = {"2024", "docs"}, .tasks = {"raw"}}),
              ElementsAre("1", "2", "3", "7"));
  EXPECT_THAT(
      Ids({.providers = {"aihub", "inhouse"}, .tasks = {"raw"}, .variants = {"01", "text"}}),
      ElementsAre("1", "2", "7"));
  EXPECT_THAT(Ids({.providers = {"*"}, .datasets = {"20*"}, .variants = {"?"}}), ElementsAre("3"));
  EXPECT_THAT(Ids({.providers = {""}, .tasks = {"ocr"}}), ElementsAre("4", "5", "6"));
  EXPECT_THAT(Ids({.providers = {"inhouse", "aihub"},
                   .datasets = {"docs", "docs", "../x"},
                   .tasks = {"ocr", "raw"}}),
              ElementsAre("4", "5", "6", "7"));
}

TEST_F(QueriesTest, SearchTakesNamesAsData) {
  EXPECT_THAT(Ids({.providers = {"' OR '1'='1"}}), IsEmpty());
  EXPECT_THAT(Ids({.variants = {"01' OR variant <> '"}}), IsEmpty());
  const auto answer = queries_->Search({.datasets = {"none"}});
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->rows->schema()->field_names(),
              ElementsAre("provider", "dataset", "task", "variant"));
  EXPECT_THAT(Texts(*answer->rows), IsEmpty());
}

TEST_F(QueriesTest, SearchOfAVersionIsOfOneTable) {
  SearchRequest request{.providers = {"aihub"}, .datasets = {"2024"}, .version = 1};
  EXPECT_THAT(Ids(request), ElementsAre("1", "2"));
  request.version = 2;
  EXPECT_THAT(Ids(request), ElementsAre("1", "2", "3"));
  request.version = 9;
  EXPECT_THAT(queries_->Search(request), IsError(ErrorCode::kNotFound, "9"));
  EXPECT_THAT(queries_->Search({.version = 1}),
              IsError(ErrorCode::kInvalidArgument, "of one table"));
}

TEST_F(QueriesTest, SearchUnitesColumnsByName) {
  auto answer = queries_->Search({.filter = {.order_by = {{"id"}}}});
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->rows->schema()->field_names(),
              ElementsAre("provider", "dataset", "task", "variant", "id", "text", "image", "lang"));
  EXPECT_EQ(Texts(*answer->rows)[0], "aihub|2024|raw|01|1|tissue|null|null");
  EXPECT_THAT(answer->sources, SizeIs(3));
}

TEST_F(QueriesTest, SearchCombinesTextWithTheHierarchy) {
  SearchRequest request{.filter = {.text = query::TextSearch{"text", "iss"}}};
  EXPECT_THAT(Ids(request), ElementsAre("1", "7"));
  request.providers = {"aihub"};
  EXPECT_THAT(Ids(request), ElementsAre("1"));
  request.filter.text->text = "%";
  EXPECT_THAT(Ids(request), ElementsAre("2"));
  request = {
      .providers = {"aihub"},
      .filter = {.text = query::TextSearch{"image", "png", "media_type"}, .where = "id > 4"}};
  EXPECT_THAT(Ids(request), ElementsAre("5"));
}

TEST_F(QueriesTest, SearchErrorsAreErrors) {
  EXPECT_THAT(queries_->Search({.filter = {.where = "nope = 1"}}),
              IsError(ErrorCode::kInvalidArgument, "nope"));
  EXPECT_THAT(queries_->Search({.filter = {.columns = {"txt"}}}),
              IsError(ErrorCode::kNotFound, "did you mean text"));
}

TEST_F(QueriesTest, EveryQuerySeesTheNewestVersion) {
  EXPECT_THAT(Ids({.providers = {"inhouse"}}), SizeIs(1));
  Append({"inhouse", "docs", "raw"}, "more",
         {arrow::field("id", arrow::int64()), arrow::field("extra", arrow::boolean())},
         R"([{"id": 8, "extra": true}])");
  EXPECT_THAT(Ids({.providers = {"inhouse"}}), ElementsAre("7", "8"));
  EXPECT_THAT(Sql(R"(select id, text, extra from data."inhouse/docs/raw" order by id)"),
              ElementsAre("7|tissue|null", "8|null|true"));
}

TEST_F(QueriesTest, CatalogHasARowAPartition) {
  EXPECT_THAT(Sql("select provider, dataset, task, variant, \"rows\", files, version from catalog "
                  "order by all"),
              ElementsAre("aihub|2024|raw|01|2|1|2", "aihub|2024|raw|b|1|1|2",
                          "aihub|docs|ocr|image|3|1|1", "inhouse|docs|raw|text|1|1|1"));
  EXPECT_THAT(Sql("select variant, assets from catalog where dataset = 'docs' order by 1"),
              ElementsAre("image|1", "text|0"));
  auto all = queries_->Sql("select * from catalog");
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(all->rows->schema()->field_names(),
              ElementsAre("provider", "dataset", "task", "variant", "rows", "bytes", "files",
                          "assets", "version", "updated"));
  const auto partitions = queries_->Partitions();
  ASSERT_THAT(partitions, IsOk());
  EXPECT_THAT(*partitions, SizeIs(4));
}

TEST_F(QueriesTest, AssetsAreCountedOnce) {
  EXPECT_THAT(Sql("select * from assets"), ElementsAre("aa|image/png|10|3|4|2"));
}

TEST_F(QueriesTest, CollectionsAreViews) {
  Collections collections(*lake_);
  auto found = queries_->Search({.tasks = {"raw"}});
  ASSERT_THAT(found, IsOk());
  ASSERT_THAT(collections.Save(*found->rows, {.name = "set", .source = {.inputs = found->sources}}),
              IsOk());
  EXPECT_THAT(Sql(R"(select count(*), max(id) from collections."set/latest")"), ElementsAre("4|7"));
  EXPECT_THAT(Sql(R"(select count(*) from collections."set/v1" a join collections."set/v1" b using
                     (id) where a.text = 'tissue')"),
              ElementsAre("2"));
  EXPECT_THAT(queries_->Sql(R"(select * from collections."set/v2")"),
              IsError(ErrorCode::kNotFound, "v1"));
}

TEST_F(QueriesTest, ViewsThatAreNotThereAreNamed) {
  EXPECT_THAT(queries_->Sql("select * from nope"), IsError(ErrorCode::kNotFound, "SHOW TABLES"));
  EXPECT_THAT(queries_->Sql(R"(select * from data."aihub/2025/raw")"),
              IsError(ErrorCode::kNotFound, "did you mean aihub/2024/raw"));
  EXPECT_THAT(queries_->Sql(R"(select * from data."../x/raw")"),
              IsError(ErrorCode::kInvalidArgument, ""));
  EXPECT_THAT(queries_->Sql("select * from feeds.nope"), IsError(ErrorCode::kNotFound, "chat"));
  EXPECT_THAT(Sql("show tables"),
              ElementsAre("catalog", "assets", "data.\"aihub/2024/raw\"", "data.\"aihub/docs/ocr\"",
                          "data.\"inhouse/docs/raw\"", "feeds.\"chat\""));
}

TEST_F(QueriesTest, FeedsWithoutRecordsHaveColumns) {
  EXPECT_THAT(Sql("select count(*) from feeds.chat"), ElementsAre("0"));
}

TEST_F(QueriesTest, FeedsShowCurrentRecordsSealedOrNot) {
  auto feed = Feed::Open(*lake_, "chat", {});
  ASSERT_THAT(feed, IsOk());
  ASSERT_THAT((*feed)->Append(Chat("11111111-1111-4111-8111-111111111111", "first")), IsOk());
  ASSERT_THAT((*feed)->Append(Chat("22222222-2222-4222-8222-222222222222", "other")), IsOk());
  const std::string count = "select count(*), max(version) from feeds.chat";
  EXPECT_THAT(Sql(count), ElementsAre("2|1"));  // in the WAL alone
  ASSERT_THAT((*feed)->Seal(), IsOk());
  EXPECT_THAT(Sql(count), ElementsAre("2|1"));  // in the table alone
  ASSERT_THAT((*feed)->Append(Chat("11111111-1111-4111-8111-111111111111", "second")), IsOk());
  EXPECT_THAT(Sql(count), ElementsAre("2|2"));  // a new version beside the sealed one
  EXPECT_THAT(Sql("select conversation[1].content from feeds.chat where ingest_id like '1%'"),
              ElementsAre("second"));
  ASSERT_THAT((*feed)->Seal(), IsOk());
  EXPECT_THAT(Sql(count), ElementsAre("2|2"));
  EXPECT_THAT(Sql("select sum(rows)::int from catalog where provider = 'feeds'"), ElementsAre("3"));
}

TEST_F(QueriesTest, SearchReadsFeedsOnlyWhenTheyAreNamed) {
  auto feed = Feed::Open(*lake_, "chat", {});
  ASSERT_THAT(feed, IsOk());
  ASSERT_THAT((*feed)->Append(Chat("11111111-1111-4111-8111-111111111111", "first")), IsOk());
  ASSERT_THAT((*feed)->Seal(), IsOk());
  ASSERT_THAT((*feed)->Append(Chat("11111111-1111-4111-8111-111111111111", "second")), IsOk());
  EXPECT_THAT(Ids({}), SizeIs(7));
  const auto rows = [&](const SearchRequest& request) {
    auto answer = queries_->Search(request);
    EXPECT_THAT(answer, IsOk());
    return answer ? Texts(*answer->rows) : std::vector<std::string>{};
  };
  const query::RowFilter versions{.columns = {"version"}};
  EXPECT_THAT(rows({.providers = {"feeds"}, .filter = versions}), ElementsAre("2"));
  EXPECT_THAT(rows({.providers = {"feeds"}, .variants = {"2026-01-01"}, .filter = versions}),
              ElementsAre("2"));
  EXPECT_THAT(rows({.providers = {"feeds"}, .variants = {"2025-*"}, .filter = versions}),
              IsEmpty());
  EXPECT_THAT(rows({.providers = {"feeds", "inhouse"}, .filter = {.columns = {"provider"}}}),
              SizeIs(2));
}

TEST_F(QueriesTest, SearchOfADayShowsCurrentRecordsOnly) {
  const std::string first = "11111111-1111-4111-8111-111111111111";
  auto feed = Feed::Open(*lake_, "chat", {});
  ASSERT_THAT(feed, IsOk());
  ASSERT_THAT((*feed)->Append(Chat(first, "first")), IsOk());
  ASSERT_THAT((*feed)->Append(Chat("22222222-2222-4222-8222-222222222222", "other")), IsOk());
  ASSERT_THAT((*feed)->Seal(), IsOk());
  clock_.Advance(std::chrono::hours(24));
  ASSERT_THAT((*feed)->Append(Chat(first, "second")), IsOk());
  const auto rows = [&](const std::string& day) {
    SearchRequest request{
        .providers = {"feeds"},
        .variants = {day},
        .filter = {.columns = {"ingest_id", "version"}, .order_by = {{"ingest_id"}}}};
    auto answer = queries_->Search(request);
    EXPECT_THAT(answer, IsOk());
    return answer ? Texts(*answer->rows) : std::vector<std::string>{};
  };
  for (int sealed = 0; sealed < 2; ++sealed) {
    EXPECT_THAT(rows("2026-01-01"), ElementsAre("22222222-2222-4222-8222-222222222222|1"));
    EXPECT_THAT(rows("2026-01-02"), ElementsAre(first + "|2"));
    EXPECT_THAT(rows("2026-*"), SizeIs(2));
    ASSERT_THAT((*feed)->Seal(), IsOk());
  }
}

TEST_F(QueriesTest, SearchBesideFeedsKeepsAllRowsOfOtherTables) {
  auto feed = Feed::Open(*lake_, "chat", {});
  ASSERT_THAT(feed, IsOk());
  const std::string id = "11111111-1111-4111-8111-111111111111";
  for (int i = 0; i < 10; ++i) {  // "10" comes before "9" as text
    ASSERT_THAT((*feed)->Append(Chat(id, std::to_string(i))), IsOk());
  }
  Append({"mine", "chat", "raw"}, "2026-01-01",
         {arrow::field("ingest_id", arrow::utf8()), arrow::field("version", arrow::utf8()),
          arrow::field("day", arrow::utf8())},
         R"([{"ingest_id": "x", "version": "a", "day": "d"}, {"ingest_id": "x", "version": "b"},
             {"ingest_id": "x", "version": "b"}, {"version": "c"}])");
  SearchRequest request{
      .providers = {"feeds", "mine"},
      .filter = {.columns = {"provider", "version"}, .order_by = {{"provider"}, {"version"}}}};
  auto answer = queries_->Search(request);
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(Texts(*answer->rows),
              ElementsAre("feeds|10", "mine|a", "mine|b", "mine|b", "mine|c"));
  request.variants = {"2026-01-01"};
  answer = queries_->Search(request);
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(Texts(*answer->rows), SizeIs(5));
}

TEST_F(QueriesTest, AMissingFileIsAnError) {
  auto table = lake_->OpenTable({"inhouse", "docs", "raw"});
  ASSERT_THAT(table, IsOk());
  ASSERT_THAT(fs_.Remove((*table)->Snapshot().value()->files().front()->os_path), IsOk());
  auto answer = queries_->Search({.providers = {"inhouse"}});
  if (answer) {
    const auto rows = answer->rows->ToTable();
    ASSERT_FALSE(rows.ok());
    EXPECT_EQ(format::ArrowError(rows.status(), "x").code, ErrorCode::kCorruption);
  } else {
    EXPECT_EQ(answer.error().code, ErrorCode::kCorruption);
  }
}

}  // namespace
}  // namespace datalake::lake
