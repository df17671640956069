#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/curate/huge_memory.h"

namespace datalake::curate {

/// A set of 128-bit keys: 64 shards of open addressing, so that growing one never doubles the whole
/// (peak memory about 1.02 times the final one). 16 bytes a slot at a load of 35 to 70 %: 23 to 46
/// bytes a key. Thread-compatible.
///
/// Keys stand for texts: two different texts fall together with probability n² / 2¹²⁹ over n random
/// ones, 1.5e-19 for ten billion (birthday bound). XXH3 is no cryptographic hash: who writes the
/// texts can construct two that fall together.
class KeyTable {
 public:
  KeyTable();

  /// Asks the processor for the key's slot ahead of an Insert.
  void Prefetch(const Hash128& key) const {
    const Shard& shard = shards_[ShardOf(key)];
    __builtin_prefetch(shard.slots.data() + (key.low & shard.mask), 1);
  }

  /// Adds `key`; true when it was not there.
  bool Insert(const Hash128& key);

  /// Whether `key` is there. Thread-safe as long as nobody inserts.
  bool Contains(const Hash128& key) const;

  /// The part of a key's place that its shard tells: keys of one shard share the upper bits of
  /// `high`, so the shards in their order, each sorted by (high, low), are all keys sorted.
  static constexpr std::size_t kShards = 64;

  static std::size_t ShardOf(const Hash128& key) { return key.high >> 58; }

  /// Appends the keys of one shard, in no order.
  void AppendShard(std::size_t shard, std::vector<Hash128>& out) const;

  std::size_t size() const { return size_; }

  std::size_t memory_bytes() const;

 private:
  static constexpr std::size_t kFirstSlots = 256;

  using Slots = HugeArray<Hash128>;

  struct Shard {
    Slots slots;  // {0, 0} is free
    std::uint64_t mask = 0;
    std::size_t used = 0;
  };

  template <typename Table>
  static auto& SlotOf(Table& slots, std::uint64_t mask, const Hash128& key);

  static void Grow(Shard& shard);

  std::vector<Shard> shards_;
  std::size_t size_ = 0;
  bool has_zero_ = false;
};

}  // namespace datalake::curate
