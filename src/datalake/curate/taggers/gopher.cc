// gopher_v1 and gopher_v2: the quality and repetition rules of Rae et al. 2021 ("Scaling Language
// Models", A1.1) as the Dolma toolkit computes them. For v1 every newline ends a line, so empty
// lines count, and repeat; for v2 a run of newlines does.
//
// Everything about single words is asked once a distinct word. N-grams of 2 to 10 words are counted
// exactly without a key of n words: an n-gram can only repeat where the (n-1)-grams at its first
// and at its second word both repeat, so each step looks at the survivors of the one before, under
// the 64-bit key (number of the (n-1)-gram, number of the word behind it). On ordinary prose next
// to nothing is left after 4 words.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/curate/taggers/taggers.h"
#include "datalake/text/lines.h"
#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kMostCommonMin = 2;  // n of the most-common rules: 2 to 4
constexpr std::size_t kMostCommonMax = 4;
constexpr std::size_t kLongest = 10;  // n of the duplicate rules: 5 to 10

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
constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

double Ratio(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(std::max<std::uint64_t>(whole, 1));
}

// A word of up to 8 bytes as DistinctWord::low has it.
constexpr std::uint64_t Packed(std::string_view word) {
  std::uint64_t packed = 0;
  for (std::size_t i = word.size(); i > 0; --i) {
    packed = (packed << 8) | static_cast<unsigned char>(word[i - 1]);
  }
  return packed;
}

bool IsRequired(const text::DistinctWord& word) {
  if (word.bytes > 4) {
    return false;
  }
  switch (word.low) {
    case Packed("the"):
    case Packed("be"):
    case Packed("to"):
    case Packed("of"):
    case Packed("and"):
    case Packed("that"):
    case Packed("have"):
    case Packed("with"):
      return true;
    default:
      return false;
  }
}

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
  if (word.bytes > 16) {
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

// Lengths of all words, for their median.
class LengthCounts {
 public:
  void Clear() {
    short_.fill(0);
    long_.clear();
  }

  void Add(std::uint32_t chars, std::uint32_t count) {
    if (chars < short_.size()) {
      short_[chars] += count;
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
      if (rank < short_[chars]) {
        return chars;
      }
      rank -= short_[chars];
    }
    for (const auto& [chars, count] : long_) {
      if (rank < count) {
        return chars;
      }
      rank -= count;
    }
    return 0;
  }

  std::array<std::uint32_t, 64> short_{};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> long_;
};

// Open addressing over exact 64-bit keys; a slot's index serves as the number of its key.
class KeyCounts {
 public:
  void Reset(std::size_t keys) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(keys * 2, 16));
    slots_.assign(size, {});
    shift_ = 64 - std::countr_zero(size);
  }

  // Counts `key` once more. Whether it is new is a coin's toss, so nothing branches on it.
  std::uint32_t Count(std::uint64_t key) {
    // Fibonacci hashing (Knuth, TAOCP 6.4): the high bits of the product.
    std::size_t at = (key * 0x9E3779B97F4A7C15ULL) >> shift_;
    while (std::min(slots_[at].count, slots_[at].key ^ key) != 0) {
      at = (at + 1) & (slots_.size() - 1);
    }
    slots_[at].key = key;
    ++slots_[at].count;
    return static_cast<std::uint32_t>(at);
  }

  std::uint64_t CountOf(std::uint32_t slot) const { return slots_[slot].count; }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint64_t count = 0;  // 0 = free
  };

  std::vector<Slot> slots_;
  int shift_ = 0;
};

// A word at which an n-gram may repeat.
struct Candidate {
  std::uint32_t position = 0;  // of its first word
  std::uint32_t gram = 0;      // number of the (n-1)-gram there, then of the n-gram
  std::uint64_t chars = 0;     // code points of these words
};

class NgramCounter {
 public:
  // Appends the n-gram rules of `words`, whose code points add up to `chars`.
  void Run(const text::WordTable& words, std::uint64_t chars, std::uint64_t document_chars,
           std::vector<Span>& out) {
    words_ = &words;
    chars_ = chars;
    Begin();
    const std::size_t count = words.ids().size();
    for (std::size_t n = kMostCommonMin; n <= kLongest && n <= count; ++n) {
      CountGrams(n);
      const double score = n <= kMostCommonMax ? MostCommon(n) : Duplicates(n);
      out.push_back({static_cast<std::uint32_t>(n - kMostCommonMin), 0, document_chars, score});
      KeepRepeated();
    }
  }

 private:
  std::uint64_t CharsAt(std::size_t word) const {
    return words_->distinct()[words_->ids()[word]].chars;
  }

  // Candidates for pairs: two repeated words in a row. Only words are known yet: n is 1.
  void Begin() {
    const auto ids = words_->ids();
    const auto distinct = words_->distinct();
    if (room_.size() < ids.size()) {
      room_.resize(2 * ids.size());
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const text::DistinctWord& word = distinct[ids[i]];
      room_[kept] = {static_cast<std::uint32_t>(i), ids[i], word.chars};
      // Without a branch: the outcome is a coin's.
      kept += static_cast<std::size_t>(word.count > 1) &
              static_cast<std::size_t>(distinct[ids[i + 1]].count > 1);
    }
    candidates_ = std::span(room_).first(kept);
  }

  void CountGrams(std::size_t n) {
    counts_.Reset(candidates_.size());
    const auto ids = words_->ids();
    for (Candidate& candidate : candidates_) {
      const std::uint32_t next = ids[candidate.position + n - 1];
      const std::uint64_t key = (std::uint64_t{candidate.gram} << 32) | next;
      candidate.gram = counts_.Count(key);
      candidate.chars += words_->distinct()[next].chars;
    }
  }

  // count * chars of the n-gram that occurs most often, the first one of those that do.
  double MostCommon(std::size_t n) const {
    std::uint64_t best_count = 1;
    std::uint64_t best_chars = 0;
    for (const Candidate& candidate : candidates_) {
      // In order of positions, so the first of equal ones stays.
      if (counts_.CountOf(candidate.gram) > best_count) {
        best_count = counts_.CountOf(candidate.gram);
        best_chars = candidate.chars;
      }
    }
    if (best_count == 1) {  // none repeats: the first n-gram of the text
      for (std::size_t i = 0; i < n; ++i) {
        best_chars += CharsAt(i);
      }
    }
    return Ratio(best_count * best_chars, chars_);
  }

  double Duplicates(std::size_t n) const {
    std::uint64_t repeated = 0;
    for (const Candidate& candidate : candidates_) {
      repeated += counts_.CountOf(candidate.gram) > 1 ? candidate.chars : 0;
    }
    return Ratio(repeated, AllGramChars(n));
  }

  // Code points of all n-grams: word j of an n-gram runs over all words but the first j and the
  // last n - 1 - j.
  std::uint64_t AllGramChars(std::size_t n) const {
    const std::size_t count = words_->ids().size();
    std::uint64_t all = n * chars_;
    for (std::size_t i = 0; i + 1 < n; ++i) {
      all -= (n - 1 - i) * (CharsAt(i) + CharsAt(count - 1 - i));
    }
    return all;
  }

  // Leaves the candidates for the next n: repeated here and at the next word. Copies always and
  // counts when it was right to: branches would be tosses of a coin.
  void KeepRepeated() {
    std::size_t repeated = 0;
    for (const Candidate& candidate : candidates_) {
      const bool repeats = counts_.CountOf(candidate.gram) > 1;
      candidates_[repeated] = candidate;
      repeated += repeats ? 1 : 0;
    }
    std::size_t kept = 0;
    for (std::size_t c = 0; c + 1 < repeated; ++c) {
      const bool goes_on = candidates_[c + 1].position == candidates_[c].position + 1;
      candidates_[kept] = candidates_[c];
      kept += goes_on ? 1 : 0;
    }
    candidates_ = candidates_.first(kept);
  }

  const text::WordTable* words_ = nullptr;
  std::uint64_t chars_ = 0;
  std::vector<Candidate> room_;
  std::span<Candidate> candidates_;  // in room_, by position
  KeyCounts counts_;
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
  NgramCounter ngrams;
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
    std::uint64_t chars = 0;
    std::uint64_t with_letter = 0;
    std::uint64_t with_symbol = 0;
    std::uint64_t required = 0;
    own.lengths.Clear();
    for (const text::DistinctWord& word : words.distinct()) {
      const WordFacts facts = FactsOf(words, word);
      chars += std::uint64_t{word.chars} * word.count;
      with_letter += facts.has_letter ? word.count : 0;
      with_symbol += facts.has_symbol ? word.count : 0;
      required += IsRequired(word) ? word.count : 0;
      own.lengths.Add(word.chars, word.count);
    }
    own.ngrams.Run(words, chars, document_chars, out);
    const LineFacts lines = own.lines.Run(document.text(), line_ends_);
    const std::array<double, kTypes.size() - kCharacterCount> scores = {
        static_cast<double>(document_chars),   static_cast<double>(word_count),
        own.lengths.Median(word_count),        Ratio(with_symbol, word_count),
        Ratio(with_letter, word_count),        static_cast<double>(required),
        Ratio(lines.with_bullet, lines.lines), Ratio(lines.with_ellipsis, lines.lines),
        Ratio(lines.repeated, lines.lines),    Ratio(lines.repeated_chars, chars),
    };
    for (std::uint32_t i = 0; i < scores.size(); ++i) {
      out.push_back({kCharacterCount + i, 0, document_chars, scores[i]});
    }
  }

 private:
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
