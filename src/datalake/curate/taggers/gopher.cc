// gopher_v1 and gopher_v2: the quality and repetition rules of Rae et al. 2021 ("Scaling Language
// Models", A1.1) as the Dolma toolkit computes them. For v1 every newline ends a line, so empty
// lines count, and repeat; for v2 a run of newlines does.
//
// Everything about single words is asked once a distinct word, and most of them are settled two at
// a time: words with an ASCII letter and without a sign that may be a symbol.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/curate/taggers/gopher_ngrams.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/lines.h"
#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace datalake::curate {
namespace {

constexpr std::array<std::string_view, 19> kTypes = {
    "fraction_of_characters_in_most_common_2grams",
    "fraction_of_characters_in_most_common_3grams",
    "fraction_of_characters_in_most_common_4grams",
    "fraction_of_characters_in_duplicate_5grams",
    "fraction_of_characters_in_duplicate_6grams",
    "fraction_of_characters_in_duplicate_7grams",
    "fraction_of_characters_in_duplicate_8grams",
    "fraction_of_characters_in_duplicate_9grams",
    "fraction_of_characters_in_duplicate_10grams",
    "character_count",
    "word_count",
    "median_word_length",
    "symbol_to_word_ratio",
    "fraction_of_words_with_alpha_character",
    "required_word_count",
    "fraction_of_lines_starting_with_bullet_point",
    "fraction_of_lines_ending_with_ellipsis",
    "fraction_of_duplicate_lines",
    "fraction_of_characters_in_duplicate_lines",
};
constexpr std::uint32_t kCharacterCount = 9;

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";  // U+2026
constexpr std::uint32_t kKeyBytes = 16;                 // of a word in low and high
constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

double Ratio(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(std::max<std::uint64_t>(whole, 1));
}

// The words that a text of English has, under a hash of their first 4 bytes that tells them apart.
class RequiredWords {
 public:
  constexpr RequiredWords() {
    for (const std::string_view word : {"the", "be", "to", "of", "and", "that", "have", "with"}) {
      Entry entry{.bytes = static_cast<std::uint32_t>(word.size())};
      for (std::size_t i = word.size(); i > 0; --i) {
        entry.low = (entry.low << 8) | static_cast<unsigned char>(word[i - 1]);
      }
      entries_[Slot(entry.low)] = entry;
    }
  }

  // Without a branch.
  bool Has(const text::DistinctWord& word) const {
    const Entry& entry = entries_[Slot(word.low)];
    return ((entry.low ^ word.low) | (entry.bytes ^ word.bytes)) == 0;
  }

  constexpr std::size_t size() const {
    std::size_t size = 0;
    for (const Entry& entry : entries_) {
      size += entry.bytes != 0 ? 1 : 0;
    }
    return size;
  }

 private:
  struct Entry {
    std::uint64_t low = 0;
    std::uint32_t bytes = 0;
  };

  // By a multiplier that was searched for.
  static constexpr std::size_t Slot(std::uint64_t low) {
    return (static_cast<std::uint32_t>(low) * 0xCD613E31U) >> 28;
  }

  std::array<Entry, 16> entries_{};
};

constexpr RequiredWords kRequiredWords;
static_assert(kRequiredWords.size() == 8, "the hash does not tell them apart");

// The high bit of each byte that is an ASCII letter.
std::uint64_t LetterBytes(std::uint64_t bytes) {
  const std::uint64_t lower = (bytes | (kOnes * 0x20)) & (kOnes * 0x7F);
  const std::uint64_t from_a = lower + kOnes * (0x80 - 'a');
  const std::uint64_t past_z = lower + kOnes * (0x80 - 'z' - 1);
  return from_a & ~past_z & ~bytes & kHighs;
}

// Not 0 when a byte is `byte`.
std::uint64_t HasByte(std::uint64_t bytes, char byte) {
  const std::uint64_t zero = bytes ^ (kOnes * static_cast<unsigned char>(byte));
  return (zero - kOnes) & ~zero & kHighs;
}

#if defined(__AVX2__)
// Whether each of two words has, in its first 16 bytes, an ASCII letter, and neither '#' nor the
// first byte of an ellipsis.
bool ArePlain(const text::DistinctWord& first, const text::DistinctWord& second) {
  const __m256i bytes =
      _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(&second.low),  // NOLINT
                          reinterpret_cast<const __m128i*>(&first.low));  // NOLINT
  const __m256i lower = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
  const __m256i letters = _mm256_and_si256(_mm256_cmpgt_epi8(lower, _mm256_set1_epi8('a' - 1)),
                                           _mm256_cmpgt_epi8(_mm256_set1_epi8('z' + 1), lower));
  const __m256i signs = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('#')),
                                        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\xE2')));
  const auto where = static_cast<std::uint32_t>(_mm256_movemask_epi8(letters));
  return (where & 0xFFFF) != 0 && (where >> 16) != 0 && _mm256_testz_si256(signs, signs) != 0;
}
#else
bool IsPlain(const text::DistinctWord& word) {
  return (LetterBytes(word.low) | LetterBytes(word.high)) != 0 &&
         (HasByte(word.low, '#') | HasByte(word.high, '#')) == 0 &&
         (HasByte(word.low, kEllipsis[0]) | HasByte(word.high, kEllipsis[0])) == 0;
}

bool ArePlain(const text::DistinctWord& first, const text::DistinctWord& second) {
  return IsPlain(first) && IsPlain(second);
}
#endif

struct WordFacts {
  bool has_letter = false;
  bool has_symbol = false;
};

bool HasLetter(std::string_view word) {
  for (std::size_t at = 0; at < word.size();) {
    const text::DecodedCodePoint decoded = text::DecodeCodePoint(word, at);
    if (text::IsLetter(decoded.value)) {
      return true;
    }
    at += decoded.bytes;
  }
  return false;
}

WordFacts FactsOf(const text::WordTable& words, const text::DistinctWord& word) {
  if (word.bytes > kKeyBytes) {
    const std::string_view text = words.Text(word);
    return {HasLetter(text), text.find('#') != std::string_view::npos ||
                                 text.find(kEllipsis) != std::string_view::npos};
  }
  WordFacts facts;
  facts.has_letter = (LetterBytes(word.low) | LetterBytes(word.high)) != 0;
  facts.has_symbol = (HasByte(word.low, '#') | HasByte(word.high, '#')) != 0;
  if (((word.low | word.high) & kHighs) != 0) {
    const std::string_view text = words.Text(word);
    facts.has_letter = facts.has_letter || HasLetter(text);
    facts.has_symbol = facts.has_symbol || text.find(kEllipsis) != std::string_view::npos;
  }
  return facts;
}

// What the text's words add up to.
struct WordSums {
  std::uint64_t chars = 0;
  std::uint64_t with_letter = 0;
  std::uint64_t with_symbol = 0;
  std::uint64_t required = 0;
};

// Lengths of all words, for their median.
class LengthCounts {
 public:
  void Clear() {
    short_.fill({});
    long_.clear();
  }

  // Neighbours take different `side`s, as equal lengths would wait for each other.
  void Add(std::uint32_t chars, std::uint32_t count, std::size_t side) {
    if (chars < short_.size()) {
      short_[chars][side] += count;
    } else {
      long_.emplace_back(chars, count);
    }
  }

  // The mean of the middle two of `words` lengths, or the middle one; 0 without words.
  double Median(std::uint64_t words) {
    if (words == 0) {
      return 0;
    }
    std::sort(long_.begin(), long_.end());
    return (static_cast<double>(AtRank((words - 1) / 2)) + static_cast<double>(AtRank(words / 2))) /
           2;
  }

 private:
  std::uint32_t AtRank(std::uint64_t rank) const {
    for (std::uint32_t chars = 0; chars < short_.size(); ++chars) {
      const std::uint64_t count = std::uint64_t{short_[chars][0]} + short_[chars][1];
      if (rank < count) {
        return chars;
      }
      rank -= count;
    }
    for (const auto& [chars, count] : long_) {
      if (rank < count) {
        return chars;
      }
      rank -= count;
    }
    return 0;
  }

  std::array<std::array<std::uint32_t, 2>, 32> short_{};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> long_;
};

struct LineFacts {
  std::uint64_t lines = 0;
  std::uint64_t with_bullet = 0;
  std::uint64_t with_ellipsis = 0;
  std::uint64_t repeated = 0;
  std::uint64_t repeated_chars = 0;
};

enum class LineEnds { kNewlines, kRunsOfNewlines };

class LineCounter {
 public:
  LineFacts Run(std::string_view text, LineEnds ends) {
    LineFacts facts;
    lines_.clear();
    const auto add = [&](std::string_view line) {
      lines_.push_back({line, 1});
      facts.with_bullet += line.starts_with('*') || line.starts_with('-') ? 1 : 0;
      facts.with_ellipsis += line.ends_with(kEllipsis) ? 1 : 0;
    };
    if (ends == LineEnds::kNewlines) {
      text::ForEachLine(text, add);
    } else {
      text::ForEachLineOfRuns(text, add);
    }
    facts.lines = lines_.size();
    CountEqual();
    for (const Line& line : lines_) {
      if (line.count > 1) {
        facts.repeated += line.count;
        facts.repeated_chars += line.count * text::CountCodePoints(line.text);
      }
    }
    return facts;
  }

 private:
  struct Line {
    std::string_view text;
    std::uint64_t count = 0;  // at the first of equal lines; 0 at the others
  };

  void CountEqual() {
    if (lines_.size() < 2) {
      return;
    }
    const std::size_t size = std::bit_ceil(lines_.size() * 2);
    slots_.assign(size, 0);
    for (std::uint32_t i = 0; i < lines_.size(); ++i) {
      std::size_t at = Xxh3Hash64(lines_[i].text) & (size - 1);
      while (slots_[at] != 0 && lines_[slots_[at] - 1].text != lines_[i].text) {
        at = (at + 1) & (size - 1);
      }
      if (slots_[at] == 0) {
        slots_[at] = i + 1;
      } else {
        ++lines_[slots_[at] - 1].count;
        lines_[i].count = 0;
      }
    }
  }

  std::vector<Line> lines_;
  std::vector<std::uint32_t> slots_;  // index + 1, 0 = free
};

struct GopherState final : TaggerState {
  LengthCounts lengths;
  GopherNgrams ngrams;
  LineCounter lines;
};

class Gopher final : public Tagger {
 public:
  explicit Gopher(LineEnds line_ends) : line_ends_(line_ends) {}

  std::span<const std::string_view> types() const override { return kTypes; }

  std::unique_ptr<TaggerState> MakeState() const override {
    return std::make_unique<GopherState>();
  }

  void Tag(DocumentView& document, TaggerState* state, std::vector<Span>& out) const override {
    auto& own = static_cast<GopherState&>(*state);
    const text::WordTable& words = document.words();
    const std::uint64_t word_count = words.ids().size();
    const std::uint64_t document_chars = document.size_chars();
    const WordSums sums = Sum(words, own.lengths);
    own.ngrams.Run(words, sums.chars, document_chars, out);
    const LineFacts lines = own.lines.Run(document.text(), line_ends_);
    const std::array<double, kTypes.size() - kCharacterCount> scores = {
        static_cast<double>(document_chars),   static_cast<double>(word_count),
        own.lengths.Median(word_count),        Ratio(sums.with_symbol, word_count),
        Ratio(sums.with_letter, word_count),   static_cast<double>(sums.required),
        Ratio(lines.with_bullet, lines.lines), Ratio(lines.with_ellipsis, lines.lines),
        Ratio(lines.repeated, lines.lines),    Ratio(lines.repeated_chars, sums.chars),
    };
    for (std::uint32_t i = 0; i < scores.size(); ++i) {
      out.push_back({kCharacterCount + i, 0, document_chars, scores[i]});
    }
  }

 private:
  static WordSums Sum(const text::WordTable& words, LengthCounts& lengths) {
    WordSums sums;
    sums.with_letter = words.ids().size();
    lengths.Clear();
    const std::span<const text::DistinctWord> distinct = words.distinct();
    for (std::size_t i = 0; i < distinct.size(); ++i) {
      const text::DistinctWord& word = distinct[i];
      sums.chars += std::uint64_t{word.chars} * word.count;
      sums.required += kRequiredWords.Has(word) ? word.count : 0;
      lengths.Add(word.chars, word.count, i % 2);
    }
    for (std::size_t i = 0; i < distinct.size(); i += 2) {
      const text::DistinctWord& first = distinct[i];
      const text::DistinctWord& second = distinct[std::min(i + 1, distinct.size() - 1)];
      if (std::max(first.bytes, second.bytes) > kKeyBytes || !ArePlain(first, second)) {
        AddFacts(words, distinct.subspan(i, std::min<std::size_t>(2, distinct.size() - i)), sums);
      }
    }
    return sums;
  }

  static void AddFacts(const text::WordTable& words, std::span<const text::DistinctWord> some,
                       WordSums& sums) {
    for (const text::DistinctWord& word : some) {
      const WordFacts facts = FactsOf(words, word);
      sums.with_letter -= facts.has_letter ? 0 : word.count;
      sums.with_symbol += facts.has_symbol ? word.count : 0;
    }
  }

  LineEnds line_ends_;
};

}  // namespace

Result<std::unique_ptr<const Tagger>> MakeGopherV1(const TaggerSettings& /*settings*/) {
  return std::make_unique<Gopher>(LineEnds::kNewlines);
}

Result<std::unique_ptr<const Tagger>> MakeGopherV2(const TaggerSettings& /*settings*/) {
  return std::make_unique<Gopher>(LineEnds::kRunsOfNewlines);
}

}  // namespace datalake::curate
