#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/lake/feed_record.h"

namespace datalake::lake {

/// What a feed remembers of the newest version of a record: 48 bytes beside the key.
struct IdEntry {
  std::uint64_t body_hash = 0;       ///< XXH3 of the bytes as sent
  std::uint64_t submitter_hash = 0;  ///< XXH3 of submitter_id; 0 for an anonymous record
  ReceiptHash receipt = {};
  /// In the log; 0: found in the table, kQueued: on its way to the disk, kErased: forgotten.
  std::uint64_t sequence = 0;
  std::int32_t day = 0;  ///< days since 1970-01-01 of the receipt, so the partition
  std::uint32_t version : 31 = 0;
  std::uint32_t is_quarantined : 1 = 0;

  static constexpr std::uint64_t kQueued = ~std::uint64_t{0};
  static constexpr std::uint64_t kErased = ~std::uint64_t{1};
};

/// A hash table from ids (128 bits of XXH3: a collision among a billion ids has a chance of
/// 1.5e-21) to entries: open addressing with linear probing, at most 3/4 full; 64 bytes a slot.
/// Single-threaded.
class IdTable {
 public:
  /// The entry of `key`, or nullptr; valid until the next Put.
  const IdEntry* Find(const Hash128& key) const;

  /// As Find, to be changed.
  IdEntry* FindMutable(const Hash128& key);

  /// Sets the entry of `key`.
  void Put(const Hash128& key, const IdEntry& entry);

  /// Forgets `key`, if it is there.
  void Erase(const Hash128& key);

  /// Visits all entries, in no order.
  void ForEach(const std::function<void(const Hash128&, const IdEntry&)>& visit) const;

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
