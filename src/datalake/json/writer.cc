#include "datalake/json/writer.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace datalake::json {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

// The high bit of each byte that is zero (Hacker's Delight §6-1); bits above the first hit may be
// false, which is enough to find the first one in little-endian order.
constexpr std::uint64_t ZeroBytes(std::uint64_t word) {
  return (word - kOnes) & ~word & kHighs;
}

constexpr std::uint64_t EscapeBytes(std::uint64_t word) {
  const std::uint64_t controls = (word - kOnes * 0x20) & ~word & kHighs;
  return controls | ZeroBytes(word ^ (kOnes * '"')) | ZeroBytes(word ^ (kOnes * '\\'));
}

constexpr bool NeedsEscape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

// The position of the first byte that needs an escape, or the size.
std::size_t FindEscape(std::string_view text, std::size_t at) {
  static_assert(std::endian::native == std::endian::little);
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if (const std::uint64_t hits = EscapeBytes(word); hits != 0) {
      return at + static_cast<std::size_t>(std::countr_zero(hits)) / 8;
    }
  }
  while (at < text.size() && !NeedsEscape(text[at])) {
    ++at;
  }
  return at;
}

void AppendEscape(std::string& out, char c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kDigits[static_cast<unsigned char>(c) & 0xF]);
  }
}

template <typename Integer>
void AppendInteger(std::string& out, Integer value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void AppendString(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = FindEscape(text, begin);
    out.append(text, begin, end - begin);
    if (end == text.size()) {
      break;
    }
    AppendEscape(out, text[end]);
    begin = end + 1;
  }
  out.push_back('"');
}

void AppendDouble(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  // Plain digits in the range where people expect them, as Python's repr does.
  const double magnitude = std::fabs(value);
  const bool plain = magnitude == 0.0 || (magnitude >= 1e-4 && magnitude < 1e16);
  const auto form = plain ? std::chars_format::fixed : std::chars_format::scientific;
  std::array<char, 64> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, form).ptr;
  const std::string_view written(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out.append(written);
  if (plain && written.find('.') == std::string_view::npos) {
    out.append(".0");
  }
}

void Writer::Int(std::int64_t value) {
  Separate();
  AppendInteger(out_, value);
}

void Writer::Uint(std::uint64_t value) {
  Separate();
  AppendInteger(out_, value);
}

}  // namespace datalake::json
