#include "datalake/text/unicode.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace datalake::text {
namespace {
#include "datalake/text/unicode_tables.inc"

template <typename Blocks, typename Bits>
bool IsIn(const Blocks& blocks, const Bits& bits, char32_t code_point) {
  const std::size_t block = code_point >> 8;
  if (block >= blocks.size()) {
    return false;
  }
  return ((bits[blocks[block]][(code_point >> 6) & 3] >> (code_point & 63)) & 1) != 0;
}
}  // namespace

std::string_view UnicodeVersion() {
  return kUnicodeVersion;
}

bool IsSpace(char32_t code_point) {
  return std::binary_search(kSpaces.begin(), kSpaces.end(), code_point);
}

bool IsDecimalDigit(char32_t code_point) {
  if (code_point < 0x80) {
    return code_point >= '0' && code_point <= '9';
  }
  const auto above = std::upper_bound(kDigitZeros.begin(), kDigitZeros.end(), code_point);
  return code_point - *(above - 1) < 10;  // '0' is the first zero
}

bool IsLetter(char32_t code_point) {
  return IsIn(kLetterBlock, kLetterBits, code_point);
}

bool IsNumeric(char32_t code_point) {
  return IsIn(kNumericBlock, kNumericBits, code_point);
}

}  // namespace datalake::text
