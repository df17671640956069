#include "datalake/json/tree.h"

#include <string>

#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

TEST(TreeTest, ParseGivesTypesAndValues) {
  const auto tree =
      Tree::Parse(R"({"a":-1,"b":18446744073709551615,"c":0.5,"d":"é\n","e":[true]})");
  ASSERT_THAT(tree, IsOk());
  std::string seen;
  tree->root().ForEachMember([&](std::string_view key, Node value) {
    seen += key;
    seen += static_cast<char>('0' + static_cast<int>(value.type()));
    if (key == "a") {
      EXPECT_EQ(value.GetInt(), -1);
    } else if (key == "b") {
      EXPECT_EQ(value.GetUint(), 18446744073709551615U);
    } else if (key == "d") {
      EXPECT_EQ(value.GetString(), "é\n");
    }
  });
  EXPECT_EQ(seen, "a3b4c5d6e7");
}

TEST(TreeTest, GetterOfAnotherTypeIsEmpty) {
  const auto tree = Tree::Parse("5");
  ASSERT_THAT(tree, IsOk());
  EXPECT_EQ(tree->root().GetString(), "");
  EXPECT_FALSE(tree->root().GetBool());
  tree->root().ForEachItem([](Node) { FAIL(); });
}

TEST(TreeTest, AppendJsonWritesTheSameValue) {
  const std::string text = R"({"k":[1,null,{"x":1.5}],"k":"\"","":{}})";
  const auto tree = Tree::Parse(text);
  ASSERT_THAT(tree, IsOk());
  std::string out;
  tree->root().AppendJson(out);
  EXPECT_EQ(out, text);
}

TEST(TreeTest, ParseRejectsBrokenTextAndDeepNesting) {
  EXPECT_THAT(Tree::Parse(""), IsError(ErrorCode::kInvalidArgument, "not valid JSON"));
  EXPECT_THAT(Tree::Parse("{\"a\":1,}"), IsError(ErrorCode::kInvalidArgument, "not valid JSON"));
  EXPECT_THAT(Tree::Parse("\"\xff\""), IsError(ErrorCode::kInvalidArgument, "not valid JSON"));
  EXPECT_THAT(Tree::Parse("1 2"), IsError(ErrorCode::kInvalidArgument, "not valid JSON"));
  EXPECT_THAT(Tree::Parse(std::string(300, '[') + std::string(300, ']')),
              IsError(ErrorCode::kInvalidArgument, "not valid JSON"));
  EXPECT_THAT(Tree::Parse(std::string(200, '[') + std::string(200, ']')), IsOk());
}

}  // namespace
}  // namespace datalake::json
