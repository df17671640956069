#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/hash.h"
#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/table/snapshot.h"

namespace datalake::lake {

/// The newest version of ids of which some files hold a version above 1. 24 bytes a slot, at most
/// 3/4 full. Single-threaded while it is filled.
class ReplacedIds {
 public:
  /// Remembers `version` of an id, if it is the newest so far.
  void Add(const Hash128& key, std::int64_t version);

  /// 0: none that was added.
  std::int64_t Newest(const Hash128& key) const;

  /// Adds all of `other`.
  void Merge(const ReplacedIds& other);

  std::size_t size() const { return size_; }

 private:
  struct Slot {
    Hash128 key;  // zero: free
    std::int64_t version = 0;
  };

  Slot& Find(const Hash128& key);

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

/// Which rows of one version of a feed's table are no longer current: their id has a newer version
/// in it, or in the records beside it. Immutable, Thread-safe.
class CurrentVersions {
 public:
  explicit CurrentVersions(std::vector<std::shared_ptr<const ReplacedIds>> layers = {})
      : layers_(std::move(layers)) {}

  bool IsCurrent(std::string_view ingest_id, std::int64_t version) const;

 private:
  std::vector<std::shared_ptr<const ReplacedIds>> layers_;
};

/// Keeps what CurrentVersions is made of from one version of a feed's table to the next: files
/// never change, so only new ones are read. A cache: gone with the object, made again when asked.
/// Thread-safe.
class ReplacedVersions {
 public:
  /// Reads (ingest_id, version) of the rows with a version above 1 of some files.
  using Reader = std::function<Result<std::shared_ptr<arrow::RecordBatchReader>>(
      std::span<const table::TableFilePtr> files)>;

  /// `files`: those of the version at hand that may hold versions above 1. `beside`: of rows beside
  /// the table; null: there are none. Cost: reads two columns of new files, and of all
  /// after a compaction. Errors: those of `read`.
  Result<CurrentVersions> At(std::span<const table::TableFilePtr> files,
                             const std::shared_ptr<const ReplacedIds>& beside, const Reader& read);

 private:
  struct Layer {
    std::set<std::string> paths;
    std::shared_ptr<const ReplacedIds> ids;
  };

  static constexpr std::size_t kMostLayers = 6;

  Mutex mutex_;
  std::vector<Layer> layers_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace datalake::lake
