// Word segments in two ways. Text that is ASCII for a while goes 64 bytes at a time: the rules of
// UAX #29 among ASCII characters are a dozen operations on bit masks (see JoinMask). A segment with
// other characters in or behind it is found one code point after the other (SegmentEnd). The rules
// never look back across a bound, so the ways alternate freely at bounds.
#include "datalake/text/word_segments.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace datalake::text {
namespace {

#include "datalake/text/word_break_tables.inc"

// Word_Break of UAX #29, in the order of tools/make_word_break_tables.py.
enum class WordClass : std::uint8_t {
  kOther,
  kCr,
  kLf,
  kNewline,
  kSpace,
  kLetter,
  kHebrewLetter,
  kNumeric,
  kKatakana,
  kExtendNumLet,
  kRegionalIndicator,
  kMidLetter,
  kMidNum,
  kMidNumLet,
  kSingleQuote,
  kDoubleQuote,
  kExtend,
  kFormat,
  kZwj,
  kPictographic,        // kOther with Extended_Pictographic
  kPictographicLetter,  // kLetter with it
};
constexpr std::size_t kClasses = 21;

// What stands between two classes that nothing else is said of.
enum class Between : std::uint8_t {
  kBound,
  kJoined,
  kJoinedBeforeLetter,        // when a letter comes after the second
  kJoinedBeforeHebrewLetter,  // so
  kJoinedBeforeNumeric,       // so
};

constexpr bool IsAnyLetter(WordClass c) {
  return c == WordClass::kLetter || c == WordClass::kHebrewLetter ||
         c == WordClass::kPictographicLetter;
}

constexpr bool IsTransparent(WordClass c) {
  return c == WordClass::kExtend || c == WordClass::kFormat || c == WordClass::kZwj;
}

constexpr bool IsLineEnd(WordClass c) {
  return c == WordClass::kCr || c == WordClass::kLf || c == WordClass::kNewline;
}

constexpr bool IsPictographic(WordClass c) {
  return c == WordClass::kPictographic || c == WordClass::kPictographicLetter;
}

// Rules WB5 to WB13b; WB7, WB7c and WB11 follow from looking ahead. Regional indicators count.
constexpr Between RuleFor(WordClass left, WordClass right) {
  using enum WordClass;
  const bool letter = IsAnyLetter(left);
  if ((letter || left == kNumeric || left == kExtendNumLet) &&
      (IsAnyLetter(right) || right == kNumeric || right == kExtendNumLet)) {
    return Between::kJoined;  // WB5, WB8, WB9, WB10, WB13a, WB13b
  }
  if ((left == kKatakana || left == kExtendNumLet) &&
      (right == kKatakana || right == kExtendNumLet)) {
    return Between::kJoined;  // WB13, WB13a, WB13b
  }
  if (letter && (right == kMidLetter || right == kMidNumLet || right == kSingleQuote)) {
    return Between::kJoinedBeforeLetter;  // WB6; WB7a is SegmentEnd's
  }
  if (left == kHebrewLetter && right == kDoubleQuote) {
    return Between::kJoinedBeforeHebrewLetter;  // WB7b
  }
  if (left == kNumeric && (right == kMidNum || right == kMidNumLet || right == kSingleQuote)) {
    return Between::kJoinedBeforeNumeric;  // WB12
  }
  return Between::kBound;
}

using RuleTable = std::array<std::array<Between, kClasses>, kClasses>;

constexpr RuleTable MakeRules() {
  RuleTable rules{};
  for (std::size_t left = 0; left < kClasses; ++left) {
    for (std::size_t right = 0; right < kClasses; ++right) {
      rules[left][right] = RuleFor(static_cast<WordClass>(left), static_cast<WordClass>(right));
    }
  }
  return rules;
}

constexpr RuleTable kRules = MakeRules();

struct ClassAt {
  WordClass value = WordClass::kOther;
  std::uint32_t bytes = 0;  // 0 at the end of the text
};

// The segments of one text by one version of the rules.
class Segmenter {
 public:
  Segmenter(std::string_view text, SegmentRules rules)
      : text_(text),
        classes_(rules == SegmentRules::kRust ? kClassOfKind15.data() : kClassOfKind16.data()),
        joiner_wins_(rules == SegmentRules::kRust) {}

  // The end of the segment that begins at `begin`, a bound inside the text.
  std::size_t SegmentEnd(std::size_t begin) const {
    using enum WordClass;
    ClassAt here = At(begin);
    std::size_t at = begin + here.bytes;
    if (IsLineEnd(here.value)) {  // WB3, WB3a
      return here.value == kCr && At(at).value == kLf ? at + 1 : at;
    }
    // Of the last that is not transparent; one at the begin is like any other symbol.
    WordClass left = IsTransparent(here.value) ? kOther : here.value;
    WordClass before = here.value;  // of the very last
    bool pair_open = left == kRegionalIndicator;
    bool next_joins = false;  // WB7, WB7c, WB11: found by looking ahead
    while (true) {
      here = At(at);
      if (here.bytes == 0 || IsLineEnd(here.value)) {  // WB2, WB3b
        return at;
      }
      if (IsTransparent(here.value)) {  // WB4
        before = here.value;
        at += here.bytes;
        continue;
      }
      const bool sequence = before == kZwj && IsPictographic(here.value);  // WB3c
      const bool joined = next_joins || sequence ||
                          (before == kSpace && here.value == kSpace) ||     // WB3d
                          (pair_open && here.value == kRegionalIndicator);  // WB15, WB16
      next_joins = false;
      if (!joined) {
        const Between between = RuleAt(left, here.value, at + here.bytes);
        if (between == Between::kBound) {
          return at;
        }
        next_joins = between != Between::kJoined;
      }
      pair_open = here.value == kRegionalIndicator && !pair_open;
      before = here.value;
      left = sequence && joiner_wins_ ? kPictographic : here.value;
      at += here.bytes;
    }
  }

 private:
  ClassAt At(std::size_t at) const {
    if (at >= text_.size()) {
      return {};
    }
    const DecodedCodePoint decoded = DecodeCodePoint(text_, at);
    const std::size_t block = kKindBlock[decoded.value >> 7];
    const std::uint8_t kind = kKind[(block << 7) | (decoded.value & 0x7F)];
    return {static_cast<WordClass>(kind < kClasses ? kind : classes_[kind]), decoded.bytes};
  }

  // Whether the first at or after `at` that is not transparent is what `rule` wants.
  bool IsFollowed(std::size_t at, Between rule) const {
    ClassAt here = At(at);
    WordClass before = WordClass::kOther;
    while (here.bytes != 0 && IsTransparent(here.value)) {
      before = here.value;
      at += here.bytes;
      here = At(at);
    }
    if (joiner_wins_ && before == WordClass::kZwj && IsPictographic(here.value)) {
      return true;
    }
    switch (rule) {
      case Between::kJoinedBeforeLetter:
        return IsAnyLetter(here.value);
      case Between::kJoinedBeforeHebrewLetter:
        return here.value == WordClass::kHebrewLetter;
      case Between::kJoinedBeforeNumeric:
        return here.value == WordClass::kNumeric;
      case Between::kBound:
      case Between::kJoined:
        break;
    }
    return false;
  }

  // As in the table, kBound when what has to come from `after` on does not.
  Between RuleAt(WordClass left, WordClass right, std::size_t after) const {
    const Between rule = kRules[static_cast<std::size_t>(left)][static_cast<std::size_t>(right)];
    if (rule == Between::kBound || rule == Between::kJoined || IsFollowed(after, rule)) {
      return rule;
    }
    return left == WordClass::kHebrewLetter && right == WordClass::kSingleQuote
               ? Between::kJoined  // WB7a
               : Between::kBound;
  }

  std::string_view text_;
  const std::uint8_t* classes_;
  // unicode-segmentation takes a pictograph behind a ZWJ for that alone: it fulfils what a
  // MidLetter or the like before the ZWJ waits for, and joins no letter behind it (U+24C2 is one
  // itself).
  bool joiner_wins_ = false;
};

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

#if defined(__AVX2__)
class BlockBytes {
 public:
  explicit BlockBytes(const char* block)
      : low_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block))),         // NOLINT
        high_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32))) {  // NOLINT
  }

  std::uint64_t Equal(char byte) const {
    const __m256i all = _mm256_set1_epi8(byte);
    return Join(_mm256_cmpeq_epi8(low_, all), _mm256_cmpeq_epi8(high_, all));
  }

  // `first` to `last`, both below 0x7F and `first` above 0: signed compares do.
  std::uint64_t Between(char first, char last) const {
    return Join(Within(low_, first, last), Within(high_, first, last));
  }

  std::uint64_t Letters() const {
    const __m256i bit = _mm256_set1_epi8(0x20);
    return Join(Within(_mm256_or_si256(low_, bit), 'a', 'z'),
                Within(_mm256_or_si256(high_, bit), 'a', 'z'));
  }

  std::uint64_t NotAscii() const { return Join(low_, high_); }

 private:
  static std::uint64_t Join(__m256i low, __m256i high) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
           (static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high)))
            << 32);
  }

  static __m256i Within(__m256i bytes, char first, char last) {
    const __m256i from = _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(static_cast<char>(first - 1)));
    const __m256i to = _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(last + 1)), bytes);
    return _mm256_and_si256(from, to);
  }

  __m256i low_;
  __m256i high_;
};
#else
class BlockBytes {
 public:
  explicit BlockBytes(const char* block) : block_(block) {}

  std::uint64_t Equal(char byte) const { return Between(byte, byte); }

  std::uint64_t Between(char first, char last) const {
    return Where([&](char byte) { return byte >= first && byte <= last; });
  }

  std::uint64_t Letters() const {
    return Where([](char byte) {
      const char lower = static_cast<char>(byte | 0x20);
      return lower >= 'a' && lower <= 'z';
    });
  }

  std::uint64_t NotAscii() const {
    return Where([](char byte) { return static_cast<unsigned char>(byte) >= 0x80; });
  }

 private:
  template <typename Test>
  std::uint64_t Where(Test test) const {
    std::uint64_t mask = 0;
    for (unsigned bit = 0; bit < 64; ++bit) {
      mask |= std::uint64_t{test(block_[bit])} << bit;
    }
    return mask;
  }

  const char* block_;
};
#endif

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

constexpr std::uint64_t FirstBits(std::size_t bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
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
  const Segmenter segmenter(text, kSegmentRules);
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
    const std::size_t end = segmenter.SegmentEnd(at);
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
