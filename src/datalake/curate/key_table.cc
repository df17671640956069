#include "datalake/curate/key_table.h"

#include <utility>

namespace datalake::curate {

// The key's slot, or the free one where it belongs.
template <typename Table>
auto& KeyTable::SlotOf(Table& slots, std::uint64_t mask, const Hash128& key) {
  std::uint64_t at = key.low & mask;
  while (slots[at] != Hash128{} && slots[at] != key) {
    at = (at + 1) & mask;
  }
  return slots[at];
}

KeyTable::KeyTable() : shards_(kShards) {
  for (Shard& shard : shards_) {
    shard.slots = Slots(kFirstSlots);
    shard.mask = kFirstSlots - 1;
  }
}

bool KeyTable::Insert(const Hash128& key) {
  if (key == Hash128{}) {
    size_ += has_zero_ ? 0 : 1;
    return !std::exchange(has_zero_, true);
  }
  Shard& shard = shards_[ShardOf(key)];
  Hash128& slot = SlotOf(shard.slots, shard.mask, key);
  if (slot == key) {
    return false;
  }
  slot = key;
  ++size_;
  if (++shard.used * 10 > shard.slots.size() * 7) {
    Grow(shard);
  }
  return true;
}

bool KeyTable::Contains(const Hash128& key) const {
  if (key == Hash128{}) {
    return has_zero_;
  }
  const Shard& shard = shards_[ShardOf(key)];
  return SlotOf(shard.slots, shard.mask, key) == key;
}

void KeyTable::AppendShard(std::size_t shard, std::vector<Hash128>& out) const {
  if (has_zero_ && shard == 0) {
    out.emplace_back();
  }
  out.reserve(out.size() + shards_[shard].used);
  for (const Hash128& key : shards_[shard].slots) {
    if (key != Hash128{}) {
      out.push_back(key);
    }
  }
}

void KeyTable::Grow(Shard& shard) {
  Slots larger(shard.slots.size() * 2);
  const std::uint64_t mask = larger.size() - 1;
  for (const Hash128& key : shard.slots) {
    if (key != Hash128{}) {
      SlotOf(larger, mask, key) = key;
    }
  }
  shard.slots = std::move(larger);
  shard.mask = mask;
}

std::size_t KeyTable::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Shard& shard : shards_) {
    bytes += shard.slots.size() * sizeof(Hash128);
  }
  return bytes;
}

}  // namespace datalake::curate
