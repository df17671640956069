// Word segments in two ways. Text that is ASCII for a while goes 64 bytes at a time: the rules of
// UAX #29 among ASCII characters are a dozen operations on bit masks (see JoinMask). A segment with
// other characters in or behind it is found one code point after the other (word_breaks.h). The
// rules never look back across a bound, so the ways alternate freely at bounds.
#include "datalake/text/word_segments.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "datalake/text/byte_masks.h"
#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"
#include "datalake/text/word_breaks.h"

namespace datalake::text {
namespace {

// One bit for each of 64 bytes.
struct AsciiMasks {
  std::uint64_t letter = 0;
  std::uint64_t digit = 0;
  std::uint64_t underscore = 0;
  std::uint64_t colon = 0;  // MidLetter
  std::uint64_t comma = 0;  // MidNum: , ;
  std::uint64_t dot = 0;    // MidNumLet and Single_Quote: . '
  std::uint64_t space = 0;  // U+0020
  std::uint64_t cr = 0;
  std::uint64_t lf = 0;
  std::uint64_t white = 0;      // Rust's: 09 to 0D and 20
  std::uint64_t separator = 0;  // Python's too: 1C to 1F
  std::uint64_t not_ascii = 0;
};

AsciiMasks MasksOf(const char* block) {
  const BlockBytes bytes(block);
  AsciiMasks masks;
  masks.letter = bytes.Letters();
  masks.digit = bytes.Between('0', '9');
  masks.underscore = bytes.Equal('_');
  masks.colon = bytes.Equal(':');
  masks.comma = bytes.Equal(',') | bytes.Equal(';');
  masks.dot = bytes.Equal('.') | bytes.Equal('\'');
  masks.space = bytes.Equal(' ');
  const std::uint64_t line = bytes.Between('\t', '\r');
  if (line != 0) {
    masks.cr = bytes.Equal('\r');
    masks.lf = bytes.Equal('\n');
  }
  masks.white = masks.space | line;
  masks.separator = bytes.Between(0x1C, 0x1F);
  masks.not_ascii = bytes.NotAscii();
  return masks;
}

// The bytes of ASCII text that no bound stands before.
std::uint64_t JoinMask(const AsciiMasks& masks) {
  const std::uint64_t word = masks.letter | masks.digit | masks.underscore;
  const std::uint64_t inner =  // WB6, WB12
      ((masks.colon | masks.dot) & (masks.letter << 1) & (masks.letter >> 1)) |
      ((masks.comma | masks.dot) & (masks.digit << 1) & (masks.digit >> 1));
  return (word & (word << 1)) |                // WB5, WB8 to WB10, WB13a, WB13b
         inner | (inner << 1) |                // and WB7, WB11
         (masks.space & (masks.space << 1)) |  // WB3d
         (masks.lf & (masks.cr << 1));         // WB3
}

bool IsWhite(char32_t c, SegmentRules rules) {
  return IsSpace(c) && !(rules == SegmentRules::kRust && c >= 0x1C && c <= 0x1F);
}

bool IsBlank(std::string_view segment, SegmentRules rules) {
  const auto first = static_cast<unsigned char>(segment[0]);
  if (first > ' ' && first < 0x80) {
    return false;
  }
  for (std::size_t at = 0; at < segment.size();) {
    const DecodedCodePoint decoded = DecodeCodePoint(segment, at);
    if (!IsWhite(decoded.value, rules)) {
      return false;
    }
    at += decoded.bytes;
  }
  return true;
}

// Walks over the segments: sink.Block(at, ends, white) for many of ASCII, from `at` to each bit of
// `ends` in turn (`white` has the bits that are white space), sink.One(begin, end) for one.
template <SegmentRules kSegmentRules, typename Sink>
void Walk(std::string_view text, Sink& sink) {
  const WordBreaks breaks(text, kSegmentRules);
  std::array<char, 64> tail;
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      const std::size_t left = text.size() - at;
      const char* block = text.data() + at;
      if (left < tail.size()) {
        tail.fill('\0');  // joins nothing, like the end
        std::memcpy(tail.data(), block, left);
        block = tail.data();
      }
      const AsciiMasks masks = MasksOf(block);
      // A bound needs to see the byte behind it: that must be there and ASCII.
      const auto ascii = static_cast<std::size_t>(std::countr_zero(masks.not_ascii));
      const std::size_t sure = std::min(left + 1, ascii - 1);
      const std::uint64_t ends = ~JoinMask(masks) & FirstBits(sure) & ~std::uint64_t{1};
      if (ends != 0) {
        const std::uint64_t white =
            masks.white | (kSegmentRules == SegmentRules::kPython ? masks.separator : 0);
        sink.Block(at, ends, white);
        at += 63 - static_cast<std::size_t>(std::countl_zero(ends));
        continue;
      }
    }
    const std::size_t end = breaks.SegmentEnd(at);
    sink.One(at, end);
    at = end;
  }
}

template <bool kDropBlank>
class Collector {
 public:
  Collector(std::string_view text, std::vector<Word>& out) : text_(text), out_(out) {}

  std::size_t count() const { return count_; }

  void Block(std::size_t at, std::uint64_t ends, std::uint64_t white) {
    MakeRoom();
    Word* word = out_.data() + count_;
    const auto base = static_cast<std::uint32_t>(at);
    std::uint32_t begin = 0;
    for (; ends != 0; ends &= ends - 1) {
      const auto end = static_cast<std::uint32_t>(std::countr_zero(ends));
      *word = {base + begin, base + end};
      word += kDropBlank ? 1 - ((white >> begin) & 1) : 1;
      begin = end;
    }
    count_ = static_cast<std::size_t>(word - out_.data());
  }

  void One(std::size_t begin, std::size_t end) {
    if (kDropBlank && IsBlank(text_.substr(begin, end - begin), SegmentRules::kRust)) {
      return;
    }
    MakeRoom();
    out_[count_++] = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }

 private:
  // For the segments of a block. The vector only grows here, so that elements are not cleared block
  // by block.
  void MakeRoom() {
    constexpr std::size_t kMost = 64;
    if (count_ + kMost > out_.size()) {
      out_.resize(std::max(out_.size() * 2, count_ + 16 * kMost));
    }
  }

  std::string_view text_;
  std::vector<Word>& out_;
  std::size_t count_ = 0;
};

template <SegmentRules kSegmentRules>
class Counter {
 public:
  explicit Counter(std::string_view text) : text_(text) {}

  const WordSegmentCounts& counts() const { return counts_; }

  void Block(std::size_t /*at*/, std::uint64_t ends, std::uint64_t white) {
    counts_.all += static_cast<std::uint64_t>(std::popcount(ends));
    // Begins: the first byte and all ends but the last.
    const std::uint64_t begins = (ends | 1) & ~(std::uint64_t{1} << (63 - std::countl_zero(ends)));
    counts_.non_blank += static_cast<std::uint64_t>(std::popcount(begins & ~white));
  }

  void One(std::size_t begin, std::size_t end) {
    ++counts_.all;
    counts_.non_blank += IsBlank(text_.substr(begin, end - begin), kSegmentRules) ? 0 : 1;
  }

 private:
  std::string_view text_;
  WordSegmentCounts counts_;
};

template <bool kDropBlank>
void Collect(std::string_view text, std::vector<Word>& out) {
  Collector<kDropBlank> collector(text, out);
  Walk<SegmentRules::kRust>(text, collector);
  out.resize(collector.count());
}

template <SegmentRules kSegmentRules>
WordSegmentCounts Count(std::string_view text) {
  Counter<kSegmentRules> counter(text);
  Walk<kSegmentRules>(text, counter);
  return counter.counts();
}

}  // namespace

void SplitWordSegments(std::string_view text, std::vector<Word>& out) {
  Collect<false>(text, out);
}

void SplitNonBlankWordSegments(std::string_view text, std::vector<Word>& out) {
  Collect<true>(text, out);
}

WordSegmentCounts CountWordSegments(std::string_view text, SegmentRules rules) {
  return rules == SegmentRules::kRust ? Count<SegmentRules::kRust>(text)
                                      : Count<SegmentRules::kPython>(text);
}

}  // namespace datalake::text
