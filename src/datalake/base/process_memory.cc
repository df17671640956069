#include "datalake/base/process_memory.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace datalake {
namespace {

constexpr int kMostHeaps = 4;
// Batches of rows and bodies of requests stay below: mapping each would cost a page fault for every
// 4 KB of them.
constexpr int kMappedBytes = 4 << 20;
constexpr int kTrimBytes = 8 << 20;  // of each heap

}  // namespace

void ReturnFreedMemory() {
  // A threshold that is set stays; else it grows with each freed block, and such blocks stay in the
  // heap between smaller ones. A setting that is refused leaves the default.
  static_cast<void>(::mallopt(M_MMAP_THRESHOLD, kMappedBytes));
  static_cast<void>(::mallopt(M_TRIM_THRESHOLD, kTrimBytes));
  static_cast<void>(::mallopt(M_ARENA_MAX, kMostHeaps));
  static_cast<void>(::setenv("ARROW_DEFAULT_MEMORY_POOL", "system", /*overwrite=*/0));
}

std::uint64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) {
    return 0;
  }
  unsigned long long all = 0;
  unsigned long long resident = 0;
  const int read = std::fscanf(file, "%llu %llu", &all, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace datalake
