#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "datalake/curate/tagger.h"
#include "datalake/text/words.h"

namespace datalake::curate {

/// The n-gram rules of Gopher: for n from 2 to 4 the share of characters in the most common n-gram,
/// from 5 to 10 in those that repeat. Exact: n-grams are equal when all of their words are.
///
/// No n-gram needs a key of n words: it can only repeat where the (n-1)-grams at its first and at
/// its second word both repeat, so each step looks at the survivors of the one before, under the
/// 64-bit key (number of the (n-1)-gram, number of the word behind it). Most pairs of repeated
/// words do not repeat either; a filter of one byte a hash drops them before they are counted. On
/// ordinary prose next to nothing is left after 4 words.
///
/// Keeps its memory from text to text. Thread-compatible.
class GopherNgrams {
 public:
  static constexpr std::size_t kFirst = 2;
  static constexpr std::size_t kLastMostCommon = 4;
  static constexpr std::size_t kLast = 10;

  /// Appends a span of type n - kFirst for each n of which the text has an n-gram. `chars` are the
  /// code points of all words, `document_chars` those of the document.
  void Run(const text::WordTable& words, std::uint64_t chars, std::uint64_t document_chars,
           std::vector<Span>& out);

 private:
  // Open addressing over exact 64-bit keys; a slot's index serves as the number of its key.
  class KeyCounts {
   public:
    void Reset(std::size_t keys);
    std::uint32_t Count(std::uint64_t key);

    std::uint64_t CountOf(std::uint32_t slot) const { return slots_[slot].count; }

   private:
    struct Slot {
      std::uint64_t key = 0;
      std::uint64_t count = 0;  // 0 = free
    };

    std::vector<Slot> slots_;
    std::size_t mask_ = 0;
    int shift_ = 0;
  };

  // A word at which an n-gram may repeat.
  struct Candidate {
    std::uint32_t position = 0;  // of its first word
    std::uint32_t gram = 0;      // number of the (n-1)-gram there, then of the n-gram
    std::uint64_t chars = 0;     // code points of these words
  };

  std::uint64_t CharsAt(std::size_t word) const {
    return words_->distinct()[words_->ids()[word]].chars;
  }

  std::size_t FindRepeatedPairs();
  std::size_t FilterPairs(std::size_t pairs);
  void TakePairs(std::size_t pairs);
  void CountGrams(std::size_t n);
  double MostCommon(std::size_t n) const;
  double Duplicates(std::uint64_t gram_chars) const;
  void KeepRepeated();

  const text::WordTable* words_ = nullptr;
  std::uint64_t chars_ = 0;
  std::vector<std::uint8_t> repeated_;    // by distinct word: whether it occurs twice
  std::vector<std::uint32_t> positions_;  // of pairs
  std::vector<std::uint32_t> hashes_;     // of pairs
  std::vector<std::uint8_t> seen_;        // by hash: 0, 1 or more pairs
  std::vector<Candidate> room_;
  std::span<Candidate> candidates_;  // in room_, by position
  KeyCounts counts_;
};

}  // namespace datalake::curate
