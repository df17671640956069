#include "datalake/assets/digest_set.h"

#include <utility>

#include "datalake/base/hash.h"

namespace datalake::assets {
namespace {

constexpr std::size_t kFirstSlots = 1024;
constexpr std::size_t kShortDigits = 32;

}  // namespace

std::optional<ShortDigest> ParseShortDigest(std::string_view sha256) {
  if (!IsSha256Hex(sha256)) {
    return std::nullopt;
  }
  ShortDigest digest;
  for (std::size_t i = 0; i < kShortDigits; ++i) {
    const char c = sha256[i];
    const auto value = static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    std::uint64_t& half = i < kShortDigits / 2 ? digest.high : digest.low;
    half = half << 4 | value;
  }
  return digest;
}

bool DigestSet::Insert(const ShortDigest& digest) {
  if (digest == ShortDigest{}) {
    return !std::exchange(has_zero_, true);
  }
  if ((size_ + 1) * 4 > slots_.size() * 3) {
    Grow();
  }
  const std::size_t slot = SlotOf(digest);
  if (slots_[slot] == digest) {
    return false;
  }
  slots_[slot] = digest;
  ++size_;
  return true;
}

bool DigestSet::Contains(const ShortDigest& digest) const {
  if (digest == ShortDigest{}) {
    return has_zero_;
  }
  return !slots_.empty() && slots_[SlotOf(digest)] == digest;
}

// Where the digest is, or the free slot where it would be: linear probing.
std::size_t DigestSet::SlotOf(const ShortDigest& digest) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(digest.low) & mask;
  while (slots_[slot] != ShortDigest{} && slots_[slot] != digest) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void DigestSet::Grow() {
  std::vector<ShortDigest> old = std::exchange(
      slots_, std::vector<ShortDigest>(slots_.empty() ? kFirstSlots : slots_.size() * 2));
  for (const ShortDigest& digest : old) {
    if (digest != ShortDigest{}) {
      slots_[SlotOf(digest)] = digest;
    }
  }
}

}  // namespace datalake::assets
