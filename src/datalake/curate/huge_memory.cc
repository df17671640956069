#include "datalake/curate/huge_memory.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace datalake::curate {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kMuch = 4 * kHugePage;
constexpr std::align_val_t kCacheLine{64};

// Whole huge pages at a multiple of their size; null when the system gives none.
std::byte* Map(std::size_t bytes) {
  void* mapped = ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    return nullptr;
  }
  auto* begin = static_cast<std::byte*>(mapped);
  const std::size_t before =
      (kHugePage - reinterpret_cast<std::size_t>(begin) % kHugePage) % kHugePage;
  if (before > 0) {
    (void)::munmap(begin, before);
  }
  begin += before;
  if (before < kHugePage) {
    (void)::munmap(begin + bytes, kHugePage - before);
  }
  (void)::madvise(begin, bytes, MADV_HUGEPAGE);
  return begin;
}

}  // namespace

HugeMemory::HugeMemory(std::size_t bytes) {
  if (bytes >= kMuch) {
    const std::size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    if (std::byte* mapped = Map(whole); mapped != nullptr) {
      data_ = {mapped, Free{whole}};
      return;
    }
  }
  data_ = {static_cast<std::byte*>(::operator new(bytes, kCacheLine)), Free{}};
  std::memset(data_.get(), 0, bytes);
}

void HugeMemory::Free::operator()(std::byte* data) const {
  if (mapped_bytes > 0) {
    (void)::munmap(data, mapped_bytes);
  } else {
    ::operator delete(data, kCacheLine);
  }
}

}  // namespace datalake::curate
