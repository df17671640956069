#include "datalake/query/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/query/engine.h"
#include "datalake/testing/matchers.h"

namespace datalake::query {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;

std::string Show(const Condition& condition) {
  std::string column;
  for (const std::string& name : condition.column) {
    column += (column.empty() ? "" : ".") + name;
  }
  std::string children;
  for (const Condition& child : condition.children) {
    children += (children.empty() ? "" : " ") + Show(child);
  }
  constexpr const char* kComparisons[] = {"=", "<", "<=", ">", ">="};
  switch (condition.kind) {
    case Condition::Kind::kUnknown:
      return "?";
    case Condition::Kind::kAnd:
      return "and(" + children + ")";
    case Condition::Kind::kOr:
      return "or(" + children + ")";
    case Condition::Kind::kIsNull:
      return column + " null";
    case Condition::Kind::kIsNotNull:
      return column + " not null";
    case Condition::Kind::kCompare:
      return column + kComparisons[static_cast<int>(condition.comparison)] + condition.value;
  }
  return "";
}

class ConditionTest : public ::testing::Test {
 protected:
  std::string Parsed(const std::string& where) {
    auto facts = engine_->ParseCondition(where);
    return facts ? Show(facts->condition) : facts.error().message;
  }

  std::unique_ptr<QueryEngine> engine_ = *QueryEngine::Open({.threads = 1});
};

TEST_F(ConditionTest, ReadsComparisonsOfColumnsWithConstants) {
  EXPECT_EQ(Parsed("id > 5 and lang = 'ko'"), "and(id>5 lang=\"ko\")");
  EXPECT_EQ(Parsed("5 < id"), "id>5");
  EXPECT_EQ(Parsed("id in (1, 2)"), "or(id=1 id=2)");
  EXPECT_EQ(Parsed("id between 1 and 5"), "and(id>=1 id<=5)");
  EXPECT_EQ(Parsed("s.x >= -1.5"), "s.x>=-1.5");
  EXPECT_EQ(Parsed("x < 2e3"), "x<2000.0");
  EXPECT_EQ(Parsed("x = 0.05 or x = -0.05"), "or(x=0.05 x=-0.05)");
  EXPECT_EQ(Parsed("day <= date '2026-01-31'"), "day<=\"2026-01-31\"");
  EXPECT_EQ(Parsed("a is null or b is not null"), "or(a null b not null)");
  EXPECT_EQ(Parsed("\"odd name\" = 'it''s'"), "odd name=\"it's\"");
}

TEST_F(ConditionTest, LeavesTheRestUnknown) {
  for (const char* where :
       {"lower(a) = 'x'", "a = b", "a like 'x%'", "not (a = 1 and b = 2)", "a <> 1", "flag", "true",
        "id = 170141183460469231731687303715884105727", "a = [1]", "a = null", "id not in (1)",
        "id = cast('5' as bigint)", "a is distinct from 1"}) {
    EXPECT_EQ(Parsed(where), "?") << where;
  }
  EXPECT_EQ(Parsed("a = 1 and lower(b) = 'x'"), "and(a=1 ?)");
}

TEST_F(ConditionTest, NamesTheColumns) {
  const auto facts = engine_->ParseCondition("Id > 5 and lower(s.Name) = 'x'");
  ASSERT_THAT(facts, IsOk());
  EXPECT_THAT(*facts->names, ElementsAre("id", "name", "s"));
  EXPECT_EQ(engine_->ParseCondition("columns(*) is null")->names, std::nullopt);
  EXPECT_TRUE(engine_->ParseCondition("true")->names->empty());
}

TEST_F(ConditionTest, RefusesWhatIsNoExpression) {
  for (const char* where : {"", "1) or (1", "id = 1; select 2", "id in (select 1 from t)"}) {
    EXPECT_THAT(engine_->ParseCondition(where), IsError(ErrorCode::kInvalidArgument, "")) << where;
  }
}

}  // namespace
}  // namespace datalake::query
