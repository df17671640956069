#include "datalake/json/flat_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/json/value.h"
#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

// A text with the padding that the parser wants.
class Padded {
 public:
  explicit Padded(std::string_view text) : size_(text.size()), bytes_(text) {
    bytes_.resize(size_ + FlatTreeParser::kPadding, 'x');
  }

  std::string_view view() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::size_t size_;
  std::string bytes_;
};

TEST(FlatTreeTest, KeepsTypesAndRawText) {
  const Padded text(
      R"( {"i":-7 ,"u":18446744073709551615,"d":1.50,"s":"a\néb","n":null,"b":true,)"
      R"("a":[ 1, [] ], "big":123456789012345678901234567890,"under":-9223372036854775809} )");
  FlatTree tree;
  FlatTreeParser parser;
  ASSERT_THAT(parser.Append(text.view(), "", tree), IsOk());
  const FlatNode& root = tree.root();
  EXPECT_EQ(root.size, 9U);
  EXPECT_EQ(FindMember(root, "i")->integer, -7);
  EXPECT_EQ(FindMember(root, "i")->raw, "-7");
  EXPECT_EQ(FindMember(root, "u")->unsigned_integer, 18446744073709551615ULL);
  EXPECT_EQ(FindMember(root, "d")->number, 1.5);
  EXPECT_EQ(FindMember(root, "d")->raw, "1.50");
  EXPECT_EQ(FindMember(root, "s")->text,
            "a\n\xc3\xa9"
            "b");
  EXPECT_EQ(FindMember(root, "n")->type, NodeType::kNull);
  EXPECT_TRUE(FindMember(root, "b")->boolean);
  EXPECT_EQ(FindMember(root, "a")->raw, "[ 1, [] ]");
  EXPECT_EQ(FindElement(*FindMember(root, "a"), 1)->raw, "[]");
  EXPECT_EQ(FindMember(root, "big")->number, 123456789012345678901234567890.0);
  EXPECT_EQ(FindMember(root, "under")->number, -9223372036854775809.0);
  EXPECT_EQ(FindMember(root, "none"), nullptr);
  EXPECT_EQ(FindElement(root, 0), nullptr);
}

TEST(FlatTreeTest, PutsARowTogetherFromSeveralTexts) {
  const Padded first(R"({"x":1,"y":[1]})");
  const Padded second(R"({"y":{"z":2},"w":"\u00e9"})");
  FlatTree tree;
  FlatTreeParser parser;
  const std::size_t root = tree.Open(NodeType::kObject, "");
  const std::size_t attributes = tree.Open(NodeType::kObject, "attributes");
  ASSERT_THAT(parser.AppendMembers(first.view(), tree), IsOk());
  ASSERT_THAT(parser.AppendMembers(second.view(), tree), IsOk());
  tree.Close(attributes);
  tree.EraseRepeated(attributes);
  tree.Close(root);
  const FlatNode& merged = *FindMember(tree.root(), "attributes");
  EXPECT_EQ(merged.size, 4U);
  EXPECT_EQ(LiveSize(merged), 3U);
  EXPECT_EQ(FindMember(merged, "y")->raw, R"({"z":2})");
  EXPECT_EQ(FindMember(merged, "w")->text, "\xc3\xa9");
}

TEST(FlatTreeTest, FieldsAreListedAndCheckedAndTheWantedOnesParsed) {
  const Padded text(R"({"id": "a", "te\u0078t" : "x\ny" , "m":{"k" : [1,2]} ,"n":1.5 })");
  FlatTree arena;
  FlatTreeParser parser;
  std::vector<RawField> fields;
  const std::vector<std::string> wanted = {"m"};
  ASSERT_THAT(parser.AppendFields(text.view(), arena, &wanted, fields), IsOk());
  ASSERT_EQ(arena.size(), 4U);
  EXPECT_EQ(arena.root().key, "m");
  ASSERT_EQ(fields.size(), 4U);
  EXPECT_EQ(fields[1].key, "text");
  EXPECT_EQ(fields[1].raw_key, "te\\u0078t");
  EXPECT_EQ(fields[1].raw, R"("x\ny")");
  EXPECT_EQ(fields[2].raw, R"({"k" : [1,2]})");
  EXPECT_EQ(fields[3].raw, "1.5");
  EXPECT_EQ(*parser.Unescape(fields[1].raw, arena), "x\ny");
  EXPECT_EQ(*parser.Unescape(fields[0].raw, arena), "a");
}

TEST(FlatTreeTest, MembersOfOneKeyAreSpread) {
  const Padded text(R"({"attributes":{"a":1,"b":[2]},"id":"x"})");
  FlatTree tree;
  FlatTreeParser parser;
  std::vector<RawField> fields;
  const std::size_t root = tree.Open(NodeType::kObject, "");
  ASSERT_THAT(parser.AppendMembersOf(text.view(), "attributes", tree, fields), IsOk());
  tree.Close(root);
  EXPECT_EQ(tree.root().size, 2U);
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].raw, R"({"a":1,"b":[2]})");
  EXPECT_EQ(fields[1].raw, R"("x")");
  const Padded bad(R"({"attributes":[1],"id":"x"})");
  EXPECT_THAT(parser.AppendMembersOf(bad.view(), "attributes", tree, fields),
              IsError(ErrorCode::kInvalidArgument, "attributes must be an object"));
}

TEST(FlatTreeTest, WritesSortedAsTheToolkitDoes) {
  const Padded text(
      R"({"b":[1.0,-2,1e2,123456789012345678901],"a":{"z":null,"c":"\u00e9\n"},"b":true,"d":18446744073709551615})");
  FlatTree tree;
  FlatTreeParser parser;
  ASSERT_THAT(parser.Append(text.view(), "", tree), IsOk());
  std::string out;
  AppendSorted(tree.root(), out);
  EXPECT_EQ(out,
            "{\"a\":{\"c\":\"\xc3\xa9\\n\",\"z\":null},\"b\":true,\"d\":18446744073709551615}");
}

TEST(FlatTreeTest, RefusesBadJson) {
  FlatTree tree;
  FlatTreeParser parser;
  std::vector<RawField> fields;
  for (const std::string_view bad :
       {R"({"a":1)", R"({"a" 1})", R"({"a":tru})", R"({"a":"\x"})", R"({"a":"\ud800"})",
        R"({"a":1} x)", R"({"a":{"b":01}})", R"({"a":[1,]})", "{\"a\":\"\xff\"}", "[1]", "7", ""}) {
    const Padded text(bad);
    tree.Clear();
    EXPECT_THAT(parser.AppendMembers(text.view(), tree),
                IsError(ErrorCode::kInvalidArgument, "bad JSON"))
        << bad;
    fields.clear();
    EXPECT_THAT(parser.AppendFields(text.view(), tree, nullptr, fields),
                IsError(ErrorCode::kInvalidArgument, "bad JSON"))
        << bad;
  }
  const Padded deep("{\"a\":" + std::string(2 * kMaxDepth, '[') + std::string(2 * kMaxDepth, ']') +
                    "}");
  EXPECT_THAT(parser.AppendMembers(deep.view(), tree),
              IsError(ErrorCode::kInvalidArgument, "nested deeper"));
  fields.clear();
  EXPECT_THAT(parser.AppendFields(deep.view(), tree, nullptr, fields),
              IsError(ErrorCode::kInvalidArgument, "nested deeper"));
}

TEST(FlatTreeTest, EqualityIsExactForNumbersAndFreeInMemberOrder) {
  const auto equal = [](std::string_view a, std::string_view b, NumberEquality numbers) {
    const Padded text("[" + std::string(a) + "," + std::string(b) + "]");
    FlatTree tree;
    FlatTreeParser parser;
    EXPECT_THAT(parser.Append(text.view(), "", tree), IsOk());
    return NodesEqual(*FindElement(tree.root(), 0), *FindElement(tree.root(), 1), numbers);
  };
  EXPECT_TRUE(equal("1", "1.0", NumberEquality::kByValue));
  EXPECT_FALSE(equal("1", "1.0", NumberEquality::kByType));
  EXPECT_FALSE(equal("9007199254740993", "9007199254740992.0", NumberEquality::kByValue));
  EXPECT_TRUE(equal("18446744073709551615", "18446744073709551615", NumberEquality::kByType));
  EXPECT_FALSE(equal("18446744073709551615", "1.8446744073709552e19", NumberEquality::kByValue));
  EXPECT_TRUE(equal(R"({"a":1,"b":[2]})", R"({"b":[2],"a":1})", NumberEquality::kByType));
  EXPECT_FALSE(equal(R"({"a":1})", R"({"a":1,"b":2})", NumberEquality::kByType));
  EXPECT_FALSE(equal("[1,2]", "[2,1]", NumberEquality::kByType));
  EXPECT_FALSE(equal("null", "false", NumberEquality::kByType));
}

TEST(FlatTreeErrorTest, NamesTheByteOfWhatIsWrong) {
  const auto error_of = [](std::string text) {
    const std::size_t size = text.size();
    text.resize(size + FlatTreeParser::kPadding);
    FlatTree tree;
    FlatTreeParser parser;
    const Status status = parser.Append(std::string_view(text).substr(0, size), {}, tree);
    return status ? std::string() : status.error().message;
  };
  const std::string head = R"({"id":"1","text":")" + std::string(3000, 'x') + "\u00e4\\é";
  for (const char* bad :
       {"\xff", "\xc3(", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"}) {
    for (const char* tail :
         {"", "y", "日本語 and some more behind it", "\xff\xff\xff\xff\xff\xff\xff"}) {
      EXPECT_EQ(error_of(head + bad + tail + "\"}"),
                "bad JSON at byte " + std::to_string(head.size()) + ": invalid UTF-8");
    }
  }
  EXPECT_THAT(error_of("{\"a\":\"\\\"b\tc\"}"), ::testing::HasSubstr("bad JSON at byte 9"));
  EXPECT_THAT(error_of(R"({"a":"b","c":"d})"), ::testing::HasSubstr("bad JSON at byte 13"));
}

TEST(FlatTreeErrorTest, RefusesMoreValuesThanItHolds) {
  std::string list = "[";
  for (std::size_t i = 0; i < FlatTreeParser::kMaxNodes; ++i) {
    list += "1,";
  }
  list.back() = ']';
  const Padded text(list);
  FlatTree tree;
  FlatTreeParser parser;
  EXPECT_THAT(parser.Append(text.view(), {}, tree),
              IsError(ErrorCode::kInvalidArgument, "more than 4194304 values"));
}

}  // namespace
}  // namespace datalake::json
