// The current record of an id is its newest version. Instead of ranking all versions of all ids, a
// query takes the rows that pass its filter and leaves out those of which a newer version exists:
// ReplacedVersions knows those from the files that hold versions above 1, by their statistics.
// While withdrawals wait in the log, an id may begin anew with version 1 beside rows that are about
// to go: then the same question is asked in SQL, as an anti-join, of what is left.
#include "datalake/lake/feed_query.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/base/id.h"
#include "datalake/base/mutex.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_rows.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed_filter.h"
#include "datalake/lake/feed_view.h"
#include "datalake/lake/replaced_versions.h"
#include "datalake/lake/search.h"
#include "datalake/lake/sql.h"
#include "datalake/query/sql_text.h"
#include "datalake/table/file_bounds.h"
#include "datalake/table/snapshot.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kMoreRows = 64;           // asked for beyond what a page needs
constexpr std::size_t kMostValues = 1'000'000;  // that CountBy counts apart
constexpr std::size_t kDaysGrowth = 4;          // of the days that a page looks at in one query
constexpr std::uint64_t kMaxPageBytes = std::uint64_t{16} << 20;
constexpr std::size_t kMaxRememberedFiles = 1 << 17;
constexpr std::string_view kHits = "rows_of_days";
constexpr std::string_view kVersions = "versions";

// One moment of a feed; shared by the readers made from it.
struct Moment {
  TableName table;
  FeedView view;
  std::vector<std::string> days;                // sorted
  std::optional<CurrentVersions> current = {};  // nothing: withdrawals wait

  bool IsCurrent(std::string_view ingest_id, std::int64_t version) const {
    return !current || current->IsCurrent(ingest_id, version);
  }
};

// Rows behind their first columns, ingest_id, version and received, which are dropped; without
// those that are not current.
class CurrentRows final : public arrow::RecordBatchReader {
 public:
  CurrentRows(std::shared_ptr<arrow::RecordBatchReader> rows, std::shared_ptr<const Moment> moment)
      : rows_(std::move(rows)), moment_(std::move(moment)) {}

  std::shared_ptr<arrow::Schema> schema() const override {
    const arrow::FieldVector& all = rows_->schema()->fields();
    return arrow::schema(arrow::FieldVector(all.begin() + kKeyColumns, all.end()));
  }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    do {
      ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
      if (batch == nullptr) {
        break;
      }
      ARROW_ASSIGN_OR_RAISE(const auto mask, Mask(*batch));
      for (int i = 0; i < kKeyColumns; ++i) {
        ARROW_ASSIGN_OR_RAISE(batch, batch->RemoveColumn(0));
      }
      ARROW_ASSIGN_OR_RAISE(const arrow::Datum kept,
                            arrow::compute::Filter(arrow::Datum(batch), arrow::Datum(mask)));
      batch = kept.record_batch();
    } while (batch->num_rows() == 0);
    *out = std::move(batch);
    return arrow::Status::OK();
  }

 private:
  static constexpr int kKeyColumns = 3;

  arrow::Result<std::shared_ptr<arrow::Array>> Mask(const arrow::RecordBatch& batch) const {
    const auto& ids = static_cast<const arrow::StringArray&>(*batch.column(0));
    const auto& versions = static_cast<const arrow::Int64Array&>(*batch.column(1));
    arrow::BooleanBuilder stays;
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      ARROW_RETURN_NOT_OK(stays.Append(moment_->IsCurrent(ids.GetView(row), versions.Value(row))));
    }
    return stays.Finish();
  }

  std::shared_ptr<arrow::RecordBatchReader> rows_;
  std::shared_ptr<const Moment> moment_;
};

struct DayRange {
  std::string from;  // empty: open
  std::string to;

  bool Holds(std::string_view day) const {
    return (from.empty() || day >= from) && (to.empty() || day <= to);
  }
};

// A SELECT over a relation `hits`, given as it stands behind FROM.
using SelectOf = std::function<std::string(const std::string& hits)>;

std::string DayOf(const table::TableFile& file) {
  const auto value = file.partition_values.find("day");
  return value == file.partition_values.end() ? "" : value->second.value_or("");
}

std::string InDays(const DayRange& days) {
  return fmt::format(" AND hits.day >= {} AND hits.day <= {}", query::QuoteLiteral(days.from),
                     query::QuoteLiteral(days.to));
}

// A place in the order (received, ingest_id).
struct Place {
  std::int64_t received_us = 0;
  std::string ingest_id;
};

std::string FormatCursor(const FeedRow& row) {
  return fmt::format("{}.{}", row.received.time_since_epoch().count(), row.ingest_id);
}

Result<Place> ParseCursor(std::string_view text) {
  const Error bad{ErrorCode::kInvalidArgument,
                  "this cursor is none of ours; take `next_cursor` of the page before as it is"};
  const std::size_t dot = text.find('.');
  Place place;
  const auto parsed =
      std::from_chars(text.data(), text.data() + std::min(dot, text.size()), place.received_us);
  if (dot == std::string_view::npos || parsed.ec != std::errc() ||
      parsed.ptr != text.data() + dot || !CheckName("ingest_id", text.substr(dot + 1))) {
    return bad;
  }
  place.ingest_id = text.substr(dot + 1);
  return place;
}

std::string TimeLiteral(std::int64_t received_us) {
  return fmt::format("CAST('{}' AS TIMESTAMP WITH TIME ZONE)",
                     FormatTimestamp(Timestamp(std::chrono::microseconds(received_us))));
}

std::string Behind(const Place& place) {
  return fmt::format(" AND hits.received >= {0} AND (hits.received > {0} OR hits.ingest_id > {1})",
                     TimeLiteral(place.received_us), query::QuoteLiteral(place.ingest_id));
}

}  // namespace

class FeedQueries::Impl {
 public:
  Impl(Lake& lake, std::unique_ptr<query::QueryEngine> engine)
      : lake_(lake), engine_(std::move(engine)) {}

  Result<std::shared_ptr<const Moment>> Now(std::string_view feed);

  // Rows `hits` of the days that pass `condition`, as `select` wants them; those that are not
  // current too, unless moment.current is nothing.
  Result<std::shared_ptr<arrow::RecordBatchReader>> Select(
      const Moment& moment, const DayRange& days, const std::string& condition,
      const SelectOf& select, const query::RowFilter& filter, const query::QueryLimits& limits,
      std::stop_token stop);

  Result<std::vector<FeedRow>> FirstRows(const Moment& moment, const DayRange& days,
                                         const std::string& condition, std::size_t wanted,
                                         const query::QueryLimits& limits, std::stop_token stop);

  // The bodies of some rows, which all are of `days`. Rows without one are left out.
  Status FillBodies(const Moment& moment, const DayRange& days, std::vector<FeedRow>& rows,
                    const query::QueryLimits& limits, std::stop_token stop);

  Result<std::vector<std::pair<std::string, std::string>>> DaysOf(
      const Moment& moment, const std::vector<std::string>& ids, std::stop_token stop);

 private:
  query::Relation RowsOf(const Moment& moment, const DayRange& days) const;
  query::Relation VersionsOf(const Moment& moment, const std::string& from);
  Status FindCurrent(Moment& moment);
  bool MayReplace(const table::TableSnapshot& snapshot, const table::TableFile& file);

  Lake& lake_;
  const std::unique_ptr<query::QueryEngine> engine_;
  ReplacedVersions replaced_;
  Mutex mutex_;
  // Whether a data file holds versions above 1; files never change.
  std::unordered_map<std::string, bool> may_replace_ DATALAKE_GUARDED_BY(mutex_);
};

namespace {

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
  AddTail(moment, relation);
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

// The first `wanted` current rows, without their bodies. What is not current takes places among
// those that are asked for, so it asks for more and goes on behind the last one.
Result<std::vector<FeedRow>> FeedQueries::Impl::FirstRows(
    const Moment& moment, const DayRange& days, const std::string& condition, std::size_t wanted,
    const query::QueryLimits& limits, std::stop_token stop) {
  const SelectOf select = [](const std::string& hits) {
    return "SELECT ingest_id, version, received FROM " + hits;
  };
  std::string behind;
  std::vector<FeedRow> rows;
  for (std::size_t asked = wanted + wanted / 2 + kMoreRows; rows.size() < wanted; asked *= 2) {
    const query::RowFilter order{.order_by = {{.column = "received"}, {.column = "ingest_id"}},
                                 .limit = static_cast<std::int64_t>(asked)};
    DATALAKE_TRY_ASSIGN(const auto reader,
                        Select(moment, days, condition + behind, select, order, limits, stop));
    std::size_t seen = 0;
    Place last;
    while (true) {
      DATALAKE_TRY_ASSIGN(const auto batch,
                          format::FromArrow(reader->Next(), "cannot read records of a feed"));
      if (batch == nullptr) {
        break;
      }
      const auto& id = static_cast<const arrow::StringArray&>(*batch->column(0));
      const auto& version = static_cast<const arrow::Int64Array&>(*batch->column(1));
      const auto& received = static_cast<const arrow::TimestampArray&>(*batch->column(2));
      for (std::int64_t i = 0; i < batch->num_rows(); ++i, ++seen) {
        last = {.received_us = received.Value(i), .ingest_id = id.GetString(i)};
        if (rows.size() < wanted && moment.IsCurrent(id.GetView(i), version.Value(i))) {
          rows.push_back({.ingest_id = last.ingest_id,
                          .version = version.Value(i),
                          .received = Timestamp(std::chrono::microseconds(last.received_us)),
                          .body = {}});
        }
      }
    }
    if (seen < asked) {
      break;
    }
    behind = Behind(last);
  }
  return rows;
}

FeedQueries::FeedQueries(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FeedQueries::~FeedQueries() = default;

Result<std::unique_ptr<FeedQueries>> FeedQueries::Open(Lake& lake,
                                                       const FeedQueryOptions& options) {
  DATALAKE_TRY_ASSIGN(const std::string catalog, io::AbsolutePath(lake.layout().catalog()));
  DATALAKE_TRY_ASSIGN(const std::string index, io::AbsolutePath(lake.layout().index()));
  query::EngineOptions engine{.memory_limit_bytes = options.memory_limit_bytes,
                              .threads = options.threads,
                              .readable_folders = {catalog}};
  if (lake.context().fs.MakeDirectories(index)) {
    engine.temp_folder = io::JoinPath(index, "feeds-" + MakeUuid(lake.context().random));
  }
  DATALAKE_TRY_ASSIGN(auto opened, query::QueryEngine::Open(engine));
  return std::unique_ptr<FeedQueries>(  // NOLINT: private constructor
      new FeedQueries(std::make_unique<Impl>(lake, std::move(opened))));
}

Result<FeedPage> FeedQueries::Page(std::string_view feed, const FeedPageRequest& request,
                                   const query::QueryLimits& limits, std::stop_token stop) {
  if (request.limit < 1 || request.limit > FeedPageRequest::kMaxLimit) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("limit is 1 to {}: {}", FeedPageRequest::kMaxLimit, request.limit)};
  }
  DATALAKE_TRY_ASSIGN(const auto moment, impl_->Now(feed));
  DATALAKE_TRY_ASSIGN(std::string condition, FeedFilterSql(request.filter, *moment->view.schema));
  DayRange wanted{.from = request.filter.from, .to = request.filter.to};
  if (!request.cursor.empty()) {
    DATALAKE_TRY_ASSIGN(const Place place, ParseCursor(request.cursor));
    condition += Behind(place);
    wanted.from =
        std::max(wanted.from, FormatDay(Timestamp(std::chrono::microseconds(place.received_us))));
  }
  std::vector<std::string> days;
  std::copy_if(moment->days.begin(), moment->days.end(), std::back_inserter(days),
               [&wanted](const std::string& day) { return wanted.Holds(day); });
  FeedPage page;
  const auto limit = static_cast<std::size_t>(request.limit);
  std::size_t step = 1;
  for (std::size_t first = 0; first < days.size() && page.rows.size() <= limit;
       step *= kDaysGrowth) {
    const std::size_t end = std::min(days.size(), first + step);
    const DayRange range{.from = days[first], .to = days[end - 1]};
    DATALAKE_TRY_ASSIGN(std::vector<FeedRow> rows,
                        impl_->FirstRows(*moment, range, condition + InDays(range),
                                         limit + 1 - page.rows.size(), limits, stop));
    DATALAKE_TRY(impl_->FillBodies(*moment, range, rows, limits, stop));
    std::move(rows.begin(), rows.end(), std::back_inserter(page.rows));
    first = end;
  }
  std::size_t kept = 0;
  for (std::uint64_t bytes = 0; kept < std::min(limit, page.rows.size()); ++kept) {
    bytes += page.rows[kept].body.size();
    if (kept > 0 && bytes > kMaxPageBytes) {
      break;
    }
  }
  if (kept < page.rows.size()) {
    page.rows.resize(kept);
    page.next = FormatCursor(page.rows.back());
  }
  return page;
}

Result<std::int64_t> FeedQueries::Count(std::string_view feed, const FeedFilter& filter,
                                        const query::QueryLimits& limits, std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const auto moment, impl_->Now(feed));
  DATALAKE_TRY_ASSIGN(const std::string condition, FeedFilterSql(filter, *moment->view.schema));
  const SelectOf select = [](const std::string& hits) {
    return "SELECT ingest_id, version FROM " + hits;
  };
  DATALAKE_TRY_ASSIGN(const auto reader,
                      impl_->Select(*moment, {.from = filter.from, .to = filter.to}, condition,
                                    select, {}, limits, std::move(stop)));
  std::int64_t records = 0;
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch,
                        format::FromArrow(reader->Next(), "cannot count records of a feed"));
    if (batch == nullptr) {
      return records;
    }
    const auto& id = static_cast<const arrow::StringArray&>(*batch->column(0));
    const auto& version = static_cast<const arrow::Int64Array&>(*batch->column(1));
    for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
      records += moment->IsCurrent(id.GetView(i), version.Value(i)) ? 1 : 0;
    }
  }
}

Result<std::vector<FeedGroup>> FeedQueries::CountBy(std::string_view feed, const FeedFilter& filter,
                                                    FeedGrouping by,
                                                    const query::QueryLimits& limits,
                                                    std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const auto moment, impl_->Now(feed));
  DATALAKE_TRY_ASSIGN(const std::string condition, FeedFilterSql(filter, *moment->view.schema));
  DATALAKE_TRY_ASSIGN(const std::string key, FeedGroupingSql(by, *moment->view.schema));
  const SelectOf select = [&key](const std::string& hits) {
    return fmt::format("SELECT ingest_id, version, {} AS key FROM {}", key, hits);
  };
  DATALAKE_TRY_ASSIGN(const auto reader,
                      impl_->Select(*moment, {.from = filter.from, .to = filter.to}, condition,
                                    select, {}, limits, std::move(stop)));
  std::map<std::optional<std::string>, std::int64_t> counts;
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch,
                        format::FromArrow(reader->Next(), "cannot count records of a feed"));
    if (batch == nullptr) {
      break;
    }
    const auto& id = static_cast<const arrow::StringArray&>(*batch->column(0));
    const auto& version = static_cast<const arrow::Int64Array&>(*batch->column(1));
    const auto& value = static_cast<const arrow::StringArray&>(*batch->column(2));
    for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
      if (moment->IsCurrent(id.GetView(i), version.Value(i))) {
        ++counts[value.IsNull(i) ? std::nullopt : std::optional(value.GetString(i))];
      }
    }
    if (counts.size() > kMostValues) {
      return Error{ErrorCode::kResourceExhausted,
                   "too many different values to count by; ask for fewer days"};
    }
  }
  std::vector<FeedGroup> groups;
  for (const auto& [value, records] : counts) {
    groups.push_back({.value = value, .records = records});
  }
  if (by != FeedGrouping::kDay) {
    std::stable_sort(groups.begin(), groups.end(),
                     [](const FeedGroup& a, const FeedGroup& b) { return a.records > b.records; });
  }
  groups.resize(std::min<std::size_t>(groups.size(), kMaxGroups));
  return groups;
}

Result<std::vector<std::pair<std::string, std::string>>> FeedQueries::DaysOf(
    std::string_view feed, const std::vector<std::string>& ids, std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const auto moment, impl_->Now(feed));
  return impl_->DaysOf(*moment, ids, std::move(stop));
}

Result<FeedRows> FeedQueries::Rows(std::string_view feed, const FeedFilter& filter,
                                   const std::vector<std::string>& columns, std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const auto moment, impl_->Now(feed));
  DATALAKE_TRY_ASSIGN(const std::string condition, FeedFilterSql(filter, *moment->view.schema));
  std::vector<std::string> names = columns;
  if (names.empty()) {
    names = moment->view.schema->field_names();
  }
  arrow::FieldVector fields;
  for (const std::string& name : names) {
    const auto field = moment->view.schema->GetFieldByName(name);
    if (field == nullptr) {
      return UnknownNameError("column of the feed", name, moment->view.schema->field_names());
    }
    fields.push_back(field);
  }
  const DayRange wanted{.from = filter.from, .to = filter.to};
  std::vector<std::string> days;
  std::copy_if(moment->days.begin(), moment->days.end(), std::back_inserter(days),
               [&wanted](const std::string& day) { return wanted.Holds(day); });
  std::string wanted_columns =
      "ingest_id AS key_id, version AS key_version, received AS key_received";
  for (const std::string& name : names) {
    wanted_columns += ", " + query::QuoteIdentifier(name);
  }
  const SelectOf select = [wanted_columns](const std::string& hits) {
    return fmt::format("SELECT {} FROM {}", wanted_columns, hits);
  };
  const query::RowFilter order{.order_by = {{.column = "key_received"}, {.column = "key_id"}}};
  const auto open = [impl = impl_.get(), moment, condition, days, select, order,
                     stop](std::size_t i) -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    const DayRange day{.from = days[i], .to = days[i]};
    DATALAKE_TRY_ASSIGN(
        auto rows, impl->Select(*moment, day, condition + InDays(day), select, order, {}, stop));
    return std::make_shared<CurrentRows>(std::move(rows), moment);
  };
  return FeedRows{
      .rows = format::ConcatRows(arrow::schema(fields), days.size(), open),
      .table_version = moment->view.snapshot == nullptr ? -1 : moment->view.snapshot->version()};
}

std::string WithLakeMember(const FeedRow& row) {
  std::string out = row.body.substr(0, row.body.rfind('}'));
  std::string member;
  json::Writer writer(member);
  writer.BeginObject();
  writer.Key("ingest_id");
  writer.String(row.ingest_id);
  writer.Key("day");
  writer.String(FormatDay(row.received));
  writer.Key("received");
  writer.String(FormatTimestamp(row.received));
  writer.Key("version");
  writer.Int(row.version);
  writer.EndObject();
  return out + ",\"_lake\":" + member + "}";
}

}  // namespace datalake::lake
