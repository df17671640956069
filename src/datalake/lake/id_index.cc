#include "datalake/lake/id_index.h"

#include <utility>

#include "datalake/base/id.h"
#include "datalake/io/path.h"

namespace datalake::lake {
namespace {

bool IsErased(const IdEntry& entry) {
  return entry.sequence == IdEntry::kErased;
}

}  // namespace

Result<std::optional<IdEntry>> IdIndex::Look(const Hash128& key) const {
  const auto known = [](const IdEntry& entry) {
    return IsErased(entry) ? std::nullopt : std::optional(entry);
  };
  if (const IdEntry* entry = table_.Find(key); entry != nullptr) {
    return known(*entry);
  }
  if (const IdEntry* entry = frozen_ == nullptr ? nullptr : frozen_->Find(key); entry != nullptr) {
    return known(*entry);
  }
  if (!IsInRuns(key)) {
    return std::optional<IdEntry>();
  }
  for (const auto& run : runs_) {
    DATALAKE_TRY_ASSIGN(const std::optional<IdEntry> found, run->Find(key));
    if (found) {
      return known(*found);
    }
  }
  return std::optional<IdEntry>();
}

Result<IdEntry*> IdIndex::Find(const Hash128& key) {
  if (IdEntry* entry = table_.FindMutable(key); entry != nullptr) {
    return IsErased(*entry) ? nullptr : entry;
  }
  DATALAKE_TRY_ASSIGN(const std::optional<IdEntry> found, Look(key));
  if (!found) {
    return nullptr;
  }
  table_.Put(key, *found);
  return table_.FindMutable(key);
}

IdEntry* IdIndex::FindInTable(const Hash128& key) {
  IdEntry* entry = table_.FindMutable(key);
  return entry == nullptr || IsErased(*entry) ? nullptr : entry;
}

void IdIndex::Put(const Hash128& key, const IdEntry& entry) {
  size_ += FindInTable(key) == nullptr ? 1 : 0;
  table_.Put(key, entry);
}

void IdIndex::Erase(const Hash128& key) {
  --size_;
  if (frozen_ == nullptr && !IsInRuns(key)) {
    table_.Erase(key);
  } else {
    table_.Put(key, {.sequence = IdEntry::kErased});  // hides older entries
  }
}

Result<std::size_t> IdIndex::EraseIf(const std::function<bool(const IdEntry&)>& takes) {
  std::size_t count = 0;
  std::vector<Hash128> keys;
  table_.ForEach([&](const Hash128& key, const IdEntry& entry) {
    if (!IsErased(entry) && takes(entry)) {
      keys.push_back(key);
    }
  });
  for (const Hash128& key : keys) {
    Erase(key);
  }
  count += keys.size();
  if (frozen_ == nullptr && runs_.empty()) {
    return count;
  }
  IdUpkeep all = BeginUpkeep();
  all.merge.runs = runs_;
  std::size_t in_runs = 0;
  all.merge.drops = [&](const IdPair& pair) {
    // What the table has is newer; those of it that go are counted already.
    if (IsErased(pair.entry) || table_.Find(pair.key) != nullptr) {
      return IsErased(pair.entry);
    }
    const bool goes = takes(pair.entry);
    in_runs += goes ? 1 : 0;
    return goes;
  };
  RunUpkeep(fs_, all);
  DATALAKE_TRY(EndUpkeep(std::move(all)));
  size_ -= in_runs;
  return count + in_runs;
}

bool IdIndex::WantsUpkeep() const {
  return !is_busy_ && (table_.size() >= options_.table_entries || frozen_ != nullptr);
}

std::string IdIndex::NewPath() {
  return io::JoinPath(options_.folder, "ids-" + MakeUuid(random_));
}

IdUpkeep IdIndex::BeginUpkeep(std::function<bool(const IdEntry&)> expired) {
  if (frozen_ == nullptr) {  // else the last upkeep failed
    IdTable kept;
    table_.ForEach([&](const Hash128& key, const IdEntry& entry) {
      if (entry.sequence == IdEntry::kQueued) {
        kept.Put(key, entry);
      }
    });
    auto full = std::make_shared<IdTable>(std::exchange(table_, std::move(kept)));
    table_.ForEach([&](const Hash128& key, const IdEntry&) { full->Erase(key); });
    frozen_ = std::move(full);
  }
  if (filter_ == nullptr) {
    filter_ = std::make_shared<IdFilter>(options_.filter_bytes);
  }
  is_busy_ = true;
  IdUpkeep upkeep{.path = NewPath(),
                  .merge = {.table = frozen_},
                  .filter = filter_,
                  .generation = ++generation_};
  // Runs at least double in size from one to the next, so there are few and each entry is written
  // few times.
  std::size_t entries = frozen_->size();
  for (const auto& run : runs_) {
    if (run->size() > 2 * entries) {
      break;
    }
    upkeep.merge.runs.push_back(run);
    entries += run->size();
  }
  if (upkeep.merge.runs.size() == runs_.size()) {  // nothing older is left to be hidden
    upkeep.merge.drops = [expired = std::move(expired)](const IdPair& pair) {
      return IsErased(pair.entry) || (expired && expired(pair.entry));
    };
  }
  return upkeep;
}

void IdIndex::RunUpkeep(io::FileSystem& fs, IdUpkeep& upkeep) {
  upkeep.merge.table->ForEach([&](const Hash128& key, const IdEntry&) { upkeep.filter->Add(key); });
  if (const Status made = fs.MakeDirectories(io::ParentPath(upkeep.path)); !made) {
    upkeep.made = made.error();
    return;
  }
  upkeep.made = MergeIds(fs, upkeep.path, upkeep.merge);
}

Status IdIndex::EndUpkeep(IdUpkeep upkeep) {
  if (upkeep.generation != generation_) {  // all was written anew meanwhile
    return {};
  }
  is_busy_ = false;
  DATALAKE_TRY_ASSIGN(auto made, std::move(upkeep.made));
  std::vector<std::shared_ptr<const IdRun>> runs;
  if (made->size() > 0) {
    runs.push_back(std::move(made));
  }
  runs.insert(runs.end(), runs_.begin() + static_cast<std::ptrdiff_t>(upkeep.merge.runs.size()),
              runs_.end());
  runs_ = std::move(runs);
  frozen_ = nullptr;
  return {};
}

}  // namespace datalake::lake
