#include "datalake/lake/collection_splits.h"

#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;

SplitPlan Plan(const std::string& shares, const std::string& key = "id") {
  auto plan = ParseSplitPlan(shares, key);
  EXPECT_THAT(plan, IsOk());
  return std::move(plan).value_or(SplitPlan());
}

std::shared_ptr<arrow::RecordBatch> Batch(const std::shared_ptr<arrow::DataType>& type,
                                          const std::string& json) {
  const auto row = arrow::struct_({arrow::field("id", type)});
  const auto array = arrow::json::ArrayFromJSONString(row, json).ValueOrDie();
  return arrow::RecordBatch::FromStructArray(array).ValueOrDie();
}

TEST(SplitPlanTest, ParsesSharesInTheirOrder) {
  EXPECT_THAT(Plan("train=0.9,test=0.1").shares,
              ElementsAre(SplitShare{"train", 0.9}, SplitShare{"test", 0.1}));
  EXPECT_TRUE(ParseSplitPlan("", "")->shares.empty());
}

TEST(SplitPlanTest, RefusesWhatIsNoPlan) {
  for (const char* shares : {"train", "train=x", "train=0.5", "train=0.5,train=0.5", "a/b=1",
                             "train=1.5,test=-0.5", "train=0,test=1", "train=nan"}) {
    EXPECT_EQ(ParseSplitPlan(shares, "id").error().code, ErrorCode::kInvalidArgument) << shares;
  }
  EXPECT_THAT(ParseSplitPlan("train=1", ""), IsError(ErrorCode::kInvalidArgument, "key"));
  EXPECT_THAT(ParseSplitPlan("", "id"), IsError(ErrorCode::kInvalidArgument, "shares"));
}

TEST(SplitPlanTest, GivesEachSplitAboutItsShare) {
  const SplitPlan plan = Plan("train=0.8,validation=0.1,test=0.1");
  std::vector<int> counts(3);
  for (int i = 0; i < 100'000; ++i) {
    ++counts[SplitOf(plan, "key " + std::to_string(i))];
  }
  EXPECT_NEAR(counts[0], 80'000, 600);
  EXPECT_NEAR(counts[1], 10'000, 400);
  EXPECT_NEAR(counts[2], 10'000, 400);
}

// The split of a key is part of the format: versions made years apart must agree.
TEST(SplitPlanTest, NeverMovesAKey) {
  const SplitPlan plan = Plan("train=0.5,test=0.5");
  std::string sides;
  for (int i = 0; i < 32; ++i) {
    sides += SplitOf(plan, std::to_string(i)) == 0 ? 'a' : 'b';
  }
  EXPECT_EQ(sides, "aababbbaaabaababbbabbbbbbabbbaaa");
}

TEST(SplitPlanTest, LeavesTestAloneWhenTrainIsCut) {
  const SplitPlan two = Plan("train=0.9,test=0.1");
  const SplitPlan three = Plan("train=0.8,validation=0.1,test=0.1");
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = std::to_string(i);
    EXPECT_EQ(SplitOf(two, key) == 1, SplitOf(three, key) == 2) << key;
  }
}

TEST(RowSplitterTest, KeepsTheOrderAndAllRows) {
  auto splitter = RowSplitter::Make(Plan("a=0.5,b=0.5"), *Batch(arrow::utf8(), "[]")->schema());
  ASSERT_THAT(splitter, IsOk());
  const auto parts = splitter->Split(
      Batch(arrow::utf8(), R"([{"id":"0"},{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"}])"));
  ASSERT_THAT(parts, IsOk());
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0]->num_rows() + (*parts)[1]->num_rows(), 5);
}

TEST(RowSplitterTest, NumbersAndTheirTextsFallTheSame) {
  const SplitPlan plan = Plan("a=0.5,b=0.5");
  auto texts = RowSplitter::Make(plan, *Batch(arrow::utf8(), "[]")->schema());
  auto numbers = RowSplitter::Make(plan, *Batch(arrow::int64(), "[]")->schema());
  const auto a = texts->Split(Batch(arrow::utf8(), R"([{"id":"1"},{"id":"2"},{"id":"33"}])"));
  const auto b = numbers->Split(Batch(arrow::int64(), R"([{"id":1},{"id":2},{"id":33}])"));
  EXPECT_EQ((*a)[0]->num_rows(), (*b)[0]->num_rows());
}

TEST(RowSplitterTest, NamesARowWithoutKeyAndAColumnThatIsNone) {
  const auto batch = Batch(arrow::utf8(), R"([{"id":"x"},{"id":null}])");
  auto splitter = RowSplitter::Make(Plan("a=1"), *batch->schema());
  EXPECT_THAT(splitter->Split(batch), IsError(ErrorCode::kInvalidArgument, "row 1"));
  EXPECT_THAT(RowSplitter::Make(Plan("a=1", "ids"), *batch->schema()),
              IsError(ErrorCode::kNotFound, "did you mean id?"));
}

}  // namespace
}  // namespace datalake::lake
