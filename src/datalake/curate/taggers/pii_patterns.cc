// The patterns by hand. Where each could begin or must pass is a byte that is rare in prose: an
// `@`, a digit behind white space, a dot between digits. Those are looked for 64 bytes at a time;
// around them the match is unique up to what the comments say, so nothing backtracks.
#include "datalake/curate/taggers/pii_patterns.h"

#include <array>
#include <bit>
#include <cstring>

#include "datalake/text/unicode.h"
#include "datalake/text/utf8.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace datalake::curate {
namespace {

enum ByteClass : std::uint8_t {
  kSpaceByte = 1,  // ASCII white space
  kLeadByte = 2,   // one of .@,?!;:)( or ASCII white space
  kDigitByte = 4,
  kHighByte = 8,  // of a code point past ASCII
};

constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool space = (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
    const bool lead =
        space || std::string_view(".@,?!;:)(").find(static_cast<char>(c)) != std::string_view::npos;
    classes[c] = static_cast<std::uint8_t>((space ? kSpaceByte : 0) | (lead ? kLeadByte : 0) |
                                           (c >= '0' && c <= '9' ? kDigitByte : 0) |
                                           (c > 127 ? kHighByte : 0));
  }
  return classes;
}();

// A text and its code points in both directions.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  std::size_t size() const { return text_.size(); }

  char operator[](std::size_t at) const { return text_[at]; }

  std::uint8_t ClassAt(std::size_t at) const {
    return kClasses[static_cast<unsigned char>(text_[at])];
  }

  // Bytes of the code point at `at` if it is of the ASCII class, or any white space when `at_space`
  // is asked for by kSpaceByte or kLeadByte; else 0.
  std::size_t SpaceAt(std::size_t at) const {
    if (at >= text_.size()) {
      return 0;
    }
    const std::uint8_t byte = ClassAt(at);
    return (byte & kHighByte) == 0 ? byte & kSpaceByte : WideSpace(at);
  }

  // As SpaceAt, for white space and .@,?!;:)(.
  std::size_t LeadAt(std::size_t at) const {
    if (at >= text_.size()) {
      return 0;
    }
    const std::uint8_t byte = ClassAt(at);
    return (byte & kHighByte) == 0 ? (byte & kLeadByte) / kLeadByte : WideSpace(at);
  }

  std::size_t DigitAt(std::size_t at) const {
    if (at >= text_.size()) {
      return 0;
    }
    const std::uint8_t byte = ClassAt(at);
    if ((byte & kHighByte) == 0) {
      return (byte & kDigitByte) / kDigitByte;
    }
    const text::DecodedCodePoint decoded = text::DecodeCodePoint(text_, at);
    return text::IsDecimalDigit(decoded.value) ? decoded.bytes : 0;
  }

  // Where the code point before `at` begins; `at` is not 0.
  std::size_t Before(std::size_t at) const {
    do {
      --at;
    } while ((static_cast<unsigned char>(text_[at]) & 0xC0) == 0x80);
    return at;
  }

  std::string_view text() const { return text_; }

 private:
  std::size_t WideSpace(std::size_t at) const {
    const auto lead = static_cast<unsigned char>(text_[at]);
    if (lead != 0xC2 && (lead < 0xE1 || lead > 0xE3)) {  // no white space begins so
      return 0;
    }
    const text::DecodedCodePoint decoded = text::DecodeCodePoint(text_, at);
    return text::IsSpace(decoded.value) ? decoded.bytes : 0;
  }

  std::string_view text_;
};

// E-mails. L is a run of lead characters, then k begins the local part, which runs to the `@`: it
// holds all but white space and `@`, also lead characters. What comes behind the `@` does not
// depend on what stands before it, so first of all each `@` is looked at by itself.
class EmailFinder {
 public:
  EmailFinder(std::string_view text, MatchScope scope, std::vector<EmailMatch>& out)
      : text_(text), scope_(scope), out_(out) {}

  void Run() {
    for (std::size_t at = NextAt(0); at < text_.size();) {
      EmailMatch match;
      if (!MatchBehind(at, match)) {
        at = NextAt(at + 1);
        continue;
      }
      // The match begins as early as the lead characters before the first good `@` reach ...
      match.range.begin = LeadBegin(LocalBegin(at));
      const std::size_t lead_end = LeadEnd(match.range.begin);
      // ... and goes to the last good `@` that can be reached from there, because L is greedy.
      for (at = NextAt(at + 1); at < text_.size() && LocalBegin(at) <= lead_end;
           at = NextAt(at + 1)) {
        MatchBehind(at, match);
      }
      match.local_begin = match.at > lead_end ? lead_end : match.at - 1;
      out_.push_back(match);
      from_ = match.range.end;
      at = NextAt(from_);
    }
  }

 private:
  std::size_t NextAt(std::size_t from) const {
    return std::min(text_.text().find('@', from), text_.size());
  }

  // Begin of the local part that ends at `at`, not before the last match; `at` when there is none.
  std::size_t LocalBegin(std::size_t at) const {
    while (at > from_) {
      const std::size_t before = text_.Before(at);
      if (text_[before] == '@' || text_.SpaceAt(before) != 0) {
        break;
      }
      at = before;
    }
    return at;
  }

  std::size_t LeadBegin(std::size_t at) const {
    while (at > from_) {
      const std::size_t before = text_.Before(at);
      if (text_.LeadAt(before) == 0 || Ends(before)) {
        break;
      }
      at = before;
    }
    return at;
  }

  std::size_t LeadEnd(std::size_t at) const {
    while (const std::size_t bytes = text_.LeadAt(at)) {
      if (Ends(at)) {
        break;
      }
      at += bytes;
    }
    return at;
  }

  // The last character of a paragraph.
  bool Ends(std::size_t at) const { return scope_ == MatchScope::kParagraph && text_[at] == '\n'; }

  // Fills in what follows from the `@`; false, and nothing filled in, when no match passes it.
  bool MatchBehind(std::size_t at, EmailMatch& match) const {
    if (LocalBegin(at) == at) {
      return false;
    }
    // The shortest domain behind which an optional lead character and white space come.
    for (std::size_t end = at + 1; end < text_.size(); ++end) {
      const std::size_t lead = text_.LeadAt(end);
      if (lead == 0) {
        continue;  // continuation bytes too
      }
      const bool has_domain = end > at + 1;
      const std::size_t space_behind = Ends(end) ? 0 : text_.SpaceAt(end + lead);
      const std::size_t behind = space_behind != 0 ? lead + space_behind : text_.SpaceAt(end);
      if (has_domain && behind != 0) {
        match.range.end = end + behind;
        match.at = at;
        match.domain_end = end;
        return true;
      }
      if (text_[end] != '.') {
        return false;
      }
    }
    return false;
  }

  Cursor text_;
  MatchScope scope_;
  std::vector<EmailMatch>& out_;
  std::size_t from_ = 0;  // no match begins before
};

struct DigitMasks {
  std::uint64_t digit = 0;
  std::uint64_t wide_digit = 0;  // first bytes that digits past ASCII may have
  std::uint64_t dot = 0;
};

#if defined(__AVX2__)
std::uint64_t Join(__m256i low, __m256i high) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
         (static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32);
}

__m256i DigitBytes(__m256i bytes) {
  return _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8('0' - 1)),
                          _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), bytes));
}

// D9 and above, without E2 to E9: as signed bytes, above -40 and not from -30 to -23.
__m256i WideBytes(__m256i bytes) {
  const __m256i high = _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(-40)),
                                        _mm256_cmpgt_epi8(_mm256_setzero_si256(), bytes));
  const __m256i common = _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(-31)),
                                          _mm256_cmpgt_epi8(_mm256_set1_epi8(-22), bytes));
  return _mm256_andnot_si256(common, high);
}

DigitMasks MasksOf(const char* block) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));        // NOLINT
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32));  // NOLINT
  DigitMasks masks;
  masks.digit = Join(DigitBytes(low), DigitBytes(high));
  if (_mm256_movemask_epi8(_mm256_or_si256(low, high)) != 0) {
    masks.wide_digit = Join(WideBytes(low), WideBytes(high));
  }
  if (masks.digit != 0) {
    const __m256i dot = _mm256_set1_epi8('.');
    masks.dot = Join(_mm256_cmpeq_epi8(low, dot), _mm256_cmpeq_epi8(high, dot));
  }
  return masks;
}
#else
DigitMasks MasksOf(const char* block) {
  DigitMasks masks;
  for (unsigned bit = 0; bit < 64; ++bit) {
    const auto byte = static_cast<unsigned char>(block[bit]);
    masks.digit |= std::uint64_t{byte >= '0' && byte <= '9'} << bit;
    masks.wide_digit |= std::uint64_t{byte > 0xD8 && (byte < 0xE2 || byte > 0xE9)} << bit;
    masks.dot |= std::uint64_t{byte == '.'} << bit;
  }
  return masks;
}
#endif

class NumberFinder {
 public:
  NumberFinder(std::string_view text, MatchScope scope, std::vector<ByteRange>& phones,
               std::vector<ByteRange>& addresses)
      : text_(text), scope_(scope), phones_(phones), addresses_(addresses) {}

  void Run() {
    std::size_t at = 0;
    for (; at + 64 <= text_.size(); at += 64) {
      Block(at, MasksOf(text_.text().data() + at));
    }
    if (at < text_.size()) {
      std::array<char, 64> tail{};
      std::memcpy(tail.data(), text_.text().data() + at, text_.size() - at);
      Block(at, MasksOf(tail.data()));
    }
  }

 private:
  void Block(std::size_t at, const DigitMasks& masks) {
    if ((masks.digit | masks.wide_digit) == 0) {
      after_digit_ = 0;
      return;
    }
    const std::uint64_t behind_digit = (masks.digit << 1) | after_digit_;
    const std::uint64_t begins = (masks.digit & ~behind_digit) | masks.wide_digit;
    for (std::uint64_t left = begins; left != 0; left &= left - 1) {
      TryPhone(at + static_cast<std::size_t>(std::countr_zero(left)));
    }
    for (std::uint64_t left = masks.dot & behind_digit; left != 0; left &= left - 1) {
      TryAddress(at + static_cast<std::size_t>(std::countr_zero(left)));
    }
    after_digit_ = masks.digit >> 63;
  }

  // A phone whose first digit would be at `digit`: each of its parts is as long as it can be,
  // since none may be followed by what it is made of.
  void TryPhone(std::size_t digit) {
    std::size_t open = digit;
    if (open > phone_from_ && text_[open - 1] == '(') {
      --open;
    }
    if (open <= phone_from_) {
      return;
    }
    const std::uint8_t before = text_.ClassAt(open - 1);
    if ((before & (kSpaceByte | kHighByte)) == 0) {
      return;
    }
    std::size_t at = digit;
    if (!Digits(3, at)) {
      return;
    }
    at += at < text_.size() && text_[at] == ')' ? 1 : 0;
    while (IsSeparator(at)) {
      ++at;
    }
    if (!Digits(3, at)) {
      return;
    }
    at += IsSeparator(at) ? 1 : 0;
    if (!Digits(4, at)) {
      return;
    }
    const std::size_t begin = SpaceBegin(open);
    if (begin < open) {
      phones_.push_back({begin, at});
      phone_from_ = at;
    }
  }

  // The begin of the white space that ends at `at`, not before the last match.
  std::size_t SpaceBegin(std::size_t at) const {
    while (at > phone_from_) {
      const std::size_t before = text_.Before(at);
      if (text_.SpaceAt(before) == 0 ||
          (scope_ == MatchScope::kParagraph && text_[before] == '\n')) {
        break;
      }
      at = before;
    }
    return at;
  }

  bool Digits(unsigned count, std::size_t& at) const {
    for (; count > 0; --count) {
      const std::size_t bytes = text_.DigitAt(at);
      if (bytes == 0) {
        return false;
      }
      at += bytes;
    }
    return true;
  }

  bool IsSeparator(std::size_t at) const {
    return at < text_.size() && (text_[at] == '-' || text_[at] == '.' || text_[at] == ' ');
  }

  bool IsAsciiDigit(std::size_t at) const {
    return at < text_.size() && text_.ClassAt(at) == kDigitByte;
  }

  // Whether the digits [begin, end), one to three, are a number up to 255.
  bool IsOctet(std::size_t begin, std::size_t end) const {
    if (end - begin < 3) {
      return end > begin;
    }
    const int number =
        100 * (text_[begin] - '0') + 10 * (text_[begin + 1] - '0') + (text_[begin + 2] - '0');
    return end - begin == 3 && number <= 255;
  }

  // Up to three digits at `begin`.
  std::size_t DigitsEnd(std::size_t begin) const {
    std::size_t end = begin;
    while (end < begin + 3 && IsAsciiDigit(end)) {
      ++end;
    }
    return end;
  }

  // An address whose first dot would be at `dot`: its first number is as long as it can be to the
  // left, the two in the middle lie between dots, the last is as long as it can be to the right.
  void TryAddress(std::size_t dot) {
    std::size_t begin = dot;
    while (begin > address_from_ && begin + 3 > dot && IsAsciiDigit(begin - 1)) {
      --begin;
    }
    if (!IsOctet(begin, dot)) {
      if (begin == dot) {
        return;
      }
      ++begin;  // three digits above 255: the last two of them are fine
    }
    std::size_t at = dot;
    for (int middle = 0; middle < 2; ++middle) {
      const std::size_t end = DigitsEnd(at + 1);
      if (!IsOctet(at + 1, end) || end >= text_.size() || text_[end] != '.') {
        return;
      }
      at = end;
    }
    std::size_t end = DigitsEnd(at + 1);
    if (end == at + 1) {
      return;
    }
    if (!IsOctet(at + 1, end)) {
      --end;
    }
    addresses_.push_back({begin, end});
    address_from_ = end;
  }

  Cursor text_;
  MatchScope scope_;
  std::vector<ByteRange>& phones_;
  std::vector<ByteRange>& addresses_;
  std::size_t phone_from_ = 0;  // no match begins before
  std::size_t address_from_ = 0;
  std::uint64_t after_digit_ = 0;  // 1: the block before ended with a digit
};

}  // namespace

void FindEmails(std::string_view text, MatchScope scope, std::vector<EmailMatch>& out) {
  out.clear();
  EmailFinder(text, scope, out).Run();
}

void FindNumbers(std::string_view text, MatchScope scope, std::vector<ByteRange>& phones,
                 std::vector<ByteRange>& addresses) {
  phones.clear();
  addresses.clear();
  NumberFinder(text, scope, phones, addresses).Run();
}

}  // namespace datalake::curate
