#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace datalake::text {

/// True when `text` is well-formed UTF-8 (Unicode §3.9, table 3-7: no surrogates, no overlong
/// forms, nothing above U+10FFFF). Runs of ASCII go 32 bytes at a time. Thread-safe.
bool IsValidUtf8(std::string_view text);

/// Byte offset of the first ill-formed sequence, or std::string_view::npos. Thread-safe.
std::size_t FirstInvalidUtf8(std::string_view text);

/// `text` with each ill-formed byte replaced by U+FFFD, for messages and reject files. Thread-safe.
std::string ReplaceInvalidUtf8(std::string_view text);

/// Number of Unicode code points of valid UTF-8: the bytes that continue none. About 20 GB/s.
/// On invalid text the count is that of its non-continuation bytes. Thread-safe.
std::size_t CountCodePoints(std::string_view text);

/// One code point and the bytes it takes.
struct DecodedCodePoint {
  char32_t value = 0;
  std::uint32_t bytes = 0;
};

/// Decodes the code point that begins at text[at]; `text` must be valid UTF-8 and `at` must be the
/// begin of a code point inside it.
inline DecodedCodePoint DecodeCodePoint(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  if (lead < 0xE0) {
    return {((lead & 0x1F) << 6) | (byte(1) & 0x3F), 2};
  }
  if (lead < 0xF0) {
    return {((lead & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F), 3};
  }
  return {
      ((lead & 0x07) << 18) | ((byte(1) & 0x3F) << 12) | ((byte(2) & 0x3F) << 6) | (byte(3) & 0x3F),
      4};
}

}  // namespace datalake::text
