#include "datalake/text/regex_classes.h"

#include <array>
#include <cstddef>

#include "datalake/text/utf8.h"

namespace datalake::text {
namespace {

#include "datalake/text/regex_tables.inc"

constexpr std::uint8_t kWord = 1;
constexpr std::uint8_t kSpace = 2;
constexpr std::uint8_t kPunct = 4;

std::uint8_t ClassOf(char32_t code_point) {
  const std::size_t block = kClassBlock[code_point >> 7];
  return kClassBits[(block << 7) | (code_point & 0x7F)];
}

}  // namespace

bool IsRegexWord(char32_t code_point) {
  return (ClassOf(code_point) & kWord) != 0;
}

bool IsRegexSpace(char32_t code_point) {
  return (ClassOf(code_point) & kSpace) != 0;
}

bool IsRegexPunct(char32_t code_point) {
  return (ClassOf(code_point) & kPunct) != 0;
}

std::uint64_t CountWordPieces(std::string_view text) {
  constexpr std::uint8_t kMask = kWord | kSpace;
  std::uint64_t pieces = 0;
  std::uint8_t before = kSpace;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    std::uint8_t here = 0;
    if (byte < 0x80) {  // block 0
      here = kClassBits[byte] & kMask;
      ++at;
    } else {
      const DecodedCodePoint decoded = DecodeCodePoint(text, at);
      here = ClassOf(decoded.value) & kMask;
      at += decoded.bytes;
    }
    pieces += static_cast<std::uint64_t>((here != before) & (here != kSpace));
    before = here;
  }
  return pieces;
}

}  // namespace datalake::text
