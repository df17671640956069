#include "datalake/text/trim.h"

#include <gtest/gtest.h>

namespace datalake::text {
namespace {

TEST(TrimTest, RemovesUnicodeWhiteSpaceAtBothEnds) {
  EXPECT_EQ(Trim(""), "");
  EXPECT_EQ(Trim(" \t\r\n\v\f"), "");
  EXPECT_EQ(Trim("\n\n\np\n\n\n"), "p");
  EXPECT_EQ(Trim("\xc2\xa0\xe3\x80\x80 a b \xe2\x80\xa8"), "a b");
  EXPECT_EQ(Trim("\xc3\xa9 "), "\xc3\xa9");
}

TEST(TrimTest, KeepsWhatRustDoesNotTrim) {
  EXPECT_EQ(Trim("\x1c x \x1f"), "\x1c x \x1f");
  EXPECT_EQ(Trim("\xe2\x80\x8b"), "\xe2\x80\x8b");  // zero width space
}

TEST(TrimTest, StripsWhatPythonDoes) {
  EXPECT_EQ(Strip("\x1c x \x1f\n"), "x");
  EXPECT_EQ(Strip("\xc2\xa0\xe3\x80\x80"), "");
  EXPECT_EQ(Strip("\xe2\x80\x8b "), "\xe2\x80\x8b");
}

}  // namespace
}  // namespace datalake::text
