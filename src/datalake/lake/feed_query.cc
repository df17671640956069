// Pages and counts of a feed's records.
#include "datalake/lake/feed_query.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/id.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed_filter.h"
#include "datalake/lake/feed_query_internal.h"
#include "datalake/query/sql_text.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kMoreRows = 64;           // asked for beyond what a page needs
constexpr std::size_t kMostValues = 1'000'000;  // that CountBy counts apart
constexpr std::size_t kDaysGrowth = 4;          // of the days that a page looks at in one query
constexpr std::uint64_t kMaxPageBytes = std::uint64_t{16} << 20;

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

std::string Behind(const Place& place) {
  return fmt::format(" AND hits.received >= {0} AND (hits.received > {0} OR hits.ingest_id > {1})",
                     TimeLiteral(place.received_us), query::QuoteLiteral(place.ingest_id));
}

}  // namespace

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
