#include "datalake/lake/queries.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/id.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/glob.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/sql.h"
#include "datalake/query/sql_text.h"
#include "datalake/table/snapshot.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

// What a search gives that no table matches.
Result<QueryAnswer> NoRows(const SearchRequest& request) {
  std::vector<std::string> names = request.filter.columns;
  if (names.empty()) {
    names = {"provider", "dataset", "task", "variant"};
  }
  arrow::FieldVector fields;
  for (const std::string& name : names) {
    fields.push_back(arrow::field(name, arrow::utf8()));
  }
  DATALAKE_TRY_ASSIGN(auto rows,
                      format::FromArrow(arrow::RecordBatchReader::Make({}, arrow::schema(fields)),
                                        "cannot make an empty result"));
  return QueryAnswer{.rows = std::move(rows), .sources = {}};
}

bool IsExact(const std::vector<std::string>& patterns) {
  return !patterns.empty() &&
         std::none_of(patterns.begin(), patterns.end(), [](const std::string& pattern) {
           return pattern.empty() || io::IsGlob(pattern);
         });
}

// The tables that a request names: looked up when all their names are given, else listed.
Result<std::vector<TableName>> FindTables(Lake& lake, const SearchRequest& request) {
  constexpr std::size_t kMaxLookups = 64;
  const std::size_t combinations =
      request.providers.size() * request.datasets.size() * request.tasks.size();
  if (!IsExact(request.providers) || !IsExact(request.datasets) || !IsExact(request.tasks) ||
      combinations > kMaxLookups) {
    DATALAKE_TRY_ASSIGN(std::vector<TableName> names, lake.ListTables());
    std::erase_if(names, [&](const TableName& name) { return !MatchesTable(request, name); });
    return names;
  }
  std::set<TableName> names;
  for (const std::string& provider : request.providers) {
    for (const std::string& dataset : request.datasets) {
      for (const std::string& task : request.tasks) {
        const TableName name{provider, dataset, task};
        if (!CheckTableName(name)) {
          continue;  // no table can have it
        }
        DATALAKE_TRY_ASSIGN(const bool exists,
                            table::Table::Exists(lake.context().fs, lake.layout().Table(name)));
        if (exists) {
          names.insert(name);
        }
      }
    }
  }
  return std::vector<TableName>(names.begin(), names.end());
}

// The version asked for of the one table, else the newest of all.
Result<std::vector<std::shared_ptr<const table::TableSnapshot>>> FindSnapshots(
    TableCache& tables, const std::vector<TableName>& names,
    const std::optional<std::int64_t>& version) {
  if (!version) {
    return tables.NewestOf(names);
  }
  if (names.size() != 1 || names.front().provider == kFeedProvider) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a version is of one table, and not of a feed; tables that the search "
                             "names: {}; give provider, dataset and task",
                             names.size())};
  }
  DATALAKE_TRY_ASSIGN(auto snapshot, tables.At(names.front(), *version));
  return std::vector{std::move(snapshot)};
}

void AppendRelation(query::Relation from, query::Relation& to) {
  std::move(from.files.begin(), from.files.end(), std::back_inserter(to.files));
  std::move(from.batches.begin(), from.batches.end(), std::back_inserter(to.batches));
}

// All rows of other tables, and the current records of feeds: a record's newest version first, then
// the days, since a version that another day superseded is no record of its old day. The unsealed
// records are not in files, so the days are filtered here. Casts: columns of other tables may have
// widened the feeds' to text.
std::string FeedSelect(const std::vector<std::string>& days) {
  std::string is_wanted;
  for (const std::string& day : days) {
    if (!day.empty()) {
      fmt::format_to(std::back_inserter(is_wanted),
                     "{}CAST(TRY_CAST(day AS DATE) AS VARCHAR) {} {}",
                     is_wanted.empty() ? "" : " OR ", io::IsGlob(day) ? "GLOB" : "=",
                     query::QuoteLiteral(day));
    }
  }
  return fmt::format(
      "SELECT * FROM \"rows\" WHERE provider <> '{0}' UNION ALL SELECT * FROM (SELECT * FROM "
      "\"rows\" WHERE provider = '{0}' QUALIFY row_number() OVER (PARTITION BY dataset, ingest_id "
      "ORDER BY TRY_CAST(version AS BIGINT) DESC) = 1) WHERE {1}",
      kFeedProvider, is_wanted.empty() ? "true" : is_wanted);
}

}  // namespace

Queries::Queries(Lake& lake, const QueryOptions& options)
    : lake_(lake), options_(options), tables_(lake) {}

Queries::~Queries() = default;

Result<std::unique_ptr<Queries>> Queries::Open(Lake& lake, const QueryOptions& options) {
  DATALAKE_TRY_ASSIGN(const std::string catalog, io::AbsolutePath(lake.layout().catalog()));
  DATALAKE_TRY_ASSIGN(const std::string index, io::AbsolutePath(lake.layout().index()));
  std::unique_ptr<Queries> queries(new Queries(lake, options));  // NOLINT: private constructor
  query::EngineOptions engine{.memory_limit_bytes = options.memory_limit_bytes,
                              .threads = options.threads,
                              .readable_folders = {catalog}};
  // index/ may be deleted at any time. Who may only read the lake queries it without spilling.
  if (lake.context().fs.MakeDirectories(index)) {
    engine.temp_folder = io::JoinPath(index, "query-" + MakeUuid(lake.context().random));
  }
  DATALAKE_TRY_ASSIGN(queries->engine_, query::QueryEngine::Open(engine));
  return queries;
}

Result<QueryAnswer> Queries::Search(const SearchRequest& request, const query::QueryLimits& limits,
                                    std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const std::vector<TableName> names, FindTables(lake_, request));
  DATALAKE_TRY_ASSIGN(const auto snapshots, FindSnapshots(tables_, names, request.version));
  QueryAnswer answer;
  query::Relation relation;
  std::string select;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].provider == kFeedProvider) {
      // Its files go with its unsealed records, read at the same moment.
      std::int64_t version = -1;
      DATALAKE_TRY_ASSIGN(query::View feed, CurrentFeedRecords(lake_, names[i].dataset, version));
      AppendRelation(std::move(feed.inputs.front().relation), relation);
      answer.sources.push_back({.table = names[i], .version = version});
      select = FeedSelect(request.variants);
      continue;
    }
    query::FileGroup group = SnapshotFiles(names[i], *snapshots[i], request.variants);
    if (!group.files.empty()) {
      relation.files.push_back(std::move(group));
      answer.sources.push_back({.table = names[i], .version = snapshots[i]->version()});
    }
  }
  if (relation.files.empty() && relation.batches.empty()) {
    return NoRows(request);
  }
  DATALAKE_TRY(MakePathsAbsolute(relation));
  query::View view = query::MakeView(std::move(relation));
  view.select = std::move(select);
  DATALAKE_TRY_ASSIGN(answer.rows,
                      engine_->Select(std::move(view), request.filter, limits, std::move(stop)));
  return answer;
}

Result<QueryAnswer> Queries::Sql(std::string_view sql, const query::QueryLimits& limits,
                                 std::stop_token stop, const SqlScope& scope) {
  LakeViews views(lake_, tables_, options_, scope);
  QueryAnswer answer;
  DATALAKE_TRY_ASSIGN(answer.rows, engine_->Sql(sql, views, limits, std::move(stop)));
  answer.sources = views.TakeSources();
  return answer;
}

Result<std::vector<PartitionInfo>> Queries::Partitions() {
  DATALAKE_TRY_ASSIGN(const CatalogState catalog, ReadCatalog(lake_, tables_));
  std::vector<PartitionInfo> partitions;
  for (std::size_t i = 0; i < catalog.names.size(); ++i) {
    for (PartitionInfo& partition : PartitionsOf(catalog.names[i], *catalog.snapshots[i])) {
      partitions.push_back(std::move(partition));
    }
  }
  return partitions;
}

}  // namespace datalake::lake
