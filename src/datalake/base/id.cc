#include "datalake/base/id.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "datalake/base/hex.h"

namespace datalake {
namespace {

std::string FormatUuid(std::array<std::byte, 16> bytes, std::byte version) {
  bytes[6] = (bytes[6] & std::byte{0x0f}) | (version << 4);
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  std::string text = ToHex(bytes);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) {
    text.insert(dash, 1, '-');
  }
  return text;
}

}  // namespace

std::string MakeUuid(Random& random) {
  std::array<std::byte, 16> bytes;
  random.Fill(bytes);
  return FormatUuid(bytes, std::byte{4});
}

std::string MakeSortableUuid(const Clock& clock, Random& random) {
  std::array<std::byte, 16> bytes;
  random.Fill(bytes);
  const auto millis = static_cast<std::uint64_t>(EpochMillis(clock.Now()));
  for (std::size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<std::byte>(millis >> (40 - 8 * i));
  }
  return FormatUuid(bytes, std::byte{7});
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsHexDigit(text[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace datalake
