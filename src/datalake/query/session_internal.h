#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/query/batch_function_internal.h"
#include "datalake/query/engine.h"
#include "datalake/query/file_checker.h"
#include "datalake/query/handles_internal.h"
#include "datalake/query/relation_sql_internal.h"
#include "datalake/query/statement_internal.h"
#include "datalake/query/watchdog.h"

namespace datalake::query {

/// The database that all queries of an engine share. Thread-safe.
class EngineDatabase {
 public:
  static Result<std::shared_ptr<EngineDatabase>> Open(const EngineOptions& options);

  Result<ConnectionHandle> Connect();

  BatchRegistry& registry() { return batches_.registry; }

  Watchdog& watchdog() { return watchdog_; }

  /// DuckDB's own views that a name without a schema finds, folded.
  const std::set<std::string>& system_names() const { return system_names_; }

  FileChecker& file_checker() { return file_checker_; }

  std::uint64_t NextSession() { return next_session_.fetch_add(1); }

 private:
  EngineDatabase() = default;

  BatchFunctionContext batches_;  // outlives handle_
  Watchdog watchdog_;
  FileChecker file_checker_;
  std::set<std::string> system_names_;
  std::atomic<std::uint64_t> next_session_ = 1;
  DatabaseHandle handle_;
};

/// A SELECT and the columns that it gives.
using SelectSql = RelationSql;

/// One query: its connection, its views in an in-memory catalog of its own, its inputs. Lives until
/// the reader of its result is gone. Single-threaded.
class Session : public std::enable_shared_from_this<Session> {
 public:
  static Result<std::shared_ptr<Session>> Begin(std::shared_ptr<EngineDatabase> database,
                                                const QueryLimits& limits, std::stop_token stop);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  duckdb_connection connection() const { return connection_.get(); }

  /// `view` as a SELECT.
  Result<SelectSql> ViewSql(const View& view);

  /// Makes the views, so that SQL finds them by their names.
  Status CreateViews(const std::vector<std::pair<ViewName, View>>& views);

  /// Runs `query`, which DuckDB must prepare as one SELECT, or explains it.
  Result<std::shared_ptr<arrow::RecordBatchReader>> Run(const std::string& query,
                                                        ExplainKind explain = ExplainKind::kNone);

  /// What really went wrong when DuckDB says `error`.
  Error Cause(Error error) const;

 private:
  Session(std::shared_ptr<EngineDatabase> database, const QueryLimits& limits);

  Result<PreparedHandle> Prepare(const std::string& sql, duckdb_statement_type wanted);
  Result<std::string> ScanBatches(const BatchGroup& group);
  Result<std::vector<SqlColumn>> DescribeSelect(const std::string& sql);

  std::shared_ptr<EngineDatabase> database_;
  QueryLimits limits_;
  ConnectionHandle connection_;
  std::string catalog_;  // attached; empty: none
  std::vector<std::pair<std::uint64_t, std::shared_ptr<BatchInput>>> inputs_;
  std::unique_ptr<Watchdog::Watch> watch_;
};

}  // namespace datalake::query
