#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/id_filter.h"
#include "datalake/lake/id_run.h"
#include "datalake/lake/id_table.h"

namespace datalake::lake {

struct IdIndexOptions {
  std::string folder;                    ///< for files of an instant, made when needed
  std::size_t table_entries = 32 << 10;  ///< kept in memory before they go to the disk
  std::size_t filter_bytes = 8 << 20;    ///< a power of two; taken with the first run
};

/// A part of an index's work that needs no lock.
struct IdUpkeep {
  std::string path;
  IdMerge merge = {};
  std::shared_ptr<IdFilter> filter = {};
  std::uint64_t generation = 0;
  Result<std::shared_ptr<const IdRun>> made = std::shared_ptr<const IdRun>();
};

/// Entries by id, in bounded memory: the newest in a table, the others in sorted runs on the disk
/// (a log-structured merge tree, O'Neil et al. 1996), with a filter that answers for most ids that
/// are not there. Exact; a cache that its owner fills anew when it opens. Memory: 64 bytes for each
/// slot of the table, the filter, 1/8 byte an entry on the disk. Single-threaded, but for
/// RunUpkeep, which may run beside all others.
class IdIndex {
 public:
  /// `fs` and `random` must outlive it.
  IdIndex(io::FileSystem& fs, Random& random, IdIndexOptions options)
      : fs_(fs), random_(random), options_(std::move(options)) {}

  /// The entry of `key`, or null; may be changed, and is valid until the next call. Cost: seldom
  /// more than the table for an id that is not there, else some reads of 4 KB. Errors: kIo.
  Result<IdEntry*> Find(const Hash128& key);

  /// As Find, but does not bring the entry into the table.
  Result<std::optional<IdEntry>> Look(const Hash128& key) const;

  /// The entry of `key` if it is in the table: a queued one always is.
  IdEntry* FindInTable(const Hash128& key);

  /// Sets the entry of `key`, which Find was asked for since the index changed otherwise.
  void Put(const Hash128& key, const IdEntry& entry);

  /// Forgets `key`, which Find has found.
  void Erase(const Hash128& key);

  /// Forgets all entries that `takes` says yes to; returns how many. Cost: writes all runs again.
  /// After an error the index is of no use.
  Result<std::size_t> EraseIf(const std::function<bool(const IdEntry&)>& takes);

  std::size_t size() const { return size_; }

  /// True when the table is full and no upkeep is under way.
  bool WantsUpkeep() const;

  /// Begins to move the table to the disk. `expired` tells entries that need not be kept.
  IdUpkeep BeginUpkeep(std::function<bool(const IdEntry&)> expired = {});

  /// Does the work. Thread-safe.
  static void RunUpkeep(io::FileSystem& fs, IdUpkeep& upkeep);

  /// Takes the result; after an error all stays in memory and is tried again.
  Status EndUpkeep(IdUpkeep upkeep);

 private:
  std::string NewPath();

  bool IsInRuns(const Hash128& key) const { return !runs_.empty() && filter_->MayHold(key); }

  io::FileSystem& fs_;
  Random& random_;
  const IdIndexOptions options_;
  IdTable table_;
  std::shared_ptr<const IdTable> frozen_;           // on its way into a run
  std::vector<std::shared_ptr<const IdRun>> runs_;  // newest first
  std::shared_ptr<IdFilter> filter_;
  std::size_t size_ = 0;
  std::uint64_t generation_ = 0;  // counts changes of the runs
  bool is_busy_ = false;          // upkeep is under way
};

}  // namespace datalake::lake
