#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/plain_gopher.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::GopherScores;
using ::datalake::testing::PlainGopher;
using ::datalake::testing::PlainLineEnds;

class GopherTest : public ::testing::Test {
 protected:
  GopherTest()
      : v1_(std::move(*MakeGopherV1({}))),
        v2_(std::move(*MakeGopherV2({}))),
        state_(v2_->MakeState()) {}

  GopherScores Run(const std::string& text) { return Run(*v2_, text); }

  GopherScores RunV1(const std::string& text) { return Run(*v1_, text); }

 private:
  GopherScores Run(const Tagger& tagger, const std::string& text) {
    document_.Reset(text);
    std::vector<Span> spans;
    tagger.Tag(document_, state_.get(), spans);
    GopherScores scores;
    for (const Span& span : spans) {
      EXPECT_EQ(span.start, 0U);
      EXPECT_EQ(span.end, text::CountCodePoints(text));
      scores.emplace_back(tagger.types()[span.type], span.score);
    }
    return scores;
  }

  std::unique_ptr<const Tagger> v1_;
  std::unique_ptr<const Tagger> v2_;
  std::unique_ptr<TaggerState> state_;
  DocumentView document_;
};

TEST_F(GopherTest, GivesTenZerosForEmptyText) {
  const GopherScores scores = Run("");
  ASSERT_EQ(scores.size(), 10U);
  for (const auto& [type, score] : scores) {
    EXPECT_EQ(score, 0.0) << type;
  }
}

TEST_F(GopherTest, CountsWhatItSays) {
  const GopherScores scores = Run("- to be\n\n- to be\u2026\n#tag 12\n");
  const std::map<std::string, double> by_type(scores.begin(), scores.end());
  EXPECT_EQ(by_type.at("word_count"), 8);
  EXPECT_EQ(by_type.at("character_count"), 26);
  EXPECT_EQ(by_type.at("required_word_count"), 3);  // "be…" is none
  EXPECT_EQ(by_type.at("symbol_to_word_ratio"), 0.25);
  EXPECT_EQ(by_type.at("fraction_of_words_with_alpha_character"), 5.0 / 8);
  EXPECT_EQ(by_type.at("fraction_of_lines_starting_with_bullet_point"), 0.5);
  EXPECT_EQ(by_type.at("fraction_of_lines_ending_with_ellipsis"), 0.25);
  EXPECT_EQ(by_type.at("fraction_of_characters_in_most_common_2grams"), 2.0 * 3 / 17);
}

TEST_F(GopherTest, EmptyLinesAreLinesOfV1) {
  const auto repeated = [](const GopherScores& scores) {
    const std::map<std::string, double> by_type(scores.begin(), scores.end());
    return by_type.at("fraction_of_duplicate_lines");
  };
  EXPECT_EQ(repeated(RunV1("a\n\n\nb\nb")), 0.8);
  EXPECT_EQ(repeated(Run("a\n\n\nb\nb")), 2.0 / 3);
  EXPECT_EQ(RunV1(""), Run(""));
}

TEST_F(GopherTest, AgreesWithPlainCountingOnEdges) {
  for (const std::string text :
       {"a", "a a", "a a a a a a a a a a a a a", "\n", "\n\n", "  ", "a b a b a b a b a b a b",
        "one two three four five six seven eight nine ten one two three four five six seven eight "
        "nine ten",
        "x\n\nx\n\n\nx", "* a\n* a\n- b", "\u00e9\u4e2d\u3000\U0001F60A \u2160 \u00aa"}) {
    EXPECT_EQ(Run(text), PlainGopher(text)) << text;
    EXPECT_EQ(RunV1(text), PlainGopher(text, PlainLineEnds::kNewlines)) << text;
  }
}

// Random texts over few words, so that n-grams of all lengths repeat and overlap.
TEST_F(GopherTest, AgreesWithPlainCountingOnRandomTexts) {
  static const std::vector<std::string> kWords = {"the",
                                                  "be",
                                                  "to",
                                                  "a",
                                                  "of",
                                                  "\u00e9t\u00e9",
                                                  "12",
                                                  "#",
                                                  "*",
                                                  "-x",
                                                  "end\u2026",
                                                  "\u4e2d\u6587",
                                                  "anthropomorphically",
                                                  "with",
                                                  "\U0001F60A",
                                                  "...",
                                                  "and",
                                                  "that",
                                                  "have",
                                                  "abcdefgh",
                                                  "abcdefghi",
                                                  "abcdefghijklmnop",
                                                  "abcdefghijklmnopq",
                                                  "antidisestablishmentarianism-\u00e9"};
  std::mt19937 random(5);
  for (int round = 0; round < 1500; ++round) {
    const std::size_t vocabulary = 1 + random() % kWords.size();
    const std::size_t length = random() % 150;
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
      if (random() % 12 == 0 && i > 4) {  // repeat an earlier piece of text
        const std::size_t from = random() % text.size();
        std::string piece = text.substr(from, random() % 60);
        while (!piece.empty() && !text::IsValidUtf8(piece)) {
          piece.erase(text::FirstInvalidUtf8(piece), 1);
        }
        text += piece;
      }
      text += kWords[random() % vocabulary];
      text += random() % 9 == 0 ? (random() % 3 == 0 ? "\n\n" : "\n") : " ";
    }
    ASSERT_EQ(Run(text), PlainGopher(text)) << "seed 5, round " << round << "\n" << text;
    ASSERT_EQ(RunV1(text), PlainGopher(text, PlainLineEnds::kNewlines))
        << "seed 5, round " << round;
  }
}

}  // namespace
}  // namespace datalake::curate
