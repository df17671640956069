#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <duckdb.h>

#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/query/relation.h"

namespace datalake::query {

/// Batches that a query reads, and what went wrong while reading them. Thread-safe.
class BatchInput {
 public:
  explicit BatchInput(BatchGroup group) : group_(std::move(group)) {}

  const BatchGroup& group() const { return group_; }

  /// Keeps the first error, which DuckDB only passes on as text.
  void SetError(Error error);
  std::optional<Error> error() const;

 private:
  BatchGroup group_;
  mutable Mutex mutex_;
  std::optional<Error> error_ DATALAKE_GUARDED_BY(mutex_);
};

/// The inputs of running queries by number. Thread-safe.
class BatchRegistry {
 public:
  std::uint64_t Add(std::shared_ptr<BatchInput> input);
  void Remove(std::uint64_t id);
  std::shared_ptr<BatchInput> Find(std::uint64_t id) const;

 private:
  mutable Mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<BatchInput>> inputs_ DATALAKE_GUARDED_BY(mutex_);
  std::uint64_t next_id_ DATALAKE_GUARDED_BY(mutex_) = 1;
};

/// What the table function works with; must outlive the database.
struct BatchFunctionContext {
  duckdb_database database = nullptr;
  BatchRegistry registry;
};

/// Adds the table function `datalake_batches(id)`, which scans an input: zero copy for fixed-width
/// columns, projected, one thread a scan. Errors: kInternal.
Status RegisterBatchFunction(duckdb_connection connection, BatchFunctionContext& context);

/// The FROM item that scans input `id`.
std::string BatchScanSql(std::uint64_t id);

}  // namespace datalake::query
