// The current record of an id is its newest version. Instead of ranking all versions of all ids, a
// query takes the rows that pass its filter and leaves out those of which a newer version exists:
// ReplacedVersions knows those from the files that hold versions above 1, by their statistics.
// While withdrawals wait in the log, an id may begin anew with version 1 beside rows that are about
// to go: then the same question is asked in SQL, as an anti-join, of what is left.
#include <set>
#include <span>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/lake/feed_query_internal.h"
#include "datalake/lake/search.h"
#include "datalake/lake/sql.h"
#include "datalake/query/sql_text.h"
#include "datalake/table/file_bounds.h"
#include "datalake/table/snapshot.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kMaxRememberedFiles = 1 << 17;
constexpr std::string_view kHits = "rows_of_days";
constexpr std::string_view kVersions = "versions";

// The files of `days`, or all that `wanted` wants of them.
template <typename Wanted>
query::FileGroup FilesOf(const Moment& moment, const Wanted& wanted) {
  query::FileGroup group = SnapshotFiles(moment.table, *moment.view.snapshot, {});
  std::vector<query::DataFile> kept;
  const auto& files = moment.view.snapshot->files();
  for (std::size_t i = 0; i < files.size(); ++i) {  // SnapshotFiles keeps the order of the files
    if (wanted(*files[i])) {
      kept.push_back(std::move(group.files[i]));
    }
  }
  group.files = std::move(kept);
  return group;
}

void AddTail(const Moment& moment, query::Relation& relation) {
  relation.batches.push_back({.schema = moment.view.schema,
                              .open = moment.view.tail.open,
                              .constants = {{"provider", moment.table.provider},
                                            {"dataset", moment.table.dataset},
                                            {"task", moment.table.task}}});
}

// Adds `relation` to the view's inputs; returns what stands for it behind FROM. What the log has
// withdrawn is left out of the table's rows; the tail is without it already.
Result<std::string> AddInput(const Moment& moment, std::string_view name, query::Relation relation,
                             query::View& view) {
  if (moment.view.withdrawals.empty() || relation.files.empty()) {
    view.inputs.push_back({.name = std::string(name), .relation = std::move(relation)});
    return std::string(name);
  }
  DATALAKE_TRY_ASSIGN(const std::string is_left, NotWithdrawnSql(moment.view.withdrawals));
  query::Relation sealed;
  sealed.files = std::move(relation.files);
  view.inputs.push_back({.name = fmt::format("{}_sealed", name), .relation = std::move(sealed)});
  std::string from = fmt::format("SELECT * FROM {}_sealed WHERE {}", name, is_left);
  if (!relation.batches.empty()) {
    query::Relation unsealed;
    unsealed.batches = std::move(relation.batches);
    view.inputs.push_back(
        {.name = fmt::format("{}_unsealed", name), .relation = std::move(unsealed)});
    from += fmt::format(" UNION ALL BY NAME SELECT * FROM {}_unsealed", name);
  }
  return "(" + from + ")";
}

}  // namespace

std::string DayOf(const table::TableFile& file) {
  const auto value = file.partition_values.find("day");
  return value == file.partition_values.end() ? "" : value->second.value_or("");
}

std::string InDays(const DayRange& days) {
  return fmt::format(" AND hits.day >= {} AND hits.day <= {}", query::QuoteLiteral(days.from),
                     query::QuoteLiteral(days.to));
}

std::string TimeLiteral(std::int64_t received_us) {
  return fmt::format("CAST('{}' AS TIMESTAMP WITH TIME ZONE)",
                     FormatTimestamp(Timestamp(std::chrono::microseconds(received_us))));
}

bool FeedQueries::Impl::MayReplace(const table::TableSnapshot& snapshot,
                                   const table::TableFile& file) {
  {
    const MutexLock lock(mutex_);
    const auto known = may_replace_.find(file.path);
    if (known != may_replace_.end()) {
      return known->second;
    }
  }
  const std::vector<std::string> column = {"version"};
  const table::ColumnBounds bounds = table::FileBounds(snapshot, file).Of(column);
  const bool may = bounds.max == nullptr || !bounds.max->is_valid ||
                   bounds.max->type->id() != arrow::Type::INT64 ||
                   static_cast<const arrow::Int64Scalar&>(*bounds.max).value > 1;
  const MutexLock lock(mutex_);
  if (may_replace_.size() >= kMaxRememberedFiles) {
    may_replace_.clear();
  }
  may_replace_.emplace(file.path, may);
  return may;
}

query::Relation FeedQueries::Impl::RowsOf(const Moment& moment, const DayRange& days) const {
  query::Relation relation;
  if (moment.view.snapshot != nullptr) {
    relation.files.push_back(
        FilesOf(moment, [&days](const table::TableFile& file) { return days.Holds(DayOf(file)); }));
  }
  if (!days.sealed_only) {
    AddTail(moment, relation);
  }
  return relation;
}

query::Relation FeedQueries::Impl::VersionsOf(const Moment& moment, const std::string& from) {
  query::Relation relation;
  if (moment.view.snapshot != nullptr) {
    relation.files.push_back(FilesOf(moment, [&](const table::TableFile& file) {
      return DayOf(file) >= from && MayReplace(*moment.view.snapshot, file);
    }));
    if (relation.files.front().files.empty()) {
      relation.files.clear();
    }
  }
  if (moment.view.tail.rows > 0) {
    AddTail(moment, relation);
  }
  return relation;
}

Result<std::shared_ptr<const Moment>> FeedQueries::Impl::Now(std::string_view feed) {
  auto moment = std::make_shared<Moment>();
  moment->table = FeedTableName(feed);
  DATALAKE_TRY_ASSIGN(moment->view, OpenFeedView(lake_, feed));
  std::set<std::string> days;
  if (moment->view.snapshot != nullptr) {
    for (const table::TableFilePtr& file : moment->view.snapshot->files()) {
      days.insert(DayOf(*file));
    }
  }
  days.insert(moment->view.tail.days.begin(), moment->view.tail.days.end());
  moment->days.assign(days.begin(), days.end());
  DATALAKE_TRY(moment->view.withdrawals.empty() ? FindCurrent(*moment) : Status());
  return moment;
}

Status FeedQueries::Impl::FindCurrent(Moment& moment) {
  std::vector<table::TableFilePtr> files;
  if (moment.view.snapshot != nullptr) {
    for (const table::TableFilePtr& file : moment.view.snapshot->files()) {
      if (MayReplace(*moment.view.snapshot, *file)) {
        files.push_back(file);
      }
    }
  }
  const auto read = [&](std::span<const table::TableFilePtr> fresh)
      -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    std::set<std::string> paths;
    for (const table::TableFilePtr& file : fresh) {
      paths.insert(file->path);
    }
    query::Relation relation;
    relation.files.push_back(FilesOf(
        moment, [&paths](const table::TableFile& file) { return paths.contains(file.path); }));
    DATALAKE_TRY(MakePathsAbsolute(relation));
    query::View view;
    view.inputs.push_back({.name = std::string(kVersions), .relation = std::move(relation)});
    view.select = fmt::format("SELECT ingest_id, version FROM {} WHERE version > 1", kVersions);
    return engine_->Select(std::move(view), {});
  };
  DATALAKE_TRY_ASSIGN(moment.current, replaced_.At(files, moment.view.tail.replaced, read));
  return {};
}

Result<std::shared_ptr<arrow::RecordBatchReader>> FeedQueries::Impl::Select(
    const Moment& moment, const DayRange& days, const std::string& condition,
    const SelectOf& select, const query::RowFilter& filter, const query::QueryLimits& limits,
    std::stop_token stop) {
  query::View view;
  DATALAKE_TRY_ASSIGN(const std::string hits, AddInput(moment, kHits, RowsOf(moment, days), view));
  query::Relation versions = moment.current ? query::Relation() : VersionsOf(moment, days.from);
  std::string is_current = "true";
  if (!versions.files.empty() || !versions.batches.empty()) {
    DATALAKE_TRY_ASSIGN(const std::string newer,
                        AddInput(moment, kVersions, std::move(versions), view));
    is_current = fmt::format(
        "NOT EXISTS (SELECT 1 FROM {} AS newer WHERE newer.version > 1 AND newer.ingest_id = "
        "hits.ingest_id AND newer.version > hits.version)",
        newer);
  }
  for (query::NamedRelation& input : view.inputs) {
    DATALAKE_TRY(MakePathsAbsolute(input.relation));
  }
  view.select = select(fmt::format("(SELECT * FROM {} AS hits WHERE {} AND {}) AS hits", hits,
                                   condition, is_current));
  return engine_->Select(std::move(view), filter, limits, std::move(stop));
}

Status FeedQueries::Impl::FillBodies(const Moment& moment, const DayRange& days,
                                     std::vector<FeedRow>& rows, const query::QueryLimits& limits,
                                     std::stop_token stop) {
  if (rows.empty()) {
    return {};
  }
  std::vector<std::string> ids;
  std::unordered_map<std::string_view, FeedRow*> wanted;
  for (FeedRow& row : rows) {
    ids.push_back(query::QuoteLiteral(row.ingest_id));
    wanted.emplace(row.ingest_id, &row);
  }
  query::View view;
  DATALAKE_TRY_ASSIGN(const std::string hits, AddInput(moment, kHits, RowsOf(moment, days), view));
  for (query::NamedRelation& input : view.inputs) {
    DATALAKE_TRY(MakePathsAbsolute(input.relation));
  }
  view.select = fmt::format(
      "SELECT ingest_id, version, raw FROM {} WHERE received >= {} AND received <= {} AND "
      "ingest_id IN ({})",
      hits, TimeLiteral(rows.front().received.time_since_epoch().count()),
      TimeLiteral(rows.back().received.time_since_epoch().count()), fmt::join(ids, ", "));
  DATALAKE_TRY_ASSIGN(const auto reader,
                      engine_->Select(std::move(view), {}, limits, std::move(stop)));
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch,
                        format::FromArrow(reader->Next(), "cannot read records of a feed"));
    if (batch == nullptr) {
      return {};
    }
    const auto& id = static_cast<const arrow::StringArray&>(*batch->column(0));
    const auto& version = static_cast<const arrow::Int64Array&>(*batch->column(1));
    const auto& body = static_cast<const arrow::StringArray&>(*batch->column(2));
    for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
      const auto found = wanted.find(id.GetView(i));
      if (found != wanted.end() && found->second->version == version.Value(i)) {
        found->second->body = body.GetString(i);
      }
    }
  }
}

Result<std::vector<std::pair<std::string, std::string>>> FeedQueries::Impl::DaysOf(
    const Moment& moment, const std::vector<std::string>& ids, std::stop_token stop) {
  std::vector<std::pair<std::string, std::string>> found;
  if (ids.empty()) {
    return found;
  }
  std::vector<std::string> quoted;
  for (const std::string& id : ids) {
    DATALAKE_TRY(query::CheckSqlText("ingest_id", id));
    quoted.push_back(query::QuoteLiteral(id));
  }
  query::View view;
  view.inputs.push_back({.name = std::string(kHits), .relation = RowsOf(moment, {})});
  DATALAKE_TRY(MakePathsAbsolute(view.inputs.front().relation));
  view.select = fmt::format("SELECT DISTINCT ingest_id, day FROM {} WHERE ingest_id IN ({})", kHits,
                            fmt::join(quoted, ", "));
  DATALAKE_TRY_ASSIGN(const auto reader, engine_->Select(std::move(view), {}, {}, std::move(stop)));
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch,
                        format::FromArrow(reader->Next(), "cannot read days of a feed"));
    if (batch == nullptr) {
      std::sort(found.begin(), found.end());
      return found;
    }
    const auto& id = static_cast<const arrow::StringArray&>(*batch->column(0));
    const auto& day = static_cast<const arrow::StringArray&>(*batch->column(1));
    for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
      found.emplace_back(id.GetString(i), day.GetString(i));
    }
  }
}

}  // namespace datalake::lake
