#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace datalake::assets {

/// The first 128 bits of a SHA-256: enough to tell the assets of a lake apart. Two assets that
/// share them would only be kept together, never lost.
struct ShortDigest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const ShortDigest&, const ShortDigest&) = default;
  friend auto operator<=>(const ShortDigest&, const ShortDigest&) = default;
};

/// Of 64 lower-case hexadecimal digits; nothing for other text.
std::optional<ShortDigest> ParseShortDigest(std::string_view sha256);

/// A set of digests in 16 bytes each (up to twice that while it grows). Digests are uniform, so
/// they are their own hashes. Thread-compatible.
class DigestSet {
 public:
  /// False when it was there already.
  bool Insert(const ShortDigest& digest);

  bool Contains(const ShortDigest& digest) const;

  std::size_t size() const { return size_ + (has_zero_ ? 1 : 0); }

  std::size_t memory_bytes() const { return slots_.size() * sizeof(ShortDigest); }

 private:
  void Grow();
  std::size_t SlotOf(const ShortDigest& digest) const;

  std::vector<ShortDigest> slots_;  // a power of two; all zero: free
  std::size_t size_ = 0;
  bool has_zero_ = false;
};

}  // namespace datalake::assets
