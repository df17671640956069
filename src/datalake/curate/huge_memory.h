#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

namespace datalake::curate {

/// At least `bytes` zeroed bytes, cache-line aligned; where that is much, in huge pages if the
/// system gives them, so that reading them in random order costs one cache miss and no page walk.
/// Pages are taken when they are first touched. Running out of memory ends the program, as
/// everywhere.
class HugeMemory {
 public:
  HugeMemory() = default;
  explicit HugeMemory(std::size_t bytes);

  std::byte* data() const { return data_.get(); }

 private:
  struct Free {
    Free() {}

    explicit Free(std::size_t mapped) : mapped_bytes(mapped) {}

    void operator()(std::byte* data) const;

    std::size_t mapped_bytes = 0;  // 0: from the heap
  };

  std::unique_ptr<std::byte, Free> data_;
};

/// An array of zeros in such memory. Move-only.
template <typename T>
class HugeArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  HugeArray() = default;

  explicit HugeArray(std::size_t size) : memory_(size * sizeof(T)), size_(size) {}

  T* data() const { return reinterpret_cast<T*>(memory_.data()); }

  std::size_t size() const { return size_; }

  T& operator[](std::size_t i) { return data()[i]; }

  const T& operator[](std::size_t i) const { return data()[i]; }

  T* begin() const { return data(); }

  T* end() const { return data() + size_; }

 private:
  HugeMemory memory_;
  std::size_t size_ = 0;
};

}  // namespace datalake::curate
