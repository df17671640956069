#include "datalake/lake/sql.h"

#include <algorithm>
#include <map>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/builder_time.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/asset_views.h"
#include "datalake/lake/feed_view.h"
#include "datalake/query/sql_text.h"
#include "datalake/table/snapshot.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kViewsHelp =
    "views: catalog, data.\"provider/dataset/task\", feeds.<feed>, collections.\"name/version\", "
    "assets, jobs; SHOW TABLES lists them";

// The newest of several versions of a record; rows of other tables have no ingest_id.
constexpr std::string_view kCurrentRecords =
    "QUALIFY row_number() OVER (PARTITION BY ingest_id ORDER BY version DESC) = 1";

Error NoSuchView(const query::ViewName& name) {
  return Error{ErrorCode::kNotFound,
               fmt::format("no such view: {}{}{}; {}", name.schema, name.schema.empty() ? "" : ".",
                           name.name, kViewsHelp)};
}

std::shared_ptr<arrow::Schema> PartitionSchema() {
  return arrow::schema(
      {arrow::field("provider", arrow::utf8()), arrow::field("dataset", arrow::utf8()),
       arrow::field("task", arrow::utf8()), arrow::field("variant", arrow::utf8()),
       arrow::field("rows", arrow::int64()), arrow::field("bytes", arrow::int64()),
       arrow::field("files", arrow::int64()), arrow::field("version", arrow::int64()),
       arrow::field("updated", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});
}

arrow::Status AppendText(arrow::StringBuilder& builder, const std::string& text) {
  return text.empty() ? builder.AppendNull() : builder.Append(text);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> PartitionBatch(
    const std::vector<PartitionInfo>& partitions) {
  arrow::StringBuilder provider;
  arrow::StringBuilder dataset;
  arrow::StringBuilder task;
  arrow::StringBuilder variant;
  arrow::Int64Builder rows;
  arrow::Int64Builder bytes;
  arrow::Int64Builder files;
  arrow::Int64Builder version;
  arrow::TimestampBuilder updated(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                  arrow::default_memory_pool());
  for (const PartitionInfo& partition : partitions) {
    ARROW_RETURN_NOT_OK(provider.Append(partition.table.provider));
    ARROW_RETURN_NOT_OK(dataset.Append(partition.table.dataset));
    ARROW_RETURN_NOT_OK(task.Append(partition.table.task));
    ARROW_RETURN_NOT_OK(AppendText(variant, partition.variant));
    ARROW_RETURN_NOT_OK(partition.rows < 0 ? rows.AppendNull() : rows.Append(partition.rows));
    ARROW_RETURN_NOT_OK(bytes.Append(static_cast<std::int64_t>(partition.bytes)));
    ARROW_RETURN_NOT_OK(files.Append(partition.files));
    ARROW_RETURN_NOT_OK(version.Append(partition.version));
    ARROW_RETURN_NOT_OK(updated.Append(partition.updated.time_since_epoch().count()));
  }
  arrow::ArrayVector columns(9);
  arrow::ArrayBuilder* builders[] = {&provider, &dataset, &task,    &variant, &rows,
                                     &bytes,    &files,   &version, &updated};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    ARROW_RETURN_NOT_OK(builders[i]->Finish(&columns[i]));
  }
  return arrow::RecordBatch::Make(PartitionSchema(), static_cast<std::int64_t>(partitions.size()),
                                  columns);
}

// "name/version" of a collection.
std::pair<std::string_view, std::string_view> SplitCollection(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash == std::string_view::npos ? std::pair(text, std::string_view())
                                         : std::pair(text.substr(0, slash), text.substr(slash + 1));
}

}  // namespace

Status MakePathsAbsolute(query::Relation& relation) {
  for (query::FileGroup& group : relation.files) {
    for (query::DataFile& file : group.files) {
      if (!file.path.starts_with('/')) {
        DATALAKE_TRY_ASSIGN(file.path, io::AbsolutePath(file.path));
      }
    }
  }
  return {};
}

Result<CatalogState> ReadCatalog(Lake& lake, TableCache& tables) {
  CatalogState state;
  DATALAKE_TRY_ASSIGN(state.names, lake.ListTables());
  DATALAKE_TRY_ASSIGN(state.snapshots, tables.NewestOf(state.names));
  return state;
}

std::vector<PartitionInfo> PartitionsOf(const TableName& name,
                                        const table::TableSnapshot& snapshot) {
  const std::string column = VariantColumn(snapshot);
  std::map<std::string, PartitionInfo> partitions;
  for (const table::TableFilePtr& file : snapshot.files()) {
    const auto value = file->partition_values.find(column);
    const std::string variant =
        value == file->partition_values.end() ? "" : value->second.value_or("");
    PartitionInfo& partition =
        partitions
            .try_emplace(variant, PartitionInfo{.table = name,
                                                .variant = variant,
                                                .version = snapshot.version(),
                                                .updated = {}})
            .first->second;
    partition.rows =
        file->num_rows < 0 || partition.rows < 0 ? -1 : partition.rows + file->num_rows;
    partition.bytes += file->size_bytes;
    partition.files += 1;
    partition.updated =
        std::max(partition.updated, Timestamp(std::chrono::milliseconds(file->modified_ms)));
  }
  std::vector<PartitionInfo> sorted;
  for (auto& [variant, partition] : partitions) {
    sorted.push_back(std::move(partition));
  }
  return sorted;
}

Result<std::string> NotWithdrawnSql(const std::vector<Withdrawal>& withdrawals) {
  std::string condition = "true";
  for (const Withdrawal& withdrawal : withdrawals) {
    const auto [column, value] =
        withdrawal.scope == WithdrawalScope::kRecord
            ? std::pair<std::string_view, std::string>("ingest_id", withdrawal.ingest_id)
        : withdrawal.scope == WithdrawalScope::kSubmitter
            ? std::pair<std::string_view, std::string>("submitter_id", withdrawal.submitter_id)
            : std::pair<std::string_view, std::string>("receipt", ToText(withdrawal.receipt));
    DATALAKE_TRY(query::CheckSqlText(column, value));
    condition += fmt::format(" AND {} IS DISTINCT FROM {}", column, query::QuoteLiteral(value));
  }
  return condition;
}

Result<query::View> CurrentFeedRecords(Lake& lake, std::string_view feed,
                                       std::int64_t& snapshot_version) {
  DATALAKE_TRY_ASSIGN(FeedView state, OpenFeedView(lake, feed));
  const TableName name = FeedTableName(feed);
  query::Relation relation;
  if (state.snapshot != nullptr) {
    relation.files.push_back(SnapshotFiles(name, *state.snapshot, {}));
    snapshot_version = state.snapshot->version();
  }
  query::BatchGroup tail{
      .schema = state.schema,
      .open = std::move(state.tail.open),
      .constants = {{"provider", name.provider}, {"dataset", name.dataset}, {"task", name.task}}};
  if (state.snapshot == nullptr || state.withdrawals.empty()) {
    relation.batches.push_back(std::move(tail));
    DATALAKE_TRY(MakePathsAbsolute(relation));
    query::View view = query::MakeView(std::move(relation));
    view.select = fmt::format("SELECT * FROM \"rows\" {}", kCurrentRecords);
    return view;
  }
  DATALAKE_TRY_ASSIGN(const std::string is_left, NotWithdrawnSql(state.withdrawals));
  DATALAKE_TRY(MakePathsAbsolute(relation));
  query::View view;
  view.inputs.push_back({"sealed", std::move(relation)});
  query::Relation unsealed;
  unsealed.batches.push_back(std::move(tail));
  view.inputs.push_back({"unsealed", std::move(unsealed)});
  view.select = fmt::format(
      "SELECT * FROM (SELECT * FROM sealed WHERE {} UNION ALL BY NAME SELECT * FROM unsealed) {}",
      is_left, kCurrentRecords);
  return view;
}

LakeViews::LakeViews(Lake& lake, TableCache& tables, const QueryOptions& options,
                     const SqlScope& scope)
    : lake_(lake), tables_(tables), options_(options), scope_(scope) {}

bool LakeViews::MaySee(const TableName& name) const {
  if (!scope_.stored_feeds && name.provider == kFeedProvider &&
      name != FeedTableName(name.dataset)) {
    return false;  // its quarantine
  }
  return !scope_.allows || scope_.allows(name);
}

bool LakeViews::MayName(const TableName& name) const {
  return (scope_.stored_feeds || name.provider != kFeedProvider) && MaySee(name);
}

Result<CatalogState> LakeViews::Catalog() {
  CatalogState state;
  DATALAKE_TRY_ASSIGN(state.names, lake_.ListTables());
  std::erase_if(state.names, [this](const TableName& name) { return !MaySee(name); });
  DATALAKE_TRY_ASSIGN(state.snapshots, tables_.NewestOf(state.names));
  return state;
}

void LakeViews::AddSource(const TableName& name, std::int64_t version) {
  const TableVersion source{.table = name, .version = version};
  if (std::find(sources_.begin(), sources_.end(), source) == sources_.end()) {
    sources_.push_back(source);
  }
}

Result<query::View> LakeViews::Find(const query::ViewRequest& request) {
  const std::string schema = query::FoldName(request.name.schema);
  const std::string name = query::FoldName(request.name.name);
  if (schema == "data") {
    const auto table = ParseTableName(request.name.name);
    if (table && !MayName(*table)) {
      return NoSuchView(request.name);
    }
    auto found = FindTable(request.name.name);
    // The message names tables that are near.
    const bool tells = !found && found.error().code == ErrorCode::kNotFound && scope_.allows;
    return tells ? NoSuchView(request.name) : std::move(found);
  }
  if (schema == "feeds") {
    return MaySee(FeedTableName(request.name.name)) ? FindFeed(request.name.name)
                                                    : NoSuchView(request.name);
  }
  if (schema == "collections" && scope_.lake_wide) {
    return FindCollection(request.name.name);
  }
  if (schema.empty() && name == "catalog") {
    return FindCatalog(request);
  }
  if (schema.empty() && name == "assets") {
    return FindAssets();
  }
  if (schema.empty() && name == "jobs" && options_.jobs && scope_.lake_wide) {
    return options_.jobs();
  }
  return NoSuchView(request.name);
}

Result<query::View> LakeViews::FindTable(std::string_view text) {
  DATALAKE_TRY_ASSIGN(const TableName name, ParseTableName(text));
  DATALAKE_TRY_ASSIGN(const auto snapshot, tables_.Newest(name));
  AddSource(name, snapshot->version());
  query::Relation relation;
  relation.files.push_back(SnapshotFiles(name, *snapshot, {}));
  DATALAKE_TRY(MakePathsAbsolute(relation));
  return query::MakeView(std::move(relation));
}

Result<query::View> LakeViews::FindFeed(std::string_view name) {
  std::int64_t version = -1;
  DATALAKE_TRY_ASSIGN(query::View view, CurrentFeedRecords(lake_, name, version));
  if (version >= 0) {
    AddSource(FeedTableName(name), version);
  }
  view.select = fmt::format("SELECT * EXCLUDE (provider, dataset, task{}) FROM ({})",
                            scope_.stored_feeds ? "" : ", receipt", view.select);
  return view;
}

Result<query::View> LakeViews::FindCollection(std::string_view text) {
  const auto [name, version] = SplitCollection(text);
  const Collections collections(lake_);
  DATALAKE_TRY_ASSIGN(const CollectionInfo info, collections.Find(name, version));
  DATALAKE_TRY_ASSIGN(const auto reader, collections.Open(name, info.version));
  query::Relation relation;
  relation.batches.push_back(
      {.schema = reader->schema(), .open = [&lake = lake_, info](const std::vector<int>&) {
         return Collections(lake).Open(info.name, info.version);
       }});
  return query::MakeView(std::move(relation));
}

Result<query::View> LakeViews::FindCatalog(const query::ViewRequest& request) {
  DATALAKE_TRY_ASSIGN(const CatalogState catalog, Catalog());
  std::vector<PartitionInfo> partitions;
  for (std::size_t i = 0; i < catalog.names.size(); ++i) {
    for (PartitionInfo& partition : PartitionsOf(catalog.names[i], *catalog.snapshots[i])) {
      partitions.push_back(std::move(partition));
    }
  }
  DATALAKE_TRY_ASSIGN(auto batch,
                      format::FromArrow(PartitionBatch(partitions), "cannot list partitions"));
  query::Relation rows;
  rows.batches.push_back(query::MakeBatchGroup(PartitionSchema(), {std::move(batch)}));
  query::View view;
  view.inputs.push_back({"partitions", std::move(rows)});
  constexpr std::string_view kColumns =
      "SELECT p.provider, p.dataset, p.task, p.variant, p.\"rows\", p.bytes, p.files, {} AS "
      "assets, "
      "p.version, p.updated FROM partitions AS p";
  AssetLinks links;
  if (!request.columns || request.columns->contains("assets")) {  // costs a scan of the links
    links = FindAssetLinks(catalog);
    DATALAKE_TRY(MakePathsAbsolute(links.relation));
  }
  constexpr std::string_view kOrder = " ORDER BY p.provider, p.dataset, p.task, p.variant";
  if (links.links_sql.empty()) {
    view.select = fmt::format(fmt::runtime(kColumns), "CAST(0 AS BIGINT)");
    view.select += kOrder;
    return view;
  }
  view.inputs.push_back({"links", std::move(links.relation)});
  view.select = fmt::format(fmt::runtime(kColumns), "coalesce(a.assets, 0)");
  view.select += fmt::format(
      " LEFT JOIN (SELECT provider, dataset, task, variant, count(DISTINCT link.sha256) AS assets "
      "FROM (SELECT provider, dataset, task, variant, unnest({}) AS link FROM links) GROUP BY ALL) "
      "AS a ON p.provider = a.provider AND p.dataset = a.dataset AND p.task = a.task AND p.variant "
      "IS NOT DISTINCT FROM a.variant{}",
      links.links_sql, kOrder);
  return view;
}

Result<query::View> LakeViews::FindAssets() {
  DATALAKE_TRY_ASSIGN(const CatalogState catalog, Catalog());
  AssetLinks links = FindAssetLinks(catalog);
  DATALAKE_TRY(MakePathsAbsolute(links.relation));
  return AssetsView(links);
}

Result<std::vector<query::ViewName>> LakeViews::List() {
  std::vector<query::ViewName> names = {{"", "catalog"}, {"", "assets"}};
  if (options_.jobs && scope_.lake_wide) {
    names.push_back({"", "jobs"});
  }
  DATALAKE_TRY_ASSIGN(const std::vector<TableName> tables, lake_.ListTables());
  for (const TableName& table : tables) {
    if (MayName(table)) {
      names.push_back({"data", ToString(table)});
    }
  }
  DATALAKE_TRY_ASSIGN(const std::vector<std::string> feeds, ListFeeds(lake_));
  for (const std::string& feed : feeds) {
    if (MaySee(FeedTableName(feed))) {
      names.push_back({"feeds", feed});
    }
  }
  if (!scope_.lake_wide) {
    return names;
  }
  DATALAKE_TRY_ASSIGN(const auto collections, Collections(lake_).List());
  for (const CollectionVersions& collection : collections) {
    for (const CollectionInfo& info : collection.versions) {
      names.push_back({"collections", info.name + "/" + info.version});
    }
  }
  return names;
}

}  // namespace datalake::lake
