#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "datalake/base/cpu_features.h"

namespace datalake::text {

/// One word: bytes [begin, end) of its text.
struct Word {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  friend bool operator==(const Word&, const Word&) = default;
};

/// The longest text that SplitWords and WordTable take: their offsets have 32 bits.
inline constexpr std::size_t kMaxWordTextBytes = 0xFFFF'FF00;

/// The words of `text` as Python's str.split() gives them: runs without white space (IsSpace of
/// unicode.h). Replaces what `out` held. `text` must be valid UTF-8 of at most kMaxWordTextBytes.
/// AVX-512 and AVX2: 5 GB/s and more on English. Thread-safe.
void SplitWords(std::string_view text, std::vector<Word>& out, CpuLevel level = BestCpuLevel());

/// A distinct word of a WordTable. One vector register, never across cache lines.
struct alignas(32) DistinctWord {
  std::uint64_t low = 0;    ///< first 8 bytes, little-endian, zero-padded
  std::uint64_t high = 0;   ///< next 8 bytes, so
  std::uint32_t bytes = 0;  ///< all of them: may be more than 16
  std::uint32_t begin = 0;  ///< where it stands first
  std::uint32_t chars = 0;  ///< code points
  std::uint32_t count = 0;  ///< how often it occurs
};

/// All words of one text, each with the number of its distinct word: equal numbers mean equal bytes
/// (compared, never only hashed), so n-grams of numbers are exact. Computed once a document and
/// read by every operator. Keeps its memory from text to text. Thread-compatible; views the text of
/// the last Assign, which must outlive its use.
class WordTable {
 public:
  explicit WordTable(CpuLevel level = BestCpuLevel()) : level_(level) {}

  /// Splits `text` (valid UTF-8 of at most kMaxWordTextBytes) and numbers its words in order of
  /// first occurrence. About 900 MB/s on English.
  void Assign(std::string_view text);

  std::string_view text() const { return text_; }

  /// Words in order of the text.
  std::span<const Word> words() const { return std::span(words_).first(num_words_); }

  /// Number of each word's distinct word; as long as words().
  std::span<const std::uint32_t> ids() const { return std::span(ids_).first(num_words_); }

  /// Distinct words, by number.
  std::span<const DistinctWord> distinct() const {
    return std::span(entries_).subspan(1, num_distinct_);
  }

  /// Numbers of the distinct words of more than 16 bytes, which low and high do not hold in full.
  std::span<const std::uint32_t> long_words() const { return long_words_; }

  std::string_view Text(const DistinctWord& word) const {
    return text_.substr(word.begin, word.bytes);
  }

  std::string_view Text(const Word& word) const {
    return text_.substr(word.begin, word.end - word.begin);
  }

 private:
  struct Batch;

  template <typename Slot>
  void Number(std::vector<Slot>& slots);
  template <typename Slot, bool kHasLongWords>
  void NumberBatch(const Batch& batch, std::size_t first, std::span<Slot> slots);
  void CountChars();

  CpuLevel level_;
  std::string_view text_;
  bool is_ascii_ = true;
  // The vectors only grow; num_words_ and num_distinct_ of their elements count.
  std::vector<Word> words_;
  std::vector<std::uint32_t> ids_;
  std::size_t num_words_ = 0;
  std::vector<DistinctWord> entries_;  // by number + 1; the first one is nobody's
  std::size_t num_distinct_ = 0;
  std::vector<std::uint32_t> long_words_;
  // Number + 1, 0 = free, by hash; the narrow ones for texts of less than 65 536 words.
  std::vector<std::uint16_t> narrow_slots_;
  std::vector<std::uint32_t> wide_slots_;
};

}  // namespace datalake::text
