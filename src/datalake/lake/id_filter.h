#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "datalake/base/hash.h"

namespace datalake::lake {

/// Tells of most keys that were never added that they were not: a blocked Bloom filter of fixed
/// size, one cache line a key, one bit in each of its eight lanes (Putze, Sanders, Singler,
/// "Cache-, hash- and space-efficient Bloom filters", 2007). With 13 bits a key it errs for 1 in
/// 100, with 7 for 1 in 12. Thread-safe; who asks must have been told of the keys by other means.
class IdFilter {
 public:
  /// `bytes` is a power of two, at least 64.
  explicit IdFilter(std::size_t bytes) : words_(bytes / sizeof(std::uint64_t)) {}

  void Add(const Hash128& key) {
    std::atomic<std::uint64_t>* const block = Block(key);
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      block[lane].fetch_or(Bit(key, lane), std::memory_order_relaxed);
    }
  }

  bool MayHold(const Hash128& key) const {
    const std::atomic<std::uint64_t>* const block = Block(key);
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      if ((block[lane].load(std::memory_order_relaxed) & Bit(key, lane)) == 0) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr unsigned kLanes = 8;

  std::size_t BlockAt(const Hash128& key) const { return (key.low & (words_.size() / 8 - 1)) * 8; }

  std::atomic<std::uint64_t>* Block(const Hash128& key) { return &words_[BlockAt(key)]; }

  const std::atomic<std::uint64_t>* Block(const Hash128& key) const {
    return &words_[BlockAt(key)];
  }

  static std::uint64_t Bit(const Hash128& key, unsigned lane) {
    return std::uint64_t{1} << ((key.high >> (lane * 6)) & 63);
  }

  std::vector<std::atomic<std::uint64_t>> words_;
};

}  // namespace datalake::lake
