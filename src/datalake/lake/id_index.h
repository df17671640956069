#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "datalake/base/hash.h"

namespace datalake::lake {

/// What a feed remembers of the newest version of a record: 32 bytes beside the key.
struct IdEntry {
  std::uint64_t body_hash = 0;       ///< XXH3 of the bytes as sent
  std::uint64_t submitter_hash = 0;  ///< XXH3 of submitter_id; 0 for an anonymous record
  std::int64_t version = 0;
  std::int64_t received_us = 0;  ///< gives the day, so the partition
};

/// A hash table from ids (128 bits of XXH3: a collision among a billion ids has a chance of
/// 1.5e-21) to entries: open addressing with linear probing, at most 3/4 full; 48 bytes a slot.
/// Single-threaded.
class IdIndex {
 public:
  /// The entry of `key`, or nullptr; valid until the next Put.
  const IdEntry* Find(const Hash128& key) const;

  /// Sets the entry of `key`.
  void Put(const Hash128& key, const IdEntry& entry);

  /// Forgets `key`, if it is there.
  void Erase(const Hash128& key);

  std::size_t size() const { return size_; }

 private:
  struct Slot {
    Hash128 key;  // zero: free
    IdEntry entry;
  };

  std::size_t SlotOf(const Hash128& key) const;
  void Grow();

  std::vector<Slot> slots_;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace datalake::lake
