#include "datalake/json/path.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using datalake::testing::IsError;

// What `path` selects in `json`, as the JSON texts of the values; "error: …" when it is bad.
std::string Select(std::string_view path, std::string_view json,
                   NumberEquality numbers = NumberEquality::kByValue) {
  const Result<Path> compiled = Path::Compile(path, numbers);
  if (!compiled) {
    return "error: " + compiled.error().message;
  }
  std::string padded(json);
  padded.resize(json.size() + FlatTreeParser::kPadding);
  FlatTree tree;
  FlatTreeParser parser;
  if (const Status parsed =
          parser.Append(std::string_view(padded).substr(0, json.size()), "", tree);
      !parsed) {
    return "bad input: " + parsed.error().message;
  }
  PathScratch scratch;
  std::vector<const FlatNode*> nodes;
  compiled->Select(tree.root(), scratch, nodes);
  std::string out = "[";
  for (const FlatNode* node : nodes) {
    out += out.size() > 1 ? "," : "";
    out += node->raw.empty() ? std::to_string(node->integer) : std::string(node->raw);
  }
  EXPECT_EQ(compiled->Matches(tree.root(), scratch), !nodes.empty()) << path;
  return out + "]";
}

constexpr std::string_view kDocument =
    R"({"id":"a","text":"hello","metadata":{"length":300,"title":"Old News","tags":["x","y"]},)"
    R"("attributes":{"dup":[[0,5,1]],"q":[[0,5,0.5],[5,9,0.9]],"empty":[],"n":null}})";

TEST(PathTest, SelectsFieldsAndIndexes) {
  EXPECT_EQ(Select("$.id", kDocument), R"(["a"])");
  EXPECT_EQ(Select("$.attributes.q[1][2]", kDocument), "[0.9]");
  EXPECT_EQ(Select("$['attributes']['q'].[0]", kDocument), "[[0,5,0.5]]");
  EXPECT_EQ(Select("$.attributes.missing[0]", kDocument), "[]");
  EXPECT_EQ(Select("$.attributes.q[9]", kDocument), "[]");
  EXPECT_EQ(Select("@.id", kDocument), R"(["a"])");
  EXPECT_EQ(Select("$@.metadata.length", kDocument), "[300]");
  EXPECT_EQ(Select("$.metadata.tags[0,1]", kDocument), R"(["x","y"])");
  EXPECT_EQ(Select("$['id','text']", kDocument), R"(["a","hello"])");
}

TEST(PathTest, SelectsSlicesAndWildcards) {
  constexpr std::string_view array = R"({"a":[0,1,2,3,4],"o":{"z":1,"b":2}})";
  EXPECT_EQ(Select("$.a[1:3]", array), "[1,2]");
  EXPECT_EQ(Select("$.a[:]", array), "[0,1,2,3,4]");
  EXPECT_EQ(Select("$.a[1:5:2]", array), "[1,3]");
  EXPECT_EQ(Select("$.a[-2:]", array), "[3,4]");
  EXPECT_EQ(Select("$.a[2:9]", array), "[]");
  EXPECT_EQ(Select("$.a[*]", array), "[0,1,2,3,4]");
  EXPECT_EQ(Select("$.o.*", array), "[2,1]");
  EXPECT_EQ(Select("$..z", array), "[1]");
  EXPECT_EQ(Select("$.o..*", array), "[2,1]");
  EXPECT_EQ(Select("$.a.length()", array), "[5]");
  EXPECT_EQ(Select("$.a[1:3].length()", array), "[2]");
}

TEST(PathTest, FilterBindsAnObjectAsItself) {
  EXPECT_EQ(Select("$.metadata[?(@.length < 500)].title", kDocument), R"(["Old News"])");
  EXPECT_EQ(Select("$.metadata[?(@.length > 500)]", kDocument), "[]");
  EXPECT_EQ(Select("$.attributes.q[?(@[2] > 0.6)]", kDocument), "[[5,9,0.9]]");
}

TEST(PathTest, FilterLogicGoesIntoArraysAgain) {
  EXPECT_EQ(Select("$.attributes[?(@.dup && @.dup[0] && @.dup[0][2] >= 1.0)].dup", kDocument),
            "[[[0,5,1]]]");
  EXPECT_EQ(Select("$.attributes[?(!@.nothing)].n", kDocument), "[null]");
  EXPECT_EQ(Select("$.attributes[?(@.nothing || @.n)].n", kDocument), "[null]");
  EXPECT_EQ(Select("$.a[?(@.x > 1 && @.x < 5)]", R"({"a":[[{"x":0},{"x":3}],{"x":9}]})"),
            R"([[{"x":0},{"x":3}]])");
}

TEST(PathTest, ComparesIntegersAndFloatsByValueOrByType) {
  constexpr std::string_view path = "$.attributes[?(@.dup[0][2] >= 1.0)].n";
  EXPECT_EQ(Select(path, kDocument, NumberEquality::kByValue), "[null]");
  EXPECT_EQ(Select(path, kDocument, NumberEquality::kByType), "[]");
  EXPECT_EQ(Select("$[?(@.a == 9007199254740993)]", R"({"a":9007199254740992.0})"), "[]");
  EXPECT_EQ(Select("$[?(@.a == -0)]", R"({"a":0})"), R"([{"a":0}])");
}

TEST(PathTest, MissingPathsCompareFalseButUnequal) {
  EXPECT_EQ(Select("$[?(@.x < 1)]", "{}"), "[]");
  EXPECT_EQ(Select("$[?(@.x != 1)]", "{}"), "[{}]");
  EXPECT_EQ(Select("$[?(@.x == @.y)]", "{}"), "[{}]");
  EXPECT_EQ(Select("$[?(@.x)]", R"({"x":null})"), R"([{"x":null}])");
}

TEST(PathTest, KnowsTheOtherOperators) {
  constexpr std::string_view in = R"({"s":"news","l":["a","b"],"n":2})";
  const auto holds = [&](std::string_view filter) {
    return Select("$[?(" + std::string(filter) + ")].n", in) == "[2]";
  };
  EXPECT_TRUE(holds("@.s ~= '^ne.s$'"));
  EXPECT_FALSE(holds("@.s ~= '^e'"));
  EXPECT_TRUE(holds("@.s in ['old','news']"));
  EXPECT_TRUE(holds("@.s nin ['old','new']"));
  EXPECT_TRUE(holds("@.n in [1,2]"));
  EXPECT_TRUE(holds("@.l size 2"));
  EXPECT_TRUE(holds("@.s size 4"));
  EXPECT_TRUE(holds("@.l subsetOf ['a','b','c']"));
  EXPECT_TRUE(holds("@.l anyOf ['b','z']"));
  EXPECT_TRUE(holds("@.l noneOf ['y','z']"));
  EXPECT_TRUE(holds("@.n <= 2 && @.n >= 2 && @.n == 2.0"));
  EXPECT_TRUE(holds("(@.n == 3 || @.s == 'news') && !@.q"));
  EXPECT_TRUE(holds("$.n > 1"));
}

TEST(PathTest, ErrorsNameTheColumn) {
  EXPECT_THAT(Path::Compile("$.attributes[?(@.a >= )]"),
              IsError(ErrorCode::kInvalidArgument, "bad JSONPath: expected"));
  EXPECT_THAT(Path::Compile(""), IsError(ErrorCode::kInvalidArgument, "column 1"));
  EXPECT_THAT(Path::Compile("$.a["), IsError(ErrorCode::kInvalidArgument, "column 5"));
  EXPECT_THAT(Path::Compile("$.a b"), IsError(ErrorCode::kInvalidArgument, "column 5"));
  EXPECT_THAT(Path::Compile("$.a[0,-1]"), IsError(ErrorCode::kInvalidArgument, "index"));
  EXPECT_THAT(Path::Compile("$.a[::0]"), IsError(ErrorCode::kInvalidArgument, "step of 0"));
  EXPECT_THAT(Path::Compile("$[?(@.s ~= '(')]"), IsError(ErrorCode::kInvalidArgument, "regular"));
  std::string deep = "$";
  for (int i = 0; i < 100; ++i) {
    deep += "[?(@";
  }
  EXPECT_THAT(Path::Compile(deep), IsError(ErrorCode::kInvalidArgument, "nested too deep"));
}

TEST(PathTest, ReportsTheKeysItLooksAt) {
  const auto keys = [](std::string_view text) {
    const Result<Path> path = Path::Compile(text);
    return path && path->root_keys() ? *path->root_keys() : std::vector<std::string>{"*"};
  };
  EXPECT_EQ(keys("$@.attributes[?(@.a.b > 1)]"), std::vector<std::string>{"attributes"});
  EXPECT_EQ(keys("$.attributes[?(@.a > $.metadata.x)]"),
            (std::vector<std::string>{"attributes", "metadata"}));
  EXPECT_EQ(keys("$..x"), std::vector<std::string>{"*"});
  EXPECT_EQ(keys("$[?(@.x)]"), std::vector<std::string>{"*"});
  EXPECT_EQ(Path::Compile("$@.attributes[?(@.a.b > 1 && !@.c[0])]")->MemberKeys("attributes"),
            (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(Path::Compile("$.attributes.x[?(@[2] > 1)]")->MemberKeys("attributes"),
            std::vector<std::string>{"x"});
}

TEST(PathTest, BrokenNestedFiltersAreRefusedSoon) {
  const std::string path =
      "$@.attributes[?(@.duptrue@[?(@.duptrue@.du@$@.attributes[?(@.rue@.dtributes[?(@.rue@.du@$@."
      "atu@$@.attributes[?((@.dup.du@$@.attributes[?(@.rue@.dtributes[?(@.rue@.du@$@.atu@$@."
      "attributes[?((@.dup && @.d";
  EXPECT_THAT(Path::Compile(path), IsError(ErrorCode::kInvalidArgument, "too many ways"));
}

}  // namespace
}  // namespace datalake::json
