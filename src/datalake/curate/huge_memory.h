#pragma once

#include <cstddef>
#include <new>

namespace datalake::curate {

/// Asks the system for huge pages behind [data, data + bytes); a hint that may do nothing.
void AdviseHugePages(void* data, std::size_t bytes);

/// Allocator of tables that are read in random order: cache-line aligned, and in huge pages where
/// it is large, so that a look-up costs one cache miss and no page walk. Running out of memory ends
/// the program, as everywhere.
template <typename T>
struct HugeAllocator {
  using value_type = T;

  HugeAllocator() = default;

  template <typename U>
  explicit HugeAllocator(const HugeAllocator<U>& /*other*/) {}

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* data = ::operator new(bytes, Alignment(bytes));
    if (bytes >= kHugeBytes) {
      AdviseHugePages(data, bytes);
    }
    return static_cast<T*>(data);
  }

  void deallocate(T* data, std::size_t count) {
    ::operator delete(data, Alignment(count * sizeof(T)));
  }

  friend bool operator==(const HugeAllocator&, const HugeAllocator&) { return true; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static constexpr std::size_t kHugeBytes = 4 * kHugePage;

  static std::align_val_t Alignment(std::size_t bytes) {
    return std::align_val_t(bytes >= kHugeBytes ? kHugePage : 64);
  }
};

}  // namespace datalake::curate
