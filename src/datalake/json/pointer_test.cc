#include "datalake/json/pointer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

// The document of RFC 6901 §5.
constexpr std::string_view kDocument =
    R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8})";

// What the pointer finds, in both kinds of trees.
std::string Find(std::string_view pointer, std::string_view json = kDocument) {
  const Result<Pointer> parsed = Pointer::Parse(pointer);
  if (!parsed) {
    return parsed.error().message;
  }
  EXPECT_EQ(parsed->ToString(), pointer);
  const Value value = ParseValue(json, "test").value_or(Value());
  const Value* found = parsed->Find(value);
  std::string padded(json);
  padded.resize(json.size() + FlatTreeParser::kPadding);
  FlatTree tree;
  FlatTreeParser parser;
  EXPECT_THAT(parser.Append(std::string_view(padded).substr(0, json.size()), "", tree), IsOk());
  const FlatNode* node = parsed->Find(tree.root());
  EXPECT_EQ(found == nullptr, node == nullptr);
  if (found == nullptr || node == nullptr) {
    return "none";
  }
  EXPECT_EQ(DumpValue(*found), node->raw);
  return DumpValue(*found);
}

TEST(PointerTest, AnswersTheExamplesOfTheStandard) {
  EXPECT_EQ(Find(""), kDocument);
  EXPECT_EQ(Find("/foo"), R"(["bar","baz"])");
  EXPECT_EQ(Find("/foo/0"), R"("bar")");
  EXPECT_EQ(Find("/"), "0");
  EXPECT_EQ(Find("/a~1b"), "1");
  EXPECT_EQ(Find("/c%d"), "2");
  EXPECT_EQ(Find("/e^f"), "3");
  EXPECT_EQ(Find("/g|h"), "4");
  EXPECT_EQ(Find("/i\\j"), "5");
  EXPECT_EQ(Find("/k\"l"), "6");
  EXPECT_EQ(Find("/ "), "7");
  EXPECT_EQ(Find("/m~0n"), "8");
}

TEST(PointerTest, FindsNothingWhereNothingIs) {
  EXPECT_EQ(Find("/foo/2"), "none");
  EXPECT_EQ(Find("/foo/-"), "none");
  EXPECT_EQ(Find("/foo/00"), "none");
  EXPECT_EQ(Find("/foo/99999999999999999999"), "none");
  EXPECT_EQ(Find("/foo/0/x"), "none");
  EXPECT_EQ(Find("/nothing/0"), "none");
}

TEST(PointerTest, RefusesBadPointers) {
  EXPECT_THAT(Pointer::Parse("a"), IsError(ErrorCode::kInvalidArgument, "begin with /: a"));
  EXPECT_THAT(Pointer::Parse("/a~"), IsError(ErrorCode::kInvalidArgument, "~ must be"));
  EXPECT_THAT(Pointer::Parse("/a~2"), IsError(ErrorCode::kInvalidArgument, "~ must be"));
}

}  // namespace
}  // namespace datalake::json
