#include "datalake/text/pretokenizer.h"

#include <string>

#include <gtest/gtest.h>

namespace datalake::text {
namespace {

// The expected numbers are those of tokenizers 0.19.1.
TEST(PretokenizerTest, CountsPieces) {
  EXPECT_EQ(CountPretokens(""), 0U);
  EXPECT_EQ(CountPretokens("hello world"), 2U);
  EXPECT_EQ(CountPretokens("hello, world!"), 4U);
  EXPECT_EQ(CountPretokens("don't"), 3U);
  EXPECT_EQ(CountPretokens("a 12 b"), 4U);          // a, " 1", 2, " b"
  EXPECT_EQ(CountPretokens("\u00bd\u2167 x"), 2U);  // numbers that are no digits: one piece
}

TEST(PretokenizerTest, SplitsWhiteSpace) {
  EXPECT_EQ(CountPretokens("  "), 1U);
  EXPECT_EQ(CountPretokens("a  b"), 3U);  // a, " ", " b"
  EXPECT_EQ(CountPretokens("a\nb"), 3U);
  EXPECT_EQ(CountPretokens("a\n\nb"), 4U);    // a, \n, \n, b
  EXPECT_EQ(CountPretokens("a\n\n\nb"), 4U);  // a, \n\n, \n, b
  EXPECT_EQ(CountPretokens("a\n b"), 3U);
  EXPECT_EQ(CountPretokens("a \n b \n"), 4U);
  EXPECT_EQ(CountPretokens("a  ."), 3U);    // a, " ", " ."
  EXPECT_EQ(CountPretokens("a\n\n."), 3U);  // a, \n\n, .
  EXPECT_EQ(CountPretokens("a\u00a0b"), 3U);
}

TEST(PretokenizerTest, KnowsOtherScripts) {
  EXPECT_EQ(CountPretokens("\u4e2d\u6587\u3002\u65e5\u672c"), 3U);
  EXPECT_EQ(CountPretokens("\U0001F60A\U0001F60A \U0001F60A"), 2U);
  EXPECT_EQ(CountPretokens("\u0663\u0664"), 2U);
}

TEST(PretokenizerTest, HostileTextsTakeLinearTime) {
  EXPECT_EQ(CountPretokens(std::string(1 << 20, '1')), 1U << 20);
  EXPECT_EQ(CountPretokens(std::string(1 << 20, '.')), 1U << 20);
  EXPECT_EQ(CountPretokens(std::string(1 << 20, '\n')), 1U);
}

}  // namespace
}  // namespace datalake::text
