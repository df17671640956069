#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "datalake/text/words.h"

namespace datalake::text {

/// Whose word segments: both libraries follow the default rules of UAX #29, without dictionaries.
enum class SegmentRules {
  kRust,    ///< unicode-segmentation 1.11, str::split_word_bounds: Unicode 15.1
  kPython,  ///< uniseg 0.10.1, uniseg.wordbreak.words: Unicode 16.0
};

/// All word segments of `text` in order, those of white space too: together they are the text. The
/// rules are kRust. Replaces what `out` held. `text` must be valid UTF-8 of at most
/// kMaxWordTextBytes. Linear; 64 bytes of ASCII at a time, more than 1 GB/s on English.
/// Thread-safe. Source: https://www.unicode.org/reports/tr29/ section 4.1.1.
void SplitWordSegments(std::string_view text, std::vector<Word>& out);

/// As SplitWordSegments without the blank segments, those that Rust's str::trim leaves nothing of:
/// the "words" of the toolkit's deduper.
void SplitNonBlankWordSegments(std::string_view text, std::vector<Word>& out);

struct WordSegmentCounts {
  std::uint64_t all = 0;
  std::uint64_t non_blank = 0;  ///< those with more than white space, as Rust or Python has it

  friend bool operator==(const WordSegmentCounts&, const WordSegmentCounts&) = default;
};

/// How many segments `text` (valid UTF-8 of any size) has. Keeps no list of them. Thread-safe.
WordSegmentCounts CountWordSegments(std::string_view text, SegmentRules rules);

}  // namespace datalake::text
