#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/queries.h"
#include "datalake/query/engine.h"

namespace datalake::lake {

/// The newest versions of all tables, and their partitions.
struct CatalogState {
  std::vector<TableName> names;
  std::vector<std::shared_ptr<const table::TableSnapshot>> snapshots;
};

/// The views of SQL over one lake, and what they were made from; one for each query.
/// Single-threaded.
class LakeViews final : public query::ViewSource {
 public:
  /// All arguments must outlive it.
  LakeViews(Lake& lake, TableCache& tables, const QueryOptions& options, const SqlScope& scope);

  Result<query::View> Find(const query::ViewRequest& request) override;
  Result<std::vector<query::ViewName>> List() override;

  /// The tables behind the views found so far, each once.
  std::vector<TableVersion> TakeSources() { return std::move(sources_); }

 private:
  Result<query::View> FindTable(std::string_view name);
  Result<query::View> FindFeed(std::string_view name);
  Result<query::View> FindCollection(std::string_view name);
  Result<query::View> FindCatalog(const query::ViewRequest& request);
  Result<query::View> FindAssets();

  // Whether the caller may name the view of that table, or see its rows in catalog and assets.
  bool MayName(const TableName& name) const;
  bool MaySee(const TableName& name) const;
  // ReadCatalog, of what the caller may see.
  Result<CatalogState> Catalog();
  void AddSource(const TableName& name, std::int64_t version);

  Lake& lake_;
  TableCache& tables_;
  const QueryOptions& options_;
  const SqlScope& scope_;
  std::vector<TableVersion> sources_;
};

/// A condition on the columns ingest_id, submitter_id and receipt of a feed's table that leaves out
/// what `withdrawals` take away; "true" without any. Errors: kInvalidArgument (CheckSqlText).
Result<std::string> NotWithdrawnSql(const std::vector<Withdrawal>& withdrawals);

/// The current records of a feed as one relation: see FeedView. Partition columns provider,
/// dataset, task and day. `snapshot_version` is set to the table's version, or left.
Result<query::View> CurrentFeedRecords(Lake& lake, std::string_view feed,
                                       std::int64_t& snapshot_version);

Result<CatalogState> ReadCatalog(Lake& lake, TableCache& tables);

/// The partitions of a table version, by name.
std::vector<PartitionInfo> PartitionsOf(const TableName& name,
                                        const table::TableSnapshot& snapshot);

/// Paths that begin in the working folder become absolute. Errors: kIo.
Status MakePathsAbsolute(query::Relation& relation);

}  // namespace datalake::lake
