#include "datalake/lake/id_table.h"

#include <utility>

namespace datalake::lake {
namespace {

constexpr std::size_t kFirstSlots = 1024;

bool IsFree(const Hash128& key) {
  return key.low == 0 && key.high == 0;
}

// The zero hash marks a free slot, so it is kept as another one.
Hash128 Stored(const Hash128& key) {
  return IsFree(key) ? Hash128{.low = 1, .high = 0} : key;
}

}  // namespace

// The slot that holds `key`, or the free one where it belongs. Needs a free slot.
std::size_t IdTable::SlotOf(const Hash128& key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = key.low & mask;
  while (!IsFree(slots_[at].key) && slots_[at].key != key) {
    at = (at + 1) & mask;
  }
  return at;
}

const IdEntry* IdTable::Find(const Hash128& key) const {
  if (slots_.empty()) {
    return nullptr;
  }
  const Slot& slot = slots_[SlotOf(Stored(key))];
  return IsFree(slot.key) ? nullptr : &slot.entry;
}

IdEntry* IdTable::FindMutable(const Hash128& key) {
  if (slots_.empty()) {
    return nullptr;
  }
  Slot& slot = slots_[SlotOf(Stored(key))];
  return IsFree(slot.key) ? nullptr : &slot.entry;
}

void IdTable::Put(const Hash128& key, const IdEntry& entry) {
  if ((size_ + 1) * 4 > slots_.size() * 3) {
    Grow();
  }
  Slot& slot = slots_[SlotOf(Stored(key))];
  if (IsFree(slot.key)) {
    slot.key = Stored(key);
    ++size_;
  }
  slot.entry = entry;
}

// Closes the gap by moving later entries of the same run back (Knuth, TAOCP 3, 6.4, algorithm R).
void IdTable::Erase(const Hash128& key) {
  if (slots_.empty()) {
    return;
  }
  const std::size_t mask = slots_.size() - 1;
  std::size_t gap = SlotOf(Stored(key));
  if (IsFree(slots_[gap].key)) {
    return;
  }
  --size_;
  for (std::size_t at = (gap + 1) & mask; !IsFree(slots_[at].key); at = (at + 1) & mask) {
    const std::size_t home = slots_[at].key.low & mask;
    if (((at - home) & mask) >= ((at - gap) & mask)) {
      slots_[gap] = slots_[at];
      gap = at;
    }
  }
  slots_[gap] = Slot{};
}

void IdTable::ForEach(const std::function<void(const Hash128&, const IdEntry&)>& visit) const {
  for (const Slot& slot : slots_) {
    if (!IsFree(slot.key)) {
      visit(slot.key, slot.entry);
    }
  }
}

void IdTable::Grow() {
  std::vector<Slot> old(slots_.empty() ? kFirstSlots : slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (!IsFree(slot.key)) {
      slots_[SlotOf(slot.key)] = slot;
    }
  }
}

}  // namespace datalake::lake
