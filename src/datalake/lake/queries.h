#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/search.h"
#include "datalake/lake/table_cache.h"
#include "datalake/query/engine.h"

namespace datalake::lake {

struct QueryOptions {
  std::uint64_t memory_limit_bytes = std::uint64_t{768} << 20;  ///< of all queries together
  std::size_t threads = 0;                                      ///< 0: all cores
  /// The view `jobs`, which belongs to a layer above; empty: there is none.
  std::function<Result<query::View>()> jobs = {};
};

/// What SQL of one caller may name; as it is made, everything.
struct SqlScope {
  /// Of tables, those of feeds as TableName{"feeds", feed, "raw"}; empty: all.
  std::function<bool(const TableName&)> allows = {};
  /// Collections and jobs, which belong to no table; false: none of them.
  bool lake_wide = true;
  /// Tables of feeds as they lie on the disk: with replaced, withdrawn and quarantined records, and
  /// the hashes of receipts. False: only the current records, without those hashes.
  bool stored_feeds = true;
};

/// Rows, and the table versions that they were computed from.
struct QueryAnswer {
  std::shared_ptr<arrow::RecordBatchReader> rows;  ///< streams; see query::QueryEngine
  std::vector<TableVersion> sources;
};

/// One partition of one table, without reading its rows.
struct PartitionInfo {
  TableName table;
  std::string variant;    ///< of a feed: its day; empty: the table has neither
  std::int64_t rows = 0;  ///< -1: a file of another writer does not say
  std::uint64_t bytes = 0;
  std::int64_t files = 0;
  std::int64_t version = 0;  ///< of the table
  Timestamp updated;         ///< when its newest file was written
};

/// Search and SQL over a lake (interfaces: "SQL"). Every call sees the newest version of each table
/// at its begin, and that version to its end, whatever others commit. Keeps tables open and one
/// query engine; make one and keep it. Thread-safe.
class Queries {
 public:
  /// `lake` must outlive it and be on the machine's own files. Cost: about 15 ms.
  /// Errors: kInvalidArgument (options), kIo.
  static Result<std::unique_ptr<Queries>> Open(Lake& lake, const QueryOptions& options = {});
  ~Queries();

  /// Rows of all tables that `request` names, united by column name as in query::Relation; columns
  /// provider, dataset, task, variant first. No table matches: no rows, with those columns or the
  /// ones asked for. Errors: those of QueryEngine::Select and of the tables; kInvalidArgument (a
  /// version with another number of tables than one, or of a feed).
  Result<QueryAnswer> Search(const SearchRequest& request, const query::QueryLimits& limits = {},
                             std::stop_token stop = {});

  /// One read-only statement over the views catalog, data."p/d/t", feeds.<feed>,
  /// collections."name/version", assets, jobs. What is out of `scope` is not there: no such view,
  /// no row in catalog and assets. Errors: those of QueryEngine::Sql.
  Result<QueryAnswer> Sql(std::string_view sql, const query::QueryLimits& limits = {},
                          std::stop_token stop = {}, const SqlScope& scope = {});

  /// All partitions of all tables, sorted. Errors: those of the tables.
  Result<std::vector<PartitionInfo>> Partitions();

 private:
  Queries(Lake& lake, const QueryOptions& options);

  Lake& lake_;
  QueryOptions options_;
  TableCache tables_;
  std::unique_ptr<query::QueryEngine> engine_;
};

}  // namespace datalake::lake
