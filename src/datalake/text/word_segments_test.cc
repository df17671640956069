#include "datalake/text/word_segments.h"

#include <algorithm>
#include <cctype>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/text/trim.h"

namespace datalake::text {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

// "<segment> / <segment>", each code points in hex.
constexpr std::string_view kVectors[] = {
#include "datalake/text/word_break_vectors.inc"
};

std::vector<std::string> Texts(std::string_view text, const std::vector<Word>& words) {
  std::vector<std::string> out;
  for (const Word& word : words) {
    out.emplace_back(text.substr(word.begin, word.end - word.begin));
  }
  return out;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<Word> words;
  SplitWordSegments(text, words);
  return Texts(text, words);
}

std::vector<std::string> SplitNonBlank(std::string_view text) {
  std::vector<Word> words;
  SplitNonBlankWordSegments(text, words);
  return Texts(text, words);
}

void AppendUtf8(char32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

std::vector<std::string> Segments(std::string_view vector) {
  std::vector<std::string> segments(1);
  for (std::size_t at = 0; at < vector.size();) {
    const std::size_t end = std::min(vector.find(' ', at), vector.size());
    const std::string piece(vector.substr(at, end - at));
    if (piece == "/") {
      segments.emplace_back();
    } else {
      AppendUtf8(static_cast<char32_t>(std::stoul(piece, nullptr, 16)), segments.back());
    }
    at = end + 1;
  }
  return segments;
}

std::string Joined(const std::vector<std::string>& segments) {
  std::string text;
  for (const std::string& segment : segments) {
    text += segment;
  }
  return text;
}

TEST(WordSegmentsTest, HasNoneOfNothing) {
  EXPECT_THAT(Split(""), IsEmpty());
  EXPECT_EQ(CountWordSegments("", SegmentRules::kPython), (WordSegmentCounts{0, 0}));
}

TEST(WordSegmentsTest, SplitsEnglish) {
  EXPECT_THAT(
      Split("The quick (\u201cbrown\u201d) fox can\u2019t jump 32.3 feet, right?"),
      ElementsAre("The", " ", "quick", " ", "(", "\u201c", "brown", "\u201d", ")", " ", "fox", " ",
                  "can\u2019t", " ", "jump", " ", "32.3", " ", "feet", ",", " ", "right", "?"));
  EXPECT_THAT(
      Split("a  b\r\n\n\tc_1 don't 1,000.5 x:y 3:4 .5 e.g. a.b."),
      ElementsAre("a", "  ", "b", "\r\n", "\n", "\t", "c_1", " ", "don't", " ", "1,000.5", " ",
                  "x:y", " ", "3", ":", "4", " ", ".", "5", " ", "e.g", ".", " ", "a.b", "."));
}

TEST(WordSegmentsTest, LeavesOutBlankOnes) {
  EXPECT_THAT(SplitNonBlank("a  b\r\n\u3000\u00a0\tc \u0308 d\x1c"),
              ElementsAre("a", "b", "c", " \u0308", "d", "\x1c"));
  EXPECT_EQ(CountWordSegments("a b\x1c\n", SegmentRules::kRust), (WordSegmentCounts{5, 3}));
  EXPECT_EQ(CountWordSegments("a b\x1c\n", SegmentRules::kPython), (WordSegmentCounts{5, 2}));
}

TEST(WordSegmentsTest, KnowsTwoVersionsOfUnicode) {
  // Two letters of Garay, which came with Unicode 16.
  EXPECT_EQ(CountWordSegments("\U00010D50\U00010D51", SegmentRules::kRust).all, 2U);
  EXPECT_EQ(CountWordSegments("\U00010D50\U00010D51", SegmentRules::kPython).all, 1U);
}

// As the two libraries do where they differ: measured with them, not read in UAX #29.
TEST(WordSegmentsTest, PictographBehindAJoinerIsNoLetterInRust) {
  EXPECT_THAT(Split("\u24c2b"), ElementsAre("\u24c2b"));
  EXPECT_THAT(Split("\u200d\u24c2b"), ElementsAre("\u200d\u24c2", "b"));
  EXPECT_EQ(CountWordSegments("\u200d\u24c2b", SegmentRules::kPython).all, 1U);
  EXPECT_THAT(Split("a.\u200d\u263ab"), ElementsAre("a.\u200d\u263a", "b"));
  EXPECT_EQ(CountWordSegments("a.\u200d\u263ab", SegmentRules::kPython).all, 3U);
}

TEST(WordSegmentsTest, PassesTheVectorsOfUnicode) {
  for (const std::string_view vector : kVectors) {
    const std::vector<std::string> expected = Segments(vector);
    EXPECT_THAT(Split(Joined(expected)), ElementsAreArray(expected)) << vector;
  }
}

// Each vector behind a text of up to 80 bytes, so that it meets every edge of a block.
TEST(WordSegmentsTest, PassesTheVectorsAtEveryOffset) {
  for (const std::string_view vector : kVectors) {
    const std::vector<std::string> expected = Segments(vector);
    const std::string text = Joined(expected);
    for (std::size_t offset = 1; offset <= 80; offset += 1 + offset % 3) {
      std::string before;
      for (std::size_t i = 0; i < offset; ++i) {
        before += (offset - i) % 2 == 1 ? '\n' : 'x';
      }
      std::vector<std::string> got = Split(before + text + "\nmore text to fill a block of 64 " +
                                           "bytes, or else the end is met by every vector.");
      ASSERT_GE(got.size(), offset + expected.size());
      got.erase(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(offset));
      if (text.back() != '\r') {
        got.resize(expected.size());
        ASSERT_THAT(got, ElementsAreArray(expected)) << vector << " behind " << offset;
      }
    }
  }
}

// The rules of UAX #29 for ASCII, asked at each place.
bool IsPlainBound(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  const auto letter = [&](std::size_t i) { return std::isalpha(byte(i)) != 0; };
  const auto digit = [&](std::size_t i) { return std::isdigit(byte(i)) != 0; };
  const auto word = [&](std::size_t i) { return letter(i) || digit(i) || byte(i) == '_'; };
  const auto mid = [&](std::size_t i, std::string_view set) {
    return byte(i) != '\0' && set.find(byte(i)) != std::string_view::npos;
  };
  const bool before_mid_letter = letter(at - 1) && mid(at, ":.'") && letter(at + 1);
  const bool after_mid_letter = at > 1 && letter(at - 2) && mid(at - 1, ":.'") && letter(at);
  const bool before_mid_digit = digit(at - 1) && mid(at, ",;.'") && digit(at + 1);
  const bool after_mid_digit = at > 1 && digit(at - 2) && mid(at - 1, ",;.'") && digit(at);
  return !(word(at - 1) && word(at)) && !before_mid_letter && !after_mid_letter &&
         !before_mid_digit && !after_mid_digit && !(byte(at - 1) == ' ' && byte(at) == ' ') &&
         !(byte(at - 1) == '\r' && byte(at) == '\n');
}

TEST(WordSegmentsTest, SplitsAsciiByThePlainRules) {
  constexpr std::string_view kAlphabet = "aZ09_.,:;' \"\n\r\t-#\x1c";
  std::mt19937 random(29);
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    const std::size_t size = 1 + random() % 200;
    const std::size_t alphabet = 2 + random() % (kAlphabet.size() - 1);
    for (std::size_t i = 0; i < size; ++i) {
      text += kAlphabet[random() % alphabet];
    }
    std::vector<std::string> plain(1);
    for (std::size_t i = 0; i < size; ++i) {
      if (i > 0 && IsPlainBound(text, i)) {
        plain.emplace_back();
      }
      plain.back() += text[i];
    }
    ASSERT_EQ(Split(text), plain) << "seed 29, round " << round;
  }
}

TEST(WordSegmentsTest, AllTheTextIsInSegmentsWhateverItHolds) {
  const std::vector<std::string> kPieces = {
      "a",      "1",      ".",      "'",          "_",          " ",          "\n",
      "\r",     "\u0308", "\u200d", "\u05d0",     "\"",         "\u30a2",     "\U0001F1E6",
      "\u263a", "\u24c2", "\u3000", "\U0001F600", "\U0001F3FB", "\u4e2d",     "\u0e01",
      "\u00ad", "\uac00", "\u00e9", "\u2019",     "long word ", "\U00010D50", "\u2003"};
  std::mt19937 random(30);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t i = random() % 120; i > 0; --i) {
      text += kPieces[random() % kPieces.size()];
    }
    const std::vector<std::string> all = Split(text);
    ASSERT_EQ(Joined(all), text);
    std::vector<std::string> non_blank;
    std::ranges::copy_if(all, std::back_inserter(non_blank),
                         [](const std::string& segment) { return !Trim(segment).empty(); });
    ASSERT_EQ(SplitNonBlank(text), non_blank);
    ASSERT_EQ(CountWordSegments(text, SegmentRules::kRust),
              (WordSegmentCounts{all.size(), non_blank.size()}));
    // A bound is one from the left and from the right: the rest of the text splits alike.
    std::size_t begin = 0;
    for (std::size_t i = 0; i < all.size() && i < 5; ++i) {
      begin += all[i].size();
      ASSERT_EQ(
          Split(std::string_view(text).substr(begin)),
          std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end()));
    }
  }
}

TEST(WordSegmentsTest, IsLinearOnHostileTexts) {
  for (const std::string_view unit : {"a", "a.", "1,", "\u05d0\"", "\u0308", "\u200d", "\U0001F600",
                                      " ", "\U0001F1E6", "a\u0308.", "a.\u0308\u0308\u0308"}) {
    std::string text;
    while (text.size() < 1'000'000) {
      text += unit;
    }
    std::vector<Word> words;
    SplitWordSegments(text, words);
    ASSERT_FALSE(words.empty());
    EXPECT_EQ(words.back().end, text.size());
  }
}

}  // namespace
}  // namespace datalake::text
