#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/query/engine.h"
#include "datalake/query/engine_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::query {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace datalake::query
