#include "datalake/lake/takedown.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/blocklist.h"
#include "datalake/assets/collector.h"
#include "datalake/base/hash.h"
#include "datalake/base/id.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/json/writer.h"
#include "datalake/lake/asset_mentions.h"
#include "datalake/lake/asset_roots.h"
#include "datalake/lake/lake_log.h"
#include "datalake/lake/takedown_internal.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kLogKind = "takedown";
constexpr int kWaits = 300;
constexpr std::chrono::milliseconds kPause{100};

class Takedown {
 public:
  Takedown(Lake& lake, const TakedownRequest& request, ProgressSink& progress, std::stop_token stop)
      : lake_(lake),
        request_(request),
        progress_(progress),
        run_{.lake = lake,
             .request = request,
             .id = MakeSortableUuid(lake.context().clock, lake.context().random),
             .time = FormatTimestamp(lake.context().clock.Now()),
             .rule = {},
             .stop = std::move(stop)},
        collector_(lake.context().fs, lake.context().clock, lake.context().random,
                   lake.layout().assets()) {}

  Result<TakedownReport> Run() {
    report_.id = run_.id;
    report_.dry_run = request_.dry_run;
    DATALAKE_TRY(request_.dry_run ? Status() : HealAmendedCollections(lake_));
    DATALAKE_TRY(MakeRule());
    if (!request_.dry_run && !report_.blocked.empty()) {
      DATALAKE_TRY(lake_.assets().blocklist().Add(report_.blocked));
      DATALAKE_TRY(WaitForWriters());
    }
    DATALAKE_TRY(request_.collections_only ? Status() : FromTables());
    DATALAKE_TRY(FromCollections());
    if (!report_.blocked.empty()) {
      DATALAKE_TRY_ASSIGN(report_.staged, FindStagedCopies(run_));
    }
    if (!request_.dry_run) {
      DATALAKE_TRY(RemoveAssets());
      LakeLog log(lake_.context());
      DATALAKE_TRY_ASSIGN(const std::int64_t number,
                          log.Append(kLogKind, request_.user, LogBody()));
      static_cast<void>(number);
    }
    return std::move(report_);
  }

 private:
  Status MakeRule() {
    std::vector<std::string> assets = request_.assets;
    if (request_.table) {
      run_.rule.key = RowKey{.table = *request_.table,
                             .column = request_.column,
                             .value = request_.value,
                             .values = request_.values};
      if (!request_.collections_only) {
        DATALAKE_TRY_ASSIGN(assets, AssetsOfRows());
      }
    }
    std::sort(assets.begin(), assets.end());
    assets.erase(std::unique(assets.begin(), assets.end()), assets.end());
    for (const std::string& sha256 : assets) {
      const auto info = lake_.assets().Stat(sha256);
      if (!info && info.error().code != ErrorCode::kNotFound) {
        return info.error();
      }
      run_.rule.assets.emplace(sha256, info ? info->size_bytes : 0);
    }
    report_.blocked = std::move(assets);
    return {};
  }

  // The assets of the rows with the key that no row that stays links: another one of their table,
  // or one of another dataset. Rows of the dataset's other tasks are derived from them, and go too.
  Result<std::vector<std::string>> AssetsOfRows() {
    DATALAKE_TRY_ASSIGN(const auto table, lake_.OpenTable(*request_.table));
    DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
    const auto& partitions = snapshot->partition_columns();
    if (snapshot->schema()->GetFieldByName(request_.column) == nullptr) {
      return UnknownNameError("column", request_.column, snapshot->schema()->field_names());
    }
    if (std::find(partitions.begin(), partitions.end(), request_.column) != partitions.end()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("rows are taken down by a column of their own, not by a partition: "
                               "{}",
                               request_.column)};
    }
    TakedownRun look{.lake = lake_,
                     .request = DryRun(),
                     .id = run_.id,
                     .time = run_.time,
                     .rule = run_.rule,
                     .stop = run_.stop};
    DATALAKE_TRY_ASSIGN(const TakedownPlace place, TakeDownFromTable(look, *request_.table));
    static_cast<void>(place);
    std::set<std::string> own = std::move(look.linked);
    DATALAKE_TRY_ASSIGN(const auto names, lake_.ListTables());
    for (const TableName& name : names) {
      const bool is_derived = name.provider == request_.table->provider &&
                              name.dataset == request_.table->dataset && name != *request_.table;
      if (!is_derived && !own.empty()) {
        DATALAKE_TRY(FindShared(name, own));
      }
    }
    return std::vector<std::string>(own.begin(), own.end());
  }

  const TakedownRequest& DryRun() {
    dry_ = request_;
    dry_.dry_run = true;
    return dry_;
  }

  // Moves from `own` to the shared ones what rows that stay link in the newest version.
  Status FindShared(const TableName& name, std::set<std::string>& own) {
    DATALAKE_TRY_ASSIGN(const auto table, lake_.OpenTable(name));
    DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
    std::vector<std::string> columns = MentionColumns(*snapshot->schema(), MentionScope::kLinks);
    if (columns.empty()) {
      return {};
    }
    const KeyUse use = name == *request_.table ? KeyUse::kAlways : KeyUse::kNone;
    if (use == KeyUse::kAlways &&
        std::find(columns.begin(), columns.end(), request_.column) == columns.end()) {
      columns.push_back(request_.column);
    }
    DATALAKE_TRY_ASSIGN(const auto rows, table::ReadTable(lake_.context().fs, snapshot, columns));
    while (true) {
      DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows->Next(), ToString(name)));
      if (batch == nullptr) {
        return {};
      }
      DATALAKE_TRY_ASSIGN(const std::vector<bool> gone, MatchRows(run_.rule, *batch, use));
      ForEachMention(*batch, MentionScope::kLinks, [&](const AssetMention& mention) {
        if (!gone[static_cast<std::size_t>(mention.row)] &&
            own.erase(std::string(mention.sha256)) > 0) {
          report_.shared_assets.emplace_back(mention.sha256);
        }
      });
    }
  }

  // Uploads that put one of the assets before it was blocked: their rows are to be seen.
  Status WaitForWriters() {
    DATALAKE_TRY_ASSIGN(const auto before, collector_.LiveLeases());
    for (int i = 0; i < kWaits; ++i) {
      DATALAKE_TRY_ASSIGN(const auto live, collector_.LiveLeases());
      const bool is_any = std::any_of(before.begin(), before.end(), [&live](const auto& lease) {
        return std::find(live.begin(), live.end(), lease) != live.end();
      });
      if (!is_any) {
        return {};
      }
      if (run_.stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "takedown was stopped; the same request finishes it"};
      }
      std::this_thread::sleep_for(kPause);
    }
    report_.message =
        "uploads that began before are still at work and may link what is blocked now: ask again "
        "when they are done";
    return {};
  }

  Status FromTables() {
    DATALAKE_TRY_ASSIGN(const auto names, lake_.ListTables());
    std::uint64_t done = 0;
    for (const TableName& name : names) {
      auto place = TakeDownFromTable(run_, name);
      if (!place && place.error().code == ErrorCode::kUnavailable) {
        report_.message = place.error().message;
        continue;
      }
      if (!place) {
        return std::move(place).error();
      }
      if (place->rows > 0) {
        report_.places.push_back(*std::move(place));
      }
      progress_.Report(
          {.phase = "tables", .items_done = ++done, .items_total = names.size(), .unit = "tables"});
    }
    return {};
  }

  Status FromCollections() {
    DATALAKE_TRY_ASSIGN(const auto collections, Collections(lake_).List());
    for (const CollectionVersions& collection : collections) {
      for (const std::string& problem : collection.problems) {
        report_.message =
            "a version of a collection cannot be read, and may hold such rows: "
            "delete it, or mend it and ask again: " +
            problem;
      }
      for (const CollectionInfo& info : collection.versions) {
        DATALAKE_TRY_ASSIGN(TakedownPlace place, TakeDownFromCollection(run_, info));
        if (place.rows > 0) {
          report_.places.push_back(std::move(place));
        }
      }
    }
    return {};
  }

  Status RemoveAssets() {
    for (const auto& [sha256, size] : run_.rule.assets) {
      DATALAKE_TRY(lake_.assets().Remove(sha256));
      report_.removed_assets.push_back(sha256);
      report_.removed_bytes += size;
      run_.linked.erase(sha256);
    }
    for (const std::string& shared : report_.shared_assets) {
      run_.linked.erase(shared);
    }
    return run_.linked.empty() ? Status() : RemoveDerived();
  }

  // What only the removed rows linked, such as thumbnails: by the two phases of gc without a grace
  // period, so that no writer at work loses one.
  Status RemoveDerived() {
    DATALAKE_TRY_ASSIGN(const auto state, collector_.State());
    if (state) {
      return {};  // gc is at it, and finds these too
    }
    std::vector<assets::StoredAsset> candidates;
    std::map<std::string, std::uint64_t> sizes;
    DATALAKE_TRY_ASSIGN(const auto marked, MarkReferenced(lake_, {}, progress_, run_.stop));
    for (const std::string& sha256 : run_.linked) {
      const auto info = lake_.assets().Stat(sha256);
      const auto digest = assets::ParseShortDigest(sha256);
      if (info && digest && !marked.Contains(*digest)) {
        candidates.push_back({.sha256 = sha256, .extension = info->extension});
        sizes.emplace(sha256, info->size_bytes);
      }
    }
    if (candidates.empty()) {
      return {};
    }
    const Status condemned = collector_.Condemn(candidates);
    if (!condemned) {
      return condemned.error().code == ErrorCode::kAlreadyExists ? Status() : condemned;
    }
    if (!collector_.CheckReady(std::chrono::seconds{0})) {
      return {};  // writers at work: a later gc removes them
    }
    DATALAKE_TRY_ASSIGN(const auto again, MarkReferenced(lake_, {}, progress_, run_.stop));
    DATALAKE_TRY_ASSIGN(const auto swept, collector_.Sweep({}, [&again](std::string_view sha256) {
      return again.Contains(*assets::ParseShortDigest(sha256));
    }));
    static_cast<void>(swept);
    DATALAKE_TRY(collector_.Finish());
    for (const auto& [sha256, size] : sizes) {
      DATALAKE_TRY_ASSIGN(const bool is_spared, lake_.assets().Contains(sha256));
      if (!is_spared) {
        DATALAKE_TRY(assets::RemoveFromTrash(lake_.context().fs, lake_.layout().assets(), sha256));
        report_.removed_assets.push_back(sha256);
        report_.removed_bytes += size;
      }
    }
    return {};
  }

  // No content: of a row's value only its hash.
  std::string LogBody() const {
    std::string text;
    json::Writer writer(text);
    writer.BeginObject();
    writer.Key("reason");
    writer.String(request_.reason);
    if (request_.table) {
      writer.Key("table");
      writer.String(ToString(*request_.table));
      writer.Key("column");
      writer.String(request_.column);
      if (request_.values.empty()) {
        writer.Key("value_sha256");
        writer.String(Sha256Hex(request_.value));
      } else {
        writer.Key("values");
        writer.Uint(request_.values.size());
      }
    }
    writer.Key("report");
    writer.Raw(TakedownReportJson(report_));
    writer.EndObject();
    return text;
  }

  Lake& lake_;
  const TakedownRequest& request_;
  ProgressSink& progress_;
  TakedownRun run_;
  TakedownRequest dry_;
  assets::AssetCollector collector_;
  TakedownReport report_;
};

void WriteList(json::Writer& writer, std::string_view key, const std::vector<std::string>& list) {
  writer.Key(key);
  writer.BeginArray();
  for (const std::string& item : list) {
    writer.String(item);
  }
  writer.EndArray();
}

}  // namespace

Status TakedownRequest::Validate() const {
  if (assets.empty() != table.has_value()) {
    return Error{ErrorCode::kInvalidArgument,
                 "take down assets, or rows of one table: one of both"};
  }
  for (const std::string& sha256 : assets) {
    if (!IsSha256Hex(sha256)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("not a SHA-256 (64 lower-case hexadecimal digits): {}", sha256)};
    }
  }
  if (table) {
    DATALAKE_TRY(CheckTableName(*table));
    if (column.empty()) {
      return Error{ErrorCode::kInvalidArgument, "which rows was not said: column is missing"};
    }
  }
  return {};
}

Result<TakedownReport> TakeDown(Lake& lake, const TakedownRequest& request, ProgressSink& progress,
                                std::stop_token stop) {
  DATALAKE_TRY(request.Validate());
  DATALAKE_TRY(lake.CheckWritable());
  return Takedown(lake, request, progress, std::move(stop)).Run();
}

std::string TakedownReportJson(const TakedownReport& report) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  writer.Key("id");
  writer.String(report.id);
  writer.Key("dry_run");
  writer.Bool(report.dry_run);
  writer.Key("places");
  writer.BeginArray();
  for (const TakedownPlace& place : report.places) {
    writer.BeginObject();
    writer.Key("where");
    writer.String(place.where);
    writer.Key("rows");
    writer.Uint(place.rows);
    writer.Key("current_rows");
    writer.Uint(place.current_rows);
    writer.Key("files");
    writer.Uint(place.files);
    writer.Key("version");
    writer.Int(place.version);
    writer.EndObject();
  }
  writer.EndArray();
  WriteList(writer, "blocked", report.blocked);
  WriteList(writer, "removed_assets", report.removed_assets);
  writer.Key("removed_bytes");
  writer.Uint(report.removed_bytes);
  WriteList(writer, "shared_assets", report.shared_assets);
  WriteList(writer, "staged", report.staged);
  writer.Key("message");
  writer.String(report.message);
  writer.EndObject();
  return text;
}

}  // namespace datalake::lake
