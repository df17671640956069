#include "datalake/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace datalake {

void SystemRandom::Fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno != EINTR) {
      std::abort();  // getrandom(2) on a supported kernel fails only for EINTR and bad arguments
    }
    bytes = bytes.subspan(got < 0 ? 0 : static_cast<std::size_t>(got));
  }
}

void SeededRandom::Fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;  // atomic
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    const std::size_t n = std::min(bytes.size(), sizeof(z));
    std::memcpy(bytes.data(), &z, n);
    bytes = bytes.subspan(n);
  }
}

}  // namespace datalake
