#include "datalake/text/words.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Each test once a form of the code that this processor can run.
class WordsTest : public ::testing::TestWithParam<CpuLevel> {};

INSTANTIATE_TEST_SUITE_P(Levels, WordsTest, ::testing::ValuesIn(CpuLevels()),
                         [](const auto& level) {
                           return std::string(level.param == CpuLevel::kAvx512 ? "Avx512"
                                              : level.param == CpuLevel::kAvx2 ? "Avx2"
                                                                               : "Portable");
                         });

std::vector<std::string> Split(std::string_view text) {
  std::vector<Word> words;
  SplitWords(text, words, WordsTest::GetParam());
  std::vector<std::string> out;
  for (const Word& word : words) {
    out.emplace_back(text.substr(word.begin, word.end - word.begin));
  }
  return out;
}

// The rule said plainly: one code point after the other.
std::vector<std::string> PlainSplit(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (std::size_t at = 0; at < text.size();) {
    const DecodedCodePoint decoded = DecodeCodePoint(text, at);
    if (IsSpace(decoded.value)) {
      if (!word.empty()) {
        words.push_back(word);
      }
      word.clear();
    } else {
      word += text.substr(at, decoded.bytes);
    }
    at += decoded.bytes;
  }
  if (!word.empty()) {
    words.push_back(word);
  }
  return words;
}

std::string RandomText(std::mt19937& random, std::size_t pieces) {
  static const std::string_view kPieces[] = {" ",
                                             "\n",
                                             "\t",
                                             "\x1C",
                                             "a",
                                             "the",
                                             "word",
                                             "internationalization",
                                             "é",
                                             "中",
                                             "😊",
                                             "\u2019",
                                             "\u00A0",
                                             "\u0085",
                                             "\u2003",
                                             "\u3000",
                                             "\u205F",
                                             "\u1680",
                                             "\u200B",
                                             "\u2028",
                                             "a-very-long-word-of-its-own-kind",
                                             " ",
                                             " ",
                                             "\x1B"};
  std::string text;
  for (std::size_t i = 0; i < pieces; ++i) {
    text += kPieces[random() % std::size(kPieces)];
  }
  return text;
}

TEST_P(WordsTest, SplitsAsPython) {
  EXPECT_THAT(Split(""), IsEmpty());
  EXPECT_THAT(Split(" \t\n\v\f\r\x1c\x1d\x1e\x1f\u0085\u00a0\u3000"), IsEmpty());
  EXPECT_THAT(Split("a b"), ElementsAre("a", "b"));
  EXPECT_THAT(Split("  don't\u2003stop\u200Bnow "), ElementsAre("don't", "stop\u200Bnow"));
}

TEST_P(WordsTest, SplitAgreesWithPlainSplitOnRandomTexts) {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = RandomText(random, random() % 120);
    ASSERT_EQ(Split(text), PlainSplit(text)) << "seed 2, round " << round;
  }
}

TEST_P(WordsTest, TableNumbersDistinctWordsInOrder) {
  WordTable table(GetParam());
  table.Assign("to be or not to be");
  EXPECT_THAT(table.ids(), ElementsAre(0, 1, 2, 3, 0, 1));
  ASSERT_EQ(table.distinct().size(), 4U);
  EXPECT_EQ(table.distinct()[1].count, 2U);
  EXPECT_EQ(table.Text(table.distinct()[3]), "not");
  table.Assign("");
  EXPECT_THAT(table.words(), IsEmpty());
  EXPECT_THAT(table.distinct(), IsEmpty());
}

TEST_P(WordsTest, TableNumbersAreExactOnRandomTexts) {
  std::mt19937 random(3);
  WordTable table(GetParam());
  for (int round = 0; round < 1000; ++round) {
    const std::string text = RandomText(random, random() % 400);
    const std::vector<std::string> words = PlainSplit(text);
    table.Assign(text);
    ASSERT_EQ(table.ids().size(), words.size());
    std::map<std::string, std::uint32_t> counts;
    for (std::size_t i = 0; i < words.size(); ++i) {
      ++counts[words[i]];
      const DistinctWord& word = table.distinct()[table.ids()[i]];
      ASSERT_EQ(table.Text(word), words[i]) << "seed 3, round " << round;
      ASSERT_EQ(word.chars, CountCodePoints(words[i]));
    }
    ASSERT_EQ(counts.size(), table.distinct().size());
    for (const DistinctWord& word : table.distinct()) {
      ASSERT_EQ(word.count, counts[std::string(table.Text(word))]);
    }
  }
}

TEST_P(WordsTest, TableTellsWordsWithZeroBytesApart) {
  const std::string zeros(8, '\0');
  const std::string text =
      "a a" + zeros.substr(7) + " a" + zeros.substr(6) + " a" + zeros.substr(1) + " a" + zeros;
  WordTable table(GetParam());
  table.Assign(text);
  EXPECT_EQ(table.distinct().size(), 5U);
}

TEST_P(WordsTest, TableTellsLongWordsApart) {
  const std::string word = "internationalization";
  const std::string text = word + " " + word + "s " + word.substr(0, 16) + " " + word + " " + word +
                           "s antidisestablishmentarianism-é antidisestablishmentarianism-è " +
                           word;
  WordTable table(GetParam());
  table.Assign(text);
  EXPECT_THAT(table.ids(), ElementsAre(0, 1, 2, 0, 1, 3, 4, 0));
  EXPECT_THAT(table.long_words(), ElementsAre(0, 1, 3, 4));
  EXPECT_EQ(table.distinct()[0].count, 3U);
  EXPECT_EQ(table.distinct()[3].chars, 30U);
}

// The chunks of the splitter are of 2 KiB; its words and spaces may lie across their ends.
TEST_P(WordsTest, SplitGoesOnAcrossChunks) {
  std::mt19937 random(4);
  for (const std::size_t size : {2047, 2048, 2049, 4096, 6144, 6145, 9000}) {
    std::string text(size, 'x');
    for (int i = 0; i < 20; ++i) {
      text[random() % size] = ' ';
    }
    for (const std::size_t at : {std::size_t{2045}, std::size_t{2046}, size - 3}) {
      text.replace(at, 3, "\u2003");
    }
    if (IsValidUtf8(text)) {
      ASSERT_EQ(Split(text), PlainSplit(text)) << size;
    }
    ASSERT_EQ(Split(std::string(size, ' ')), std::vector<std::string>());
    ASSERT_EQ(Split(std::string(size, 'y')), std::vector<std::string>{std::string(size, 'y')});
  }
}

// As many words as a 16-bit number tells apart, and more.
TEST_P(WordsTest, TableNumbersManyWords) {
  for (const std::size_t count : {65'533, 65'534, 65'535, 65'536, 70'000}) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += std::to_string(i) + " ";
    }
    text += "0 65533";
    WordTable table(GetParam());
    table.Assign(text);
    ASSERT_EQ(table.distinct().size(), count + (count <= 65'533 ? 1 : 0));
    ASSERT_EQ(table.ids()[count], 0U);
    ASSERT_EQ(table.ids()[count + 1], 65'533U);
  }
}

}  // namespace
}  // namespace datalake::text
