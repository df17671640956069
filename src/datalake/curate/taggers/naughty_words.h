#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "datalake/text/words.h"

namespace datalake::curate {

/// What C4's rules look for in lower-cased text: the list of naughty words (403 English entries),
/// "javascript" and "lorem ipsum". Immutable and thread-safe once made; small enough for the L1.
class NaughtyWords {
 public:
  enum class Found : std::uint8_t { kNothing, kNaughty, kJavascript, kLoremIpsum };

  NaughtyWords();

  /// False for all but a few of the words that FindWord finds nothing for: one look in a bit set.
  bool MayBeWord(const text::DistinctWord& word) const {
    const std::uint32_t bit = WordHash(word.low, word.high);
    return ((word_bits_[bit / 64] >> (bit % 64)) & 1) != 0;
  }

  /// What `word`, with ASCII letters lower-cased, is as a whole: kNaughty or kJavascript.
  Found FindWord(const text::DistinctWord& word) const;

  /// Entries of several words, and "lorem ipsum", are found at one of their spaces. True when one
  /// may have it at `space`, as the bytes around it say: one look in a bit set, wrong once in a
  /// hundred spaces. `around` is 5 bytes, the space in the middle, in the low bytes.
  bool MayHavePhrase(std::uint64_t around) const {
    const std::uint32_t bit = PhraseHash(around);
    return ((phrase_bits_[bit / 64] >> (bit % 64)) & 1) != 0;
  }

  /// Whether a phrase does stand around text[space], as a substring: kNaughty, kLoremIpsum or
  /// kNothing.
  Found FindPhrase(std::string_view text, std::size_t space, std::uint64_t around) const;

 private:
  static constexpr int kPhraseBits = 14;
  static constexpr int kWordBits = 14;

  struct Entry {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    Found found = Found::kNothing;
  };

  struct Phrase {
    std::string_view text;
    std::uint32_t space = 0;  // of those in it the one to look at
    std::uint32_t hash = 0;
  };

  // Letters of either case alike.
  static std::uint32_t WordHash(std::uint64_t low, std::uint64_t high) {
    const std::uint64_t lower = low | 0x2020202020202020ULL;
    const std::uint64_t key = lower + (high | 0x2020202020202020ULL) * 0xD6E8FEB86659FD93ULL;
    return static_cast<std::uint32_t>((key * 0x9E3779B97F4A7C15ULL) >> (64 - kWordBits));
  }

  // Of 5 bytes, letters of either case alike.
  static std::uint32_t PhraseHash(std::uint64_t around) {
    const std::uint64_t key = (around & 0xFF'FFFF'FFFFULL) | 0x20'2020'2020ULL;
    return static_cast<std::uint32_t>((key * 0x9E3779B97F4A7C15ULL) >> (64 - kPhraseBits));
  }

  void AddWord(std::string_view word, Found found);
  void AddPhrase(std::string_view phrase);

  std::array<Entry, 1024> words_{};  // open addressing
  std::array<std::uint64_t, (1 << kWordBits) / 64> word_bits_{};
  std::array<std::uint64_t, (1 << kPhraseBits) / 64> phrase_bits_{};
  std::vector<Phrase> phrases_;  // by hash
};

}  // namespace datalake::curate
