// Takedown from tables: the newest version loses the rows by a commit, then every data file on disk
// that holds one is destroyed, so old versions lose whole files and say so.
#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/asset_mentions.h"
#include "datalake/lake/asset_roots.h"
#include "datalake/lake/takedown_internal.h"
#include "datalake/table/expunge.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

constexpr int kCommitAttempts = 8;
// A data file that no version names is being written, or was left behind by a process that died.
constexpr std::chrono::hours kLeftBehindAfter{24};

class KeptRowsReader final : public arrow::RecordBatchReader {
 public:
  KeptRowsReader(TakedownRun& run, arrow::RecordBatchReader& rows, KeyUse use)
      : run_(run), rows_(rows), use_(use) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_.schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    ARROW_RETURN_NOT_OK(rows_.ReadNext(out));
    if (*out == nullptr) {
      return arrow::Status::OK();
    }
    const auto gone = MatchRows(run_.rule, **out, use_);
    if (!gone) {
      return format::ToArrow(gone.error());
    }
    if (std::find(gone->begin(), gone->end(), true) == gone->end()) {
      return arrow::Status::OK();
    }
    auto kept = WithoutRows(**out, *gone);
    if (!kept) {
      return format::ToArrow(kept.error());
    }
    *out = *std::move(kept);
    return arrow::Status::OK();
  }

 private:
  TakedownRun& run_;
  arrow::RecordBatchReader& rows_;
  const KeyUse use_;
};

KeyUse UseFor(const TakedownRun& run, const TableName& name) {
  return run.rule.key && run.rule.key->table == name ? KeyUse::kAlways : KeyUse::kNone;
}

// Rows of a data file that go; the table's partition columns are not in it.
struct FileMatches {
  std::string path;
  std::uint64_t rows = 0;
};

Result<std::vector<FileMatches>> FindFiles(TakedownRun& run, const std::string& root, KeyUse use) {
  io::FileSystem& fs = run.lake.context().fs;
  DATALAKE_TRY_ASSIGN(const auto paths, ListDataFiles(fs, root));
  std::vector<FileMatches> found;
  for (const std::string& path : paths) {
    const auto rows = format::ReadParquet(fs, path);
    if (!rows) {
      if (rows.error().code == ErrorCode::kNotFound) {
        continue;  // removed meanwhile
      }
      return rows.error();
    }
    DATALAKE_TRY_ASSIGN(const std::uint64_t count, CountMatches(run, **rows, use, path));
    if (count > 0) {
      found.push_back({.path = path, .rows = count});
    }
  }
  return found;
}

// One commit that puts the rows that stay in the place of the live files that hold some that go.
Result<std::int64_t> CommitKept(TakedownRun& run, table::Table& table,
                                const std::set<std::string>& paths, KeyUse use) {
  for (int attempt = 1;; ++attempt) {
    DATALAKE_TRY_ASSIGN(const auto snapshot, table.Snapshot());
    table::CommitRequest commit;
    commit.info = {.operation = "takedown",
                   .user = run.request.user,
                   .reason = run.request.reason,
                   .extra = {{"takedown", run.id}}};
    for (const table::TableFilePtr& file : snapshot->files()) {
      if (!paths.contains(file->os_path)) {
        continue;
      }
      DATALAKE_TRY_ASSIGN(const auto rows,
                          format::ReadParquet(run.lake.context().fs, file->os_path));
      const auto kept = KeptRows(run, *rows, use);
      auto written = table.RewriteFiles(*kept, *file);
      if (!written) {
        static_cast<void>(table.Discard(commit.adds));  // the first error is the one to tell
        return std::move(written).error();
      }
      commit.adds.insert(commit.adds.end(), written->begin(), written->end());
      commit.removes.push_back(file->path);
    }
    if (commit.removes.empty()) {
      return -1;
    }
    const auto result = table.Commit(commit);
    table.DiscardIfAbsent(result, commit.adds);
    if (result) {
      return result->version;
    }
    if (result.error().code != ErrorCode::kConflict || attempt == kCommitAttempts) {
      return result.error();
    }
  }
}

}  // namespace

Result<std::uint64_t> CountMatches(TakedownRun& run, arrow::RecordBatchReader& rows, KeyUse use,
                                   const std::string& where) {
  std::uint64_t count = 0;
  while (true) {
    if (run.stop.stop_requested()) {
      return Error{ErrorCode::kCancelled, "takedown was stopped; the same request finishes it"};
    }
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), where));
    if (batch == nullptr) {
      return count;
    }
    DATALAKE_TRY_ASSIGN(const std::vector<bool> gone, MatchRows(run.rule, *batch, use));
    count += static_cast<std::uint64_t>(std::count(gone.begin(), gone.end(), true));
    ForEachMention(*batch, MentionScope::kLinks, [&](const AssetMention& mention) {
      if (gone[static_cast<std::size_t>(mention.row)]) {
        run.linked.emplace(mention.sha256);
      }
    });
  }
}

std::shared_ptr<arrow::RecordBatchReader> KeptRows(TakedownRun& run, arrow::RecordBatchReader& rows,
                                                   KeyUse use) {
  return std::make_shared<KeptRowsReader>(run, rows, use);
}

Result<TakedownPlace> TakeDownFromTable(TakedownRun& run, const TableName& name) {
  const KeyUse use = UseFor(run, name);
  io::FileSystem& fs = run.lake.context().fs;
  TakedownPlace place{.where = ToString(name)};
  DATALAKE_TRY_ASSIGN(const auto table, run.lake.OpenTable(name));
  DATALAKE_TRY_ASSIGN(const auto found, FindFiles(run, table->root(), use));
  if (found.empty()) {
    return place;
  }
  std::set<std::string> paths;
  DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
  for (const FileMatches& file : found) {
    paths.insert(file.path);
    place.rows += file.rows;
    for (const table::TableFilePtr& live : snapshot->files()) {
      place.current_rows += live->os_path == file.path ? file.rows : 0;
    }
  }
  place.files = paths.size();
  if (run.request.dry_run) {
    return place;
  }
  DATALAKE_TRY_ASSIGN(place.version, CommitKept(run, *table, paths, use));
  DATALAKE_TRY_ASSIGN(const auto logged, table::ListLoggedFiles(fs, table->root()));
  std::vector<std::string> gone;
  for (const std::string& path : paths) {
    const auto facts = fs.Stat(path);
    const bool is_left =
        facts && run.lake.context().clock.Now() - facts->modified > kLeftBehindAfter;
    if (logged.contains(path) || is_left) {
      gone.push_back(path);
    }
  }
  DATALAKE_TRY(table::ExpungeFiles(fs, table->root(), gone, {.id = run.id, .time = run.time}));
  if (gone.size() < paths.size()) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("such rows are being written, ask again when that is done: {}",
                             ToString(name))};
  }
  return place;
}

}  // namespace datalake::lake
