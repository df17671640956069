#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/taggers/taggers.h"
#include "datalake/testing/matchers.h"
#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsOk;
using Scores = std::vector<std::pair<std::string, double>>;

// The rules said plainly, over maps of whole n-grams.
class PlainGopher {
 public:
  explicit PlainGopher(const std::string& text) : text_(text) { Split(); }

  Scores Run() {
    std::size_t letters = 0;
    std::size_t symbols = 0;
    std::size_t required = 0;
    std::vector<std::size_t> lengths;
    static const std::set<std::string> kRequired = {"the", "be",   "to",   "of",
                                                    "and", "that", "have", "with"};
    for (const std::string& word : words_) {
      lengths.push_back(text::CountCodePoints(word));
      chars_ += lengths.back();
      letters += HasLetter(word) ? 1 : 0;
      symbols += word.find('#') != std::string::npos || word.find("\u2026") != std::string::npos;
      required += kRequired.count(word);
    }
    std::sort(lengths.begin(), lengths.end());
    const std::size_t n = lengths.size();
    const double median = n == 0 ? 0.0
                          : n % 2 == 1
                              ? static_cast<double>(lengths[n / 2])
                              : static_cast<double>(lengths[n / 2 - 1] + lengths[n / 2]) / 2;
    Ngrams();
    Add("character_count", static_cast<double>(text::CountCodePoints(text_)));
    Add("word_count", static_cast<double>(n));
    Add("median_word_length", median);
    Add("symbol_to_word_ratio", Ratio(symbols, n));
    Add("fraction_of_words_with_alpha_character", Ratio(letters, n));
    Add("required_word_count", static_cast<double>(required));
    Lines();
    return scores_;
  }

 private:
  static double Ratio(std::size_t part, std::size_t whole) {
    return static_cast<double>(part) / static_cast<double>(std::max<std::size_t>(whole, 1));
  }

  static bool HasLetter(const std::string& word) {
    for (std::size_t at = 0; at < word.size();) {
      const auto decoded = text::DecodeCodePoint(word, at);
      if (text::IsLetter(decoded.value)) {
        return true;
      }
      at += decoded.bytes;
    }
    return false;
  }

  void Add(const std::string& type, double score) { scores_.emplace_back(type, score); }

  void Split() {
    std::string word;
    for (std::size_t at = 0; at <= text_.size();) {
      const auto decoded =
          at == text_.size() ? text::DecodedCodePoint{U' ', 1} : text::DecodeCodePoint(text_, at);
      if (!text::IsSpace(decoded.value)) {
        word += text_.substr(at, decoded.bytes);
      } else if (!word.empty()) {
        words_.push_back(word);
        word.clear();
      }
      at += decoded.bytes;
    }
  }

  void Ngrams() {
    for (std::size_t n = 2; n <= 10 && n <= words_.size(); ++n) {
      std::map<std::vector<std::string>, std::pair<std::size_t, std::size_t>> counts;
      for (std::size_t i = 0; i + n <= words_.size(); ++i) {
        const auto begin = words_.begin() + static_cast<std::ptrdiff_t>(i);
        auto& [count, first] = counts[{begin, begin + static_cast<std::ptrdiff_t>(n)}];
        first = count == 0 ? i : first;
        ++count;
      }
      std::size_t best = 0;
      std::size_t best_first = 0;
      std::size_t best_chars = 0;
      std::size_t repeated = 0;
      std::size_t all = 0;
      for (const auto& [gram, entry] : counts) {
        const auto& [count, first] = entry;
        std::size_t chars = 0;
        for (const std::string& word : gram) {
          chars += text::CountCodePoints(word);
        }
        all += count * chars;
        repeated += count > 1 ? count * chars : 0;
        if (count > best || (count == best && first < best_first)) {
          best = count;
          best_first = first;
          best_chars = chars;
        }
      }
      const std::string size = std::to_string(n) + "grams";
      if (n <= 4) {
        Add("fraction_of_characters_in_most_common_" + size, Ratio(best * best_chars, chars_));
      } else {
        Add("fraction_of_characters_in_duplicate_" + size, Ratio(repeated, all));
      }
    }
  }

  void Lines() {
    std::vector<std::string> lines = {""};
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] != '\n') {
        lines.back() += text_[i];
      } else if (i == 0 || text_[i - 1] != '\n') {
        lines.emplace_back();
      }
    }
    std::size_t bullets = 0;
    std::size_t ellipses = 0;
    std::map<std::string, std::size_t> counts;
    for (const std::string& line : lines) {
      bullets += line.starts_with('*') || line.starts_with('-');
      ellipses += line.ends_with("\u2026");
      ++counts[line];
    }
    std::size_t repeated = 0;
    std::size_t repeated_chars = 0;
    for (const auto& [line, count] : counts) {
      repeated += count > 1 ? count : 0;
      repeated_chars += count > 1 ? count * text::CountCodePoints(line) : 0;
    }
    Add("fraction_of_lines_starting_with_bullet_point", Ratio(bullets, lines.size()));
    Add("fraction_of_lines_ending_with_ellipsis", Ratio(ellipses, lines.size()));
    Add("fraction_of_duplicate_lines", Ratio(repeated, lines.size()));
    Add("fraction_of_characters_in_duplicate_lines", Ratio(repeated_chars, chars_));
  }

  std::string text_;
  std::vector<std::string> words_;
  std::size_t chars_ = 0;
  Scores scores_;
};

class GopherV2Test : public ::testing::Test {
 protected:
  GopherV2Test() : tagger_(std::move(*MakeGopherV2())), state_(tagger_->MakeState()) {}

  Scores Run(const std::string& text) {
    document_.Reset(text);
    std::vector<Span> spans;
    tagger_->Tag(document_, state_.get(), spans);
    Scores scores;
    for (const Span& span : spans) {
      EXPECT_EQ(span.start, 0U);
      EXPECT_EQ(span.end, text::CountCodePoints(text));
      scores.emplace_back(tagger_->types()[span.type], span.score);
    }
    return scores;
  }

  std::unique_ptr<const Tagger> tagger_;
  std::unique_ptr<TaggerState> state_;
  DocumentView document_;
};

TEST_F(GopherV2Test, GivesTenZerosForEmptyText) {
  const Scores scores = Run("");
  ASSERT_EQ(scores.size(), 10U);
  for (const auto& [type, score] : scores) {
    EXPECT_EQ(score, 0.0) << type;
  }
}

TEST_F(GopherV2Test, CountsWhatItSays) {
  const Scores scores = Run("- to be\n\n- to be\u2026\n#tag 12\n");
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

TEST_F(GopherV2Test, AgreesWithPlainCountingOnEdges) {
  for (const std::string text :
       {"a", "a a", "a a a a a a a a a a a a a", "\n", "\n\n", "  ", "a b a b a b a b a b a b",
        "one two three four five six seven eight nine ten one two three four five six seven eight "
        "nine ten",
        "x\n\nx\n\n\nx", "* a\n* a\n- b", "\u00e9\u4e2d\u3000\U0001F60A \u2160 \u00aa"}) {
    EXPECT_EQ(Run(text), PlainGopher(text).Run()) << text;
  }
}

// Random texts over few words, so that n-grams of all lengths repeat and overlap.
TEST_F(GopherV2Test, AgreesWithPlainCountingOnRandomTexts) {
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
    ASSERT_EQ(Run(text), PlainGopher(text).Run()) << "seed 5, round " << round << "\n" << text;
  }
}

}  // namespace
}  // namespace datalake::curate
