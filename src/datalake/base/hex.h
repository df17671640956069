#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace datalake {

/// Lower-case hexadecimal digits, two a byte.
std::string ToHex(std::span<const std::byte> bytes);

inline bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace datalake
