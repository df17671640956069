#include "datalake/text/utf8.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/text/unicode.h"

namespace datalake::text {
namespace {

constexpr auto kValid = std::string_view::npos;

TEST(Utf8Test, AcceptsEveryCodePoint) {
  for (char32_t c = 0; c <= 0x10FFFF; c += (c < 0x3000 ? 1 : 97)) {
    if (c >= 0xD800 && c <= 0xDFFF) {
      continue;
    }
    std::string text;
    if (c < 0x80) {
      text = {static_cast<char>(c)};
    } else if (c < 0x800) {
      text = {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
    } else if (c < 0x10000) {
      text = {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
              static_cast<char>(0x80 | (c & 0x3F))};
    } else {
      text = {static_cast<char>(0xF0 | (c >> 18)), static_cast<char>(0x80 | ((c >> 12) & 0x3F)),
              static_cast<char>(0x80 | ((c >> 6) & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
    }
    ASSERT_EQ(FirstInvalidUtf8(text), kValid) << static_cast<unsigned>(c);
    ASSERT_EQ(CountCodePoints(text), 1U);
    const DecodedCodePoint decoded = DecodeCodePoint(text, 0);
    ASSERT_EQ(decoded.value, c);
    ASSERT_EQ(decoded.bytes, text.size());
  }
}

TEST(Utf8Test, FindsIllFormedSequences) {
  EXPECT_EQ(FirstInvalidUtf8("ab\x80"), 2U);             // continuation without lead
  EXPECT_EQ(FirstInvalidUtf8("\xC0\x80"), 0U);           // overlong
  EXPECT_EQ(FirstInvalidUtf8("x\xE0\x9F\x80"), 1U);      // overlong
  EXPECT_EQ(FirstInvalidUtf8("x\xED\xA0\x80"), 1U);      // surrogate
  EXPECT_EQ(FirstInvalidUtf8("x\xF0\x8F\xBF\xBF"), 1U);  // overlong
  EXPECT_EQ(FirstInvalidUtf8("x\xF4\x90\x80\x80"), 1U);  // above U+10FFFF
  EXPECT_EQ(FirstInvalidUtf8("x\xF5\x80\x80\x80"), 1U);
  EXPECT_EQ(FirstInvalidUtf8("\xC3\xA9\xE2\x82"), 2U);  // cut off
  EXPECT_EQ(FirstInvalidUtf8("\xC3\xA9\xE2\x82\xAC"), kValid);
}

TEST(Utf8Test, FindsErrorBehindLongAsciiRun) {
  for (std::size_t at = 0; at < 100; ++at) {
    std::string text(130, 'a');
    text[at] = '\xFF';
    EXPECT_EQ(FirstInvalidUtf8(text), at);
    EXPECT_FALSE(IsValidUtf8(text));
  }
}

TEST(Utf8Test, ReplacesIllFormedBytes) {
  EXPECT_EQ(ReplaceInvalidUtf8("plain \u00e9"), "plain \u00e9");
  EXPECT_EQ(ReplaceInvalidUtf8("a\xFF\xC3(\xE2\x82"), "a\uFFFD\uFFFD(\uFFFD\uFFFD");
}

TEST(Utf8Test, CountsCodePointsOfLongTexts) {
  std::string text;
  for (std::size_t i = 0; i < 20'000; ++i) {
    ASSERT_EQ(i % 4001 == 0 ? CountCodePoints(text) : i, i);
    text += i % 3 == 0 ? "\xF0\x9F\x98\x8A" : "a";
  }
  EXPECT_EQ(CountCodePoints(text), 20'000U);
}

TEST(UnicodeTest, ClassesFollowPython) {
  EXPECT_EQ(UnicodeVersion(), "14.0.0");
  EXPECT_TRUE(IsSpace(U' ') && IsSpace(0x1C) && IsSpace(0x85) && IsSpace(0x3000));
  EXPECT_FALSE(IsSpace(0x200B) || IsSpace(0xFEFF) || IsSpace(U'a'));
  EXPECT_TRUE(IsLetter(U'a') && IsLetter(0xAA) && IsLetter(0x4E2D) && IsLetter(0x1D400));
  EXPECT_FALSE(IsLetter(U'1') || IsLetter(0x2160) || IsLetter(0x0300) || IsLetter(0x10FFFF));
  EXPECT_FALSE(IsLetter(0x110000));
}

// Every length around the blocks, at every alignment, against counting byte by byte.
TEST(Utf8Test, CountsCodePointsOfEveryLength) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "ab\u00e9\u4e2dc\U0001F60A\xff";
  }
  text += std::string(2000, 'x');
  for (std::size_t begin = 0; begin < 40; ++begin) {
    for (std::size_t size = 0; size < 200; ++size) {
      const std::string_view piece = std::string_view(text).substr(begin, size);
      std::size_t expected = 0;
      for (const char c : piece) {
        expected += (static_cast<unsigned char>(c) & 0xC0) == 0x80 ? 0 : 1;
      }
      ASSERT_EQ(CountCodePoints(piece), expected) << begin << " " << size;
    }
  }
  EXPECT_EQ(CountCodePoints(text), 40U * 7 + 2000);
}

}  // namespace
}  // namespace datalake::text
