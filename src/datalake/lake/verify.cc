#include "datalake/lake/verify.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/blocklist.h"
#include "datalake/assets/digest_set.h"
#include "datalake/base/hash.h"
#include "datalake/base/mutex.h"
#include "datalake/base/thread_pool.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/path.h"
#include "datalake/lake/asset_mentions.h"
#include "datalake/lake/collection_check.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/gc.h"
#include "datalake/lake/kdl_catalog.h"
#include "datalake/lake/lake_log.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

// Which rows are looked at: one, chosen by the seed, of each run of 1/part rows.
class RowSample {
 public:
  RowSample(double part, std::uint64_t seed) : part_(part), seed_(seed) {}

  bool Takes(std::int64_t row) const {
    if (part_ >= 1) {
      return true;
    }
    const auto run = static_cast<std::int64_t>(std::floor(static_cast<double>(row) * part_));
    const std::int64_t first = FirstOf(run);
    const std::int64_t size = FirstOf(run + 1) - first;
    char key[16];
    std::memcpy(key, &seed_, 8);
    std::memcpy(key + 8, &run, 8);
    const std::uint64_t chosen = Xxh3Hash64({key, sizeof(key)}) % static_cast<std::uint64_t>(size);
    return row - first == static_cast<std::int64_t>(chosen);
  }

 private:
  std::int64_t FirstOf(std::int64_t run) const {
    auto first = static_cast<std::int64_t>(std::ceil(static_cast<double>(run) / part_));
    // Rounding may be off by one either way: the first row that floor() puts into the run.
    while (first > 0 &&
           std::floor(static_cast<double>(first - 1) * part_) >= static_cast<double>(run)) {
      --first;
    }
    while (std::floor(static_cast<double>(first) * part_) < static_cast<double>(run)) {
      ++first;
    }
    return first;
  }

  double part_;
  std::uint64_t seed_;
};

// Rows that are read by one worker, in order.
struct Unit {
  std::string where;
  std::int64_t first_row = 0;
  std::shared_ptr<const table::TableSnapshot> snapshot;  // and a file of it, or
  table::TableFilePtr file;
  std::optional<CollectionInfo> collection = {};
};

class Verifier {
 public:
  Verifier(Lake& lake, const VerifyOptions& options, ProgressSink& progress, std::stop_token stop)
      : lake_(lake),
        options_(options),
        progress_(progress),
        stop_(std::move(stop)),
        sample_(options.sample, options.seed) {}

  Result<VerifyReport> Run() {
    report_.deep = options_.deep;
    DATALAKE_TRY(AddTables());
    if (lake_.kdl() != nullptr) {
      const MutexLock lock(mutex_);
      report_.problems = lake_.kdl()->Problems();
    }
    if (options_.with_collections && IsEverything()) {
      DATALAKE_TRY(AddCollections());
    }
    if (options_.deep && IsEverything() && lake_.kdl() == nullptr) {
      CheckRecords();
    }
    ThreadPool pool(options_.threads == 0 ? AvailableCores() : options_.threads);
    DATALAKE_TRY(Scan(pool, false));
    if (HasBad()) {
      DATALAKE_TRY(Scan(pool, true));  // which rows link the assets found bad
    }
    DATALAKE_TRY(AddOrphans());
    const MutexLock lock(mutex_);
    Sort();
    return std::move(report_);
  }

 private:
  bool IsEverything() const {
    const SearchRequest& scope = options_.scope;
    return scope.providers.empty() && scope.datasets.empty() && scope.tasks.empty() &&
           scope.variants.empty();
  }

  bool HasBad() {
    const MutexLock lock(mutex_);
    return !bad_.empty();
  }

  Status AddTables() {
    DATALAKE_TRY_ASSIGN(const auto names, lake_.ListTables());
    for (const TableName& name : names) {
      if (!MatchesTable(options_.scope, name)) {
        continue;
      }
      const auto snapshot = OpenSnapshot(name);
      if (!snapshot) {
        AddProblem(snapshot.error().message);
        continue;
      }
      const std::string variant_column = VariantColumn(**snapshot);
      std::map<std::string, std::int64_t> rows_of;
      for (const table::TableFilePtr& file : (*snapshot)->files()) {
        const auto value = file->partition_values.find(variant_column);
        const std::string variant =
            value == file->partition_values.end() ? "" : value->second.value_or("");
        if (!MatchesLevel(options_.scope.variants, variant)) {
          continue;
        }
        std::int64_t& first_row = rows_of[variant];
        units_.push_back({.where = ToString(name) + (variant.empty() ? "" : "/" + variant),
                          .first_row = first_row,
                          .snapshot = *snapshot,
                          .file = file});
        first_row += std::max<std::int64_t>(file->num_rows, 0);
      }
    }
    return {};
  }

  Result<std::shared_ptr<const table::TableSnapshot>> OpenSnapshot(const TableName& name) {
    DATALAKE_TRY_ASSIGN(const auto table, lake_.OpenTable(name));
    return table->Snapshot();
  }

  // What else must not change: the log of the lake, and the list of what is blocked.
  void CheckRecords() {
    if (const auto records = LakeLog(lake_.context()).Read(); !records) {
      AddProblem(records.error().message);
    }
    if (const auto blocked = lake_.assets().blocklist().Load(); !blocked) {
      AddProblem(blocked.error().message);
    }
  }

  Status AddCollections() {
    DATALAKE_TRY_ASSIGN(const auto collections, Collections(lake_).List());
    for (const CollectionVersions& collection : collections) {
      for (const std::string& problem : collection.problems) {
        AddProblem(problem);
      }
      for (const CollectionInfo& info : collection.versions) {
        units_.push_back({.where = fmt::format("collections/{}/{}", info.name, info.version),
                          .first_row = 0,
                          .snapshot = nullptr,
                          .file = nullptr,
                          .collection = info});
      }
    }
    return {};
  }

  Result<std::shared_ptr<arrow::RecordBatchReader>> OpenRows(const Unit& unit) {
    if (unit.snapshot == nullptr) {
      if (options_.deep) {
        DATALAKE_TRY(CheckCollectionContent(lake_.context().fs, *unit.collection));
        if (const Status same = CheckSideFiles(lake_.context().fs, *unit.collection); !same) {
          AddProblem(same.error().message);
        }
      }
      return Collections(lake_).Open(unit.collection->name, unit.collection->version);
    }
    std::vector<std::string> columns =
        MentionColumns(*unit.snapshot->schema(), MentionScope::kLinks);
    if (columns.empty()) {
      return nullptr;
    }
    const table::TableFilePtr files[] = {unit.file};
    return table::ReadTableFiles(lake_.context().fs, unit.snapshot, files, columns);
  }

  // `again`: the second scan, which only lists the links to assets found bad in the first.
  Status Scan(ThreadPool& pool, bool again) {
    std::atomic<std::uint64_t> done = 0;
    return ParallelFor(pool, units_.size(), stop_, [&](std::size_t i) -> Status {
      Status scanned = ScanUnit(units_[i], again);
      progress_.Report({.phase = again ? "list" : "verify",
                        .items_done = ++done,
                        .items_total = units_.size(),
                        .unit = "files",
                        .bytes_done = bytes_.load()});
      if (!scanned && scanned.error().code != ErrorCode::kCancelled) {
        if (!again) {
          AddProblem(fmt::format("{}: {}", units_[i].where, scanned.error().message));
        }
        scanned = {};
      }
      return scanned;
    });
  }

  Status ScanUnit(const Unit& unit, bool again) {
    DATALAKE_TRY_ASSIGN(const auto rows, OpenRows(unit));
    if (rows == nullptr) {  // no links
      CountRows(static_cast<std::uint64_t>(std::max<std::int64_t>(unit.file->num_rows, 0)), 0);
      return {};
    }
    std::int64_t row = unit.first_row;
    while (true) {
      if (stop_.stop_requested()) {
        return Error{ErrorCode::kCancelled, "verification was stopped"};
      }
      DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows->Next(), unit.where));
      if (batch == nullptr) {
        return {};
      }
      DATALAKE_TRY(again ? ListBad(unit, *batch, row) : CheckBatch(unit, *batch, row));
      row += batch->num_rows();
    }
  }

  Status CheckBatch(const Unit& unit, const arrow::RecordBatch& batch, std::int64_t first_row) {
    std::uint64_t taken = 0;
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      taken += sample_.Takes(first_row + i) ? 1 : 0;
    }
    CountRows(static_cast<std::uint64_t>(batch.num_rows()), taken);
    Status checked;
    std::uint64_t items = 0;
    std::uint64_t all_items = 0;
    ForEachMention(batch, MentionScope::kLinks, [&](const AssetMention& mention) {
      ++all_items;
      if (checked && sample_.Takes(first_row + mention.row)) {
        ++items;
        checked = CheckItem(unit, mention, first_row);
      }
    });
    const MutexLock lock(mutex_);
    report_.total_items += all_items;
    report_.checked_items += items;
    return checked;
  }

  Status CheckItem(const Unit& unit, const AssetMention& mention, std::int64_t first_row) {
    if (options_.deep) {
      return CheckBytes(mention.sha256);
    }
    DATALAKE_TRY_ASSIGN(bool is_there, lake_.assets().Contains(mention.sha256));
    if (is_there && lake_.kdl() != nullptr && !mention.path.empty()) {
      // The KDL program looks nowhere but at the path.
      DATALAKE_TRY_ASSIGN(
          is_there, lake_.context().fs.Exists(io::JoinPath(lake_.layout().assets(), mention.path)));
    }
    if (!is_there) {
      AddDangling(unit, mention, first_row, "missing");
    }
    return {};
  }

  // Whoever comes first reads the asset; who links a bad one is found by the second scan.
  Status CheckBytes(std::string_view sha256) {
    {
      const MutexLock lock(mutex_);
      if (!seen_.Insert(*assets::ParseShortDigest(sha256))) {
        return {};
      }
      ++report_.checked_assets;
    }
    const Status verified = lake_.assets().Verify(sha256);
    if (verified) {
      const auto path = lake_.assets().FindPath(sha256);
      const auto facts = path ? lake_.context().fs.Stat(lake_.assets().root() + "/" + *path)
                              : Result<io::FileInfo>(path.error());
      const std::uint64_t size = facts ? facts->size_bytes : 0;
      bytes_ += size;
      const MutexLock lock(mutex_);
      report_.checked_bytes += size;
      return {};
    }
    const MutexLock lock(mutex_);
    bad_.emplace(sha256, verified.error().code == ErrorCode::kNotFound ? "missing" : "mismatched");
    return {};
  }

  Status ListBad(const Unit& unit, const arrow::RecordBatch& batch, std::int64_t first_row) {
    ForEachMention(batch, MentionScope::kLinks, [&](const AssetMention& mention) {
      if (!sample_.Takes(first_row + mention.row)) {
        return;
      }
      std::string_view problem;
      {
        const MutexLock lock(mutex_);
        const auto found = bad_.find(mention.sha256);
        if (found == bad_.end()) {
          return;
        }
        problem = found->second;
      }
      AddDangling(unit, mention, first_row, problem);
    });
    return {};
  }

  void AddDangling(const Unit& unit, const AssetMention& mention, std::int64_t first_row,
                   std::string_view problem) {
    const MutexLock lock(mutex_);
    (problem == "missing" ? report_.missing_count : report_.mismatched_count) += 1;
    if (report_.missing_files.size() < options_.max_listed) {
      report_.missing_files.push_back({.where = unit.where,
                                       .row = first_row + mention.row,
                                       .column = std::string(mention.column),
                                       .sha256 = std::string(mention.sha256),
                                       .path = std::string(mention.path),
                                       .problem = std::string(problem)});
    }
  }

  void CountRows(std::uint64_t rows, std::uint64_t checked) {
    const MutexLock lock(mutex_);
    report_.rows += rows;
    report_.checked_rows += checked;
  }

  void AddProblem(std::string problem) {
    const MutexLock lock(mutex_);
    report_.problems.push_back(std::move(problem));
  }

  Status AddOrphans() {
    if (!options_.with_orphans || !IsEverything() || options_.sample < 1 ||
        lake_.kdl() != nullptr) {
      return {};
    }
    const auto found = CollectGarbage(
        lake_, {.threads = options_.threads, .max_listed = options_.max_listed}, progress_, stop_);
    if (!found) {
      if (found.error().code == ErrorCode::kCancelled) {
        return found.error();
      }
      AddProblem("orphans cannot be told: " + found.error().message);
      return {};
    }
    const MutexLock lock(mutex_);
    report_.orphan_count = found->orphans;
    report_.orphan_bytes = found->orphan_bytes;
    for (const OrphanAsset& orphan : found->listed) {
      report_.orphans.push_back(
          {.sha256 = orphan.sha256, .path = orphan.path, .size_bytes = orphan.size_bytes});
    }
    return {};
  }

  // Results do not depend on the number of threads (as long as all findings are listed).
  void Sort() DATALAKE_REQUIRES(mutex_) {
    std::sort(report_.problems.begin(), report_.problems.end());
    std::sort(report_.missing_files.begin(), report_.missing_files.end(),
              [](const DanglingLink& a, const DanglingLink& b) {
                return std::tie(a.where, a.row, a.column, a.sha256) <
                       std::tie(b.where, b.row, b.column, b.sha256);
              });
  }

  Lake& lake_;
  const VerifyOptions& options_;
  ProgressSink& progress_;
  std::stop_token stop_;
  const RowSample sample_;
  std::vector<Unit> units_;
  std::atomic<std::uint64_t> bytes_ = 0;

  Mutex mutex_;
  VerifyReport report_ DATALAKE_GUARDED_BY(mutex_);
  assets::DigestSet seen_ DATALAKE_GUARDED_BY(mutex_);
  std::map<std::string, std::string, std::less<>> bad_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace

Status VerifyOptions::Validate() const {
  if (!(sample > 0 && sample <= 1)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("sample must be above 0 and at most 1: {}", sample)};
  }
  return {};
}

double VerifyReport::integrity_rate() const {
  if (checked_items == 0) {
    return 100;
  }
  const auto bad = static_cast<double>(missing_count + mismatched_count);
  return std::floor((1 - bad / static_cast<double>(checked_items)) * 10'000 + 1e-6) / 100;
}

Result<VerifyReport> VerifyLake(Lake& lake, const VerifyOptions& options, ProgressSink& progress,
                                std::stop_token stop) {
  DATALAKE_TRY(options.Validate());
  return Verifier(lake, options, progress, std::move(stop)).Run();
}

}  // namespace datalake::lake
