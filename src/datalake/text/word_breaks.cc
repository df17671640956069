// The classes of code points are looked up in two stages of tables
// (tools/make_word_break_tables.py); what stands between two classes in a table made from the rules
// at compile time.
#include "datalake/text/word_breaks.h"

#include <array>

#include "datalake/text/utf8.h"

namespace datalake::text {

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
// What stands between two classes that nothing else is said of.
enum class WordRule : std::uint8_t {
  kBound,
  kJoined,
  kJoinedBeforeLetter,        // when a letter comes after the second
  kJoinedBeforeHebrewLetter,  // so
  kJoinedBeforeNumeric,       // so
};

namespace {

#include "datalake/text/word_break_tables.inc"

constexpr std::size_t kClasses = 21;

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
constexpr WordRule RuleFor(WordClass left, WordClass right) {
  using enum WordClass;
  const bool letter = IsAnyLetter(left);
  if ((letter || left == kNumeric || left == kExtendNumLet) &&
      (IsAnyLetter(right) || right == kNumeric || right == kExtendNumLet)) {
    return WordRule::kJoined;  // WB5, WB8, WB9, WB10, WB13a, WB13b
  }
  if ((left == kKatakana || left == kExtendNumLet) &&
      (right == kKatakana || right == kExtendNumLet)) {
    return WordRule::kJoined;  // WB13, WB13a, WB13b
  }
  if (letter && (right == kMidLetter || right == kMidNumLet || right == kSingleQuote)) {
    return WordRule::kJoinedBeforeLetter;  // WB6; WB7a is SegmentEnd's
  }
  if (left == kHebrewLetter && right == kDoubleQuote) {
    return WordRule::kJoinedBeforeHebrewLetter;  // WB7b
  }
  if (left == kNumeric && (right == kMidNum || right == kMidNumLet || right == kSingleQuote)) {
    return WordRule::kJoinedBeforeNumeric;  // WB12
  }
  return WordRule::kBound;
}

using RuleTable = std::array<std::array<WordRule, kClasses>, kClasses>;

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

}  // namespace

WordBreaks::WordBreaks(std::string_view text, SegmentRules rules)
    : text_(text),
      classes_(rules == SegmentRules::kRust ? kClassOfKind15.data() : kClassOfKind16.data()),
      joiner_wins_(rules == SegmentRules::kRust) {}

std::size_t WordBreaks::SegmentEnd(std::size_t begin) const {
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
      const WordRule between = RuleAt(left, here.value, at + here.bytes);
      if (between == WordRule::kBound) {
        return at;
      }
      next_joins = between != WordRule::kJoined;
    }
    pair_open = here.value == kRegionalIndicator && !pair_open;
    before = here.value;
    left = sequence && joiner_wins_ ? kPictographic : here.value;
    at += here.bytes;
  }
}

WordBreaks::ClassAt WordBreaks::At(std::size_t at) const {
  if (at >= text_.size()) {
    return {};
  }
  const DecodedCodePoint decoded = DecodeCodePoint(text_, at);
  const std::size_t block = kKindBlock[decoded.value >> 7];
  const std::uint8_t kind = kKind[(block << 7) | (decoded.value & 0x7F)];
  return {static_cast<WordClass>(kind < kClasses ? kind : classes_[kind]), decoded.bytes};
}

// Whether the first at or after `at` that is not transparent is what `rule` wants.
bool WordBreaks::IsFollowed(std::size_t at, WordRule rule) const {
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
    case WordRule::kJoinedBeforeLetter:
      return IsAnyLetter(here.value);
    case WordRule::kJoinedBeforeHebrewLetter:
      return here.value == WordClass::kHebrewLetter;
    case WordRule::kJoinedBeforeNumeric:
      return here.value == WordClass::kNumeric;
    case WordRule::kBound:
    case WordRule::kJoined:
      break;
  }
  return false;
}

// As in the table, kBound when what has to come from `after` on does not.
WordRule WordBreaks::RuleAt(WordClass left, WordClass right, std::size_t after) const {
  const WordRule rule = kRules[static_cast<std::size_t>(left)][static_cast<std::size_t>(right)];
  if (rule == WordRule::kBound || rule == WordRule::kJoined || IsFollowed(after, rule)) {
    return rule;
  }
  return left == WordClass::kHebrewLetter && right == WordClass::kSingleQuote
             ? WordRule::kJoined  // WB7a
             : WordRule::kBound;
}

}  // namespace datalake::text
