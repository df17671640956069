#include "datalake/testing/plain_gopher.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::testing {
namespace {

class Counting {
 public:
  Counting(const std::string& text, PlainLineEnds line_ends) : text_(text), line_ends_(line_ends) {
    Split();
  }

  GopherScores Run() {
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
      } else if (line_ends_ == PlainLineEnds::kNewlines || i == 0 || text_[i - 1] != '\n') {
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
  PlainLineEnds line_ends_;
  std::vector<std::string> words_;
  std::size_t chars_ = 0;
  GopherScores scores_;
};

}  // namespace

GopherScores PlainGopher(const std::string& text, PlainLineEnds line_ends) {
  return Counting(text, line_ends).Run();
}

}  // namespace datalake::testing
