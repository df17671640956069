#include "datalake/lake/table_cache.h"

#include <algorithm>
#include <stop_token>
#include <utility>

#include "datalake/base/thread_pool.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

// Below so many tables threads cost more than they save.
constexpr std::size_t kTablesPerThread = 32;

}  // namespace

TableCache::TableCache(Lake& lake) : lake_(lake) {}

TableCache::~TableCache() = default;

Result<std::shared_ptr<table::Table>> TableCache::Find(const TableName& name) {
  {
    const MutexLock lock(mutex_);
    if (const auto found = tables_.find(name); found != tables_.end()) {
      return found->second;
    }
  }
  DATALAKE_TRY_ASSIGN(std::shared_ptr<table::Table> opened, lake_.OpenTable(name));
  const MutexLock lock(mutex_);
  return tables_.try_emplace(name, std::move(opened)).first->second;
}

Result<std::shared_ptr<const table::TableSnapshot>> TableCache::Newest(const TableName& name) {
  DATALAKE_TRY_ASSIGN(const auto table, Find(name));
  return table->Snapshot();
}

Result<std::shared_ptr<const table::TableSnapshot>> TableCache::At(const TableName& name,
                                                                   std::int64_t version) {
  DATALAKE_TRY_ASSIGN(const auto table, Find(name));
  return table->Snapshot(version);
}

Result<std::vector<std::shared_ptr<const table::TableSnapshot>>> TableCache::NewestOf(
    std::span<const TableName> names) {
  std::vector<std::shared_ptr<const table::TableSnapshot>> snapshots(names.size());
  const auto load = [&](std::size_t i) -> Status {
    DATALAKE_TRY_ASSIGN(snapshots[i], Newest(names[i]));
    return {};
  };
  const std::size_t threads = std::min(AvailableCores(), names.size() / kTablesPerThread);
  if (threads < 2) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      DATALAKE_TRY(load(i));
    }
    return snapshots;
  }
  ThreadPool pool(threads);
  DATALAKE_TRY(ParallelFor(pool, names.size(), std::stop_token(), load));
  return snapshots;
}

}  // namespace datalake::lake
