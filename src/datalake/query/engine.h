#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/query/condition.h"
#include "datalake/query/relation.h"
#include "datalake/query/row_filter.h"

namespace datalake::query {

struct EngineOptions {
  /// Memory of all queries together; above it they spill to `temp_folder`, or fail.
  std::uint64_t memory_limit_bytes = std::uint64_t{768} << 20;
  std::size_t threads = 0;  ///< 0: all cores
  /// Where queries spill, made when needed in a folder that exists, and removed at the end; one of
  /// its own per engine. Empty: no spilling.
  std::string temp_folder = {};
  /// Absolute folders that hold the data files. Nothing else on the machine can be read.
  std::vector<std::string> readable_folders = {};

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// Bounds of one query.
struct QueryLimits {
  /// From the call to the last batch; kResourceExhausted when it passes. Zero: none.
  std::chrono::milliseconds timeout{0};
  /// Of the caller's limit before this call: an error names both together.
  std::chrono::milliseconds time_spent{0};
  /// The result ends after so many rows.
  std::optional<std::int64_t> max_rows = std::nullopt;
};

/// A name in SQL: "" or a schema, and the name in it.
struct ViewName {
  std::string schema;
  std::string name;

  friend auto operator<=>(const ViewName&, const ViewName&) = default;
};

/// What a query wants of a view.
struct ViewRequest {
  ViewName name;
  /// Names of columns that occur anywhere in the query, in lower case; nothing: any may be wanted
  /// (`select *`). A view may leave out the cost of others (null there), not the columns.
  std::optional<std::set<std::string>> columns = std::nullopt;
};

/// The names that SQL may use. Asked only for the views that a query names. Thread-safe.
class ViewSource {
 public:
  virtual ~ViewSource() = default;

  /// The view of that name. Errors: kNotFound naming the nearest; others as they come.
  virtual Result<View> Find(const ViewRequest& request) = 0;

  /// All names, for SHOW TABLES.
  virtual Result<std::vector<ViewName>> List() = 0;
};

class EngineDatabase;

/// DuckDB, in memory, read-only and shut in: it reads Parquet files that are named to it and Arrow
/// batches, nothing else; it writes nothing but spill files, loads no extension and opens no
/// connection. Holds no snapshot: every query says what it reads. Thread-safe; each query has a
/// connection of its own, all share memory and threads.
///
/// Results stream: a reader computes what it is asked for, batches of up to 2,048 rows, and holds
/// about 1 MB of them. Readers are Single-threaded and may outlive the engine. What goes wrong
/// later comes through the reader (format::ArrowError gives the Error back): a failed query never
/// looks like an end of rows. 64-bit sums come as decimal(38, 0), times with zone in UTC.
class QueryEngine {
 public:
  /// Cost: about 10 ms. Errors: kInvalidArgument (options), kInternal.
  static Result<std::unique_ptr<QueryEngine>> Open(const EngineOptions& options);
  ~QueryEngine();
  QueryEngine(const QueryEngine&) = delete;
  QueryEngine& operator=(const QueryEngine&) = delete;

  /// Runs one SELECT, WITH, VALUES, FROM, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN statement
  /// over `views`. Requesting `stop` ends it with kCancelled, also between batches.
  /// Errors: kInvalidArgument (SQL, with the position; parameters; several statements),
  /// kPermissionDenied (any other statement; table functions that read files, settings or SQL),
  /// kNotFound (views), kResourceExhausted (time, memory), kUnsupported, kCorruption (names the
  /// file), kIo, kCancelled.
  Result<std::shared_ptr<arrow::RecordBatchReader>> Sql(std::string_view sql, ViewSource& views,
                                                        const QueryLimits& limits = {},
                                                        std::stop_token stop = {});

  /// The rows of `view` that pass `filter`. Files of a plain view are planned a part at a time
  /// The rows of `view` that pass `filter`. The files of a plain view are planned a part at a time
  /// (parts_reader.h) unless the rows are sorted, so the first rows do not wait for all of them.
  /// Errors: as Sql; kNotFound (unknown column, naming the nearest), kInvalidArgument (`where` is
  /// not one expression over the columns).
  Result<std::shared_ptr<arrow::RecordBatchReader>> Select(View view, const RowFilter& filter,
                                                           const QueryLimits& limits = {},
                                                           std::stop_token stop = {});

  /// What an expression (RowFilter::where) asks of single columns. Errors: kInvalidArgument (not
  /// one expression over columns), kPermissionDenied.
  Result<ConditionFacts> ParseCondition(std::string_view where);

 private:
  explicit QueryEngine(std::shared_ptr<EngineDatabase> database);

  std::shared_ptr<EngineDatabase> database_;
};

}  // namespace datalake::query
