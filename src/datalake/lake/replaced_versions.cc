// Layers as in a log-structured merge tree (O'Neil et al. 1996): new files make a new layer, and
// when there are many layers they become one. A version of the table is seen through those layers
// whose files it has, so a query never sees what was committed after it began.
#include "datalake/lake/replaced_versions.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "datalake/format/arrow_status.h"
#include "datalake/lake/feed_index.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kFirstSlots = 256;

void AddRows(const arrow::RecordBatch& batch, ReplacedIds& ids) {
  const auto id_column = batch.GetColumnByName("ingest_id");
  const auto version_column = batch.GetColumnByName("version");
  const auto& names = static_cast<const arrow::StringArray&>(*id_column);
  const auto& versions = static_cast<const arrow::Int64Array&>(*version_column);
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    if (versions.Value(row) > 1) {
      ids.Add(IdKey(names.GetView(row)), versions.Value(row));
    }
  }
}

}  // namespace

ReplacedIds::Slot& ReplacedIds::Find(const Hash128& key) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = key.low & mask;
  while (slots_[at].version != 0 && slots_[at].key != key) {
    at = (at + 1) & mask;
  }
  return slots_[at];
}

void ReplacedIds::Add(const Hash128& key, std::int64_t version) {
  if (4 * (size_ + 1) > 3 * slots_.size()) {
    std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(std::max(kFirstSlots, 2 * slots_.size())));
    for (const Slot& slot : old) {
      if (slot.version != 0) {
        Find(slot.key) = slot;
      }
    }
  }
  Slot& slot = Find(key);
  size_ += slot.version == 0 ? 1 : 0;
  slot = {.key = key, .version = std::max(slot.version, version)};
}

std::int64_t ReplacedIds::Newest(const Hash128& key) const {
  if (slots_.empty()) {
    return 0;
  }
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = key.low & mask;
  while (slots_[at].version != 0 && slots_[at].key != key) {
    at = (at + 1) & mask;
  }
  return slots_[at].version;
}

void ReplacedIds::Merge(const ReplacedIds& other) {
  for (const Slot& slot : other.slots_) {
    if (slot.version != 0) {
      Add(slot.key, slot.version);
    }
  }
}

bool CurrentVersions::IsCurrent(std::string_view ingest_id, std::int64_t version) const {
  if (layers_.empty()) {
    return true;
  }
  const Hash128 key = IdKey(ingest_id);
  return std::all_of(layers_.begin(), layers_.end(),
                     [&](const auto& layer) { return layer->Newest(key) <= version; });
}

Result<CurrentVersions> ReplacedVersions::At(std::span<const table::TableFilePtr> files,
                                             const std::shared_ptr<const ReplacedIds>& beside,
                                             const Reader& read) {
  std::set<std::string> wanted;
  for (const table::TableFilePtr& file : files) {
    wanted.insert(file->path);
  }
  std::vector<std::shared_ptr<const ReplacedIds>> seen;
  if (beside != nullptr && beside->size() > 0) {
    seen.push_back(beside);
  }
  // One caller at a time brings the layers up to date; the others need them, too.
  const MutexLock lock(mutex_);
  std::vector<Layer> usable;
  std::set<std::string> covered;
  for (const Layer& layer : layers_) {
    if (std::includes(wanted.begin(), wanted.end(), layer.paths.begin(), layer.paths.end())) {
      usable.push_back(layer);
      covered.insert(layer.paths.begin(), layer.paths.end());
    }
  }
  std::vector<table::TableFilePtr> fresh;
  std::copy_if(
      files.begin(), files.end(), std::back_inserter(fresh),
      [&covered](const table::TableFilePtr& file) { return !covered.contains(file->path); });
  if (!fresh.empty()) {
    Layer layer;
    const auto ids = std::make_shared<ReplacedIds>();
    for (const table::TableFilePtr& file : fresh) {
      layer.paths.insert(file->path);
    }
    DATALAKE_TRY_ASSIGN(const auto reader, read(fresh));
    while (true) {
      DATALAKE_TRY_ASSIGN(const auto batch,
                          format::FromArrow(reader->Next(), "cannot read versions of a feed"));
      if (batch == nullptr) {
        break;
      }
      AddRows(*batch, *ids);
    }
    layer.ids = ids;
    usable.push_back(std::move(layer));
    if (usable.size() > kMostLayers) {
      Layer all;
      const auto merged = std::make_shared<ReplacedIds>();
      for (const Layer& part : usable) {
        merged->Merge(*part.ids);
        all.paths.insert(part.paths.begin(), part.paths.end());
      }
      all.ids = merged;
      usable = {std::move(all)};
    }
    layers_ = usable;
  }
  for (const Layer& layer : usable) {
    seen.push_back(layer.ids);
  }
  return CurrentVersions(std::move(seen));
}

}  // namespace datalake::lake
