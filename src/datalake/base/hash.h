#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace datalake {

/// 128 bits of XXH3: a key for dedup and joins, never an identity of hostile bytes.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

/// XXH3 (xxHash 0.8): about 10 GB/s; stable across machines and versions. Thread-safe.
std::uint64_t Xxh3Hash64(std::string_view bytes);
Hash128 Xxh3Hash128(std::string_view bytes);

/// CRC-32C (Castagnoli, RFC 3720 §12.1) of `bytes`, continuing from `crc` (0 to start).
/// Thread-safe.
std::uint32_t Crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0);

using Sha256Digest = std::array<std::byte, 32>;

/// SHA-256 (FIPS 180-4) of bytes that come in pieces: the identity of an asset. Single-threaded.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::span<const std::byte> bytes);

  /// The digest of all bytes so far; call once, then only destroy.
  Sha256Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Lower-case hexadecimal SHA-256 of `bytes`.
std::string Sha256Hex(std::string_view bytes);

/// True for 64 lower-case hexadecimal digits: the only form in which the lake writes a SHA-256.
bool IsSha256Hex(std::string_view text);

}  // namespace datalake
