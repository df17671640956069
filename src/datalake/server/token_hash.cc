#include "datalake/server/token_hash.h"

#include <argon2.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace datalake::server {
namespace {

constexpr std::uint32_t kPasses = 2;
constexpr std::uint32_t kMemoryKib = 19456;
constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kHashBytes = 32;
constexpr std::uint32_t kMaxMemoryKib = 64U << 10;
constexpr std::uint32_t kMaxPasses = 4;

// The number after `key` in "m=19456,t=2,p=1"; 0 when there is none.
std::uint32_t Cost(std::string_view encoded, std::string_view key) {
  const std::size_t at = encoded.find(key);
  std::uint32_t value = 0;
  if (at != std::string_view::npos) {
    const std::string_view digits = encoded.substr(at + key.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
  }
  return value;
}

}  // namespace

Result<std::string> HashSecret(std::string_view secret, Random& random) {
  std::array<std::byte, 16> salt{};
  random.Fill(salt);
  std::string encoded(
      argon2_encodedlen(kPasses, kMemoryKib, kLanes, salt.size(), kHashBytes, Argon2_id), '\0');
  const int failed =
      argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, secret.data(), secret.size(), salt.data(),
                            salt.size(), kHashBytes, encoded.data(), encoded.size());
  if (failed != ARGON2_OK) {
    return Error{ErrorCode::kResourceExhausted,
                 std::string("cannot hash a token: ") + argon2_error_message(failed)};
  }
  encoded.resize(encoded.find('\0'));
  return encoded;
}

bool VerifySecret(std::string_view encoded, std::string_view secret) {
  const std::uint32_t memory = Cost(encoded, "$m=");
  const std::uint32_t passes = Cost(encoded, ",t=");
  if (memory == 0 || memory > kMaxMemoryKib || passes == 0 || passes > kMaxPasses) {
    return false;
  }
  return argon2id_verify(std::string(encoded).c_str(), secret.data(), secret.size()) == ARGON2_OK;
}

}  // namespace datalake::server
