#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::table {
class Table;
class TableSnapshot;
}  // namespace datalake::table

namespace datalake::lake {

/// Open tables of a lake, so that the newest version of one costs a probe for a new log file
/// instead of reading its log again. Thread-safe.
class TableCache {
 public:
  /// `lake` must outlive it.
  explicit TableCache(Lake& lake);
  ~TableCache();

  /// The newest version. Errors: those of Lake::OpenTable and Table::Snapshot.
  Result<std::shared_ptr<const table::TableSnapshot>> Newest(const TableName& name);

  /// One version, now or before. Errors: as Newest; kNotFound (never made, or no longer kept).
  Result<std::shared_ptr<const table::TableSnapshot>> At(const TableName& name,
                                                         std::int64_t version);

  /// The newest versions of many tables, in order, on several threads. Errors: the first in order.
  Result<std::vector<std::shared_ptr<const table::TableSnapshot>>> NewestOf(
      std::span<const TableName> names);

 private:
  Result<std::shared_ptr<table::Table>> Find(const TableName& name);

  Lake& lake_;
  Mutex mutex_;
  std::map<TableName, std::shared_ptr<table::Table>> tables_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace datalake::lake
