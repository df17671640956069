#include "datalake/text/regex_classes.h"

#include <gtest/gtest.h>

namespace datalake::text {
namespace {

TEST(RegexClassesTest, AreThoseOfThePackage) {
  EXPECT_TRUE(IsRegexWord(U'_'));
  EXPECT_TRUE(IsRegexWord(U'\u00e9'));
  EXPECT_TRUE(IsRegexWord(U'\u0308'));  // marks
  EXPECT_TRUE(IsRegexWord(U'\u200d'));  // joiners
  EXPECT_FALSE(IsRegexWord(U'\u2026'));
  EXPECT_TRUE(IsRegexSpace(U'\u3000'));
  EXPECT_FALSE(IsRegexSpace(U'\x1c'));
  EXPECT_TRUE(IsRegexPunct(U'$'));
  EXPECT_TRUE(IsRegexPunct(U'\u2026'));
  EXPECT_TRUE(IsRegexPunct(U'\u20ac'));  // symbols too
  EXPECT_FALSE(IsRegexPunct(U'a'));
}

TEST(RegexClassesTest, CountsPieces) {
  EXPECT_EQ(CountWordPieces(""), 0U);
  EXPECT_EQ(CountWordPieces(" \n\u3000"), 0U);
  EXPECT_EQ(CountWordPieces("hello world"), 2U);
  EXPECT_EQ(CountWordPieces("hello, world!"), 4U);
  EXPECT_EQ(CountWordPieces("don't"), 3U);
  EXPECT_EQ(CountWordPieces("..."), 1U);
  EXPECT_EQ(CountWordPieces(". ."), 2U);
  EXPECT_EQ(CountWordPieces("\u4e2d\u6587\u3002\U0001F600 \x1c"), 3U);
}

}  // namespace
}  // namespace datalake::text
