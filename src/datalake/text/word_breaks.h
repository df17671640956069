#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "datalake/text/word_segments.h"

namespace datalake::text {

enum class WordClass : std::uint8_t;
enum class WordRule : std::uint8_t;

/// The rules of UAX #29 for words, one code point after the other: what SplitWordSegments takes
/// where a text is not ASCII. Views the text (valid UTF-8), which must outlive it. Thread-safe.
class WordBreaks {
 public:
  WordBreaks(std::string_view text, SegmentRules rules);

  /// The end of the segment that begins at byte `begin`, a bound inside the text. Looks at nothing
  /// before it, and at most at the segment behind it.
  std::size_t SegmentEnd(std::size_t begin) const;

 private:
  struct ClassAt {
    WordClass value{};
    std::uint32_t bytes = 0;  // 0 at the end of the text
  };

  ClassAt At(std::size_t at) const;
  bool IsFollowed(std::size_t at, WordRule rule) const;
  WordRule RuleAt(WordClass left, WordClass right, std::size_t after) const;

  std::string_view text_;
  const std::uint8_t* classes_;
  // unicode-segmentation takes a pictograph behind a ZWJ for that alone: it fulfils what a
  // MidLetter or the like before the ZWJ waits for, and joins no letter behind it (U+24C2 is one
  // itself).
  bool joiner_wins_;
};

}  // namespace datalake::text
