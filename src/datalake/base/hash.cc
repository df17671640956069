#include "datalake/base/hash.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>

#define XXH_INLINE_ALL
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <xxhash.h>

#include "datalake/base/hex.h"

namespace datalake {

std::uint64_t Xxh3Hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 Xxh3Hash128(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {.low = hash.low64, .high = hash.high64};
}

std::uint32_t Crc32c(std::span<const std::byte> bytes, std::uint32_t crc) {
  // ISA-L takes bytes that are not const, so they go through a buffer that stays in the cache, and
  // leaves the initial and final inversion to the caller.
  std::array<unsigned char, 4096> piece;
  std::uint32_t state = ~crc;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), piece.size());
    std::memcpy(piece.data(), bytes.data(), size);
    state = crc32_iscsi(piece.data(), static_cast<int>(size), state);
    bytes = bytes.subspan(size);
  }
  return ~state;
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  // Looked up once: EVP_sha256() is looked up again by each init (EVP_DigestInit(3)).
  static const EVP_MD* Algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return algorithm;
  }

  State() {
    if (context == nullptr || EVP_DigestInit_ex(context, Algorithm(), nullptr) != 1) {
      std::abort();  // out of memory
    }
  }

  ~State() { EVP_MD_CTX_free(context); }

  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 sha256;
  sha256.Update(std::as_bytes(std::span(bytes)));
  return ToHex(sha256.Finish());
}

bool IsSha256Hex(std::string_view text) {
  if (text.size() != 64) {
    return false;
  }
  for (const char c : text) {
    if (!IsHexDigit(c) || (c >= 'A' && c <= 'F')) {
      return false;
    }
  }
  return true;
}

}  // namespace datalake
