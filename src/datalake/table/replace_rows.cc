#include "datalake/table/replace_rows.h"

#include <set>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "datalake/io/file_system.h"
#include "datalake/table/expunge.h"
#include "datalake/table/rewrite_internal.h"

namespace datalake::table {
namespace {

Status CheckScope(const TableSnapshot& snapshot, const std::vector<StagedFile>& files,
                  const PartitionValues& scope) {
  DATALAKE_TRY(CheckScopeColumns(snapshot, scope));
  for (const StagedFile& file : files) {
    if (!IsInScope(file.partition_values, scope)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("file lies outside what is replaced: {}", file.path)};
    }
  }
  return {};
}

Status CheckFilesExist(io::FileSystem& fs, const std::vector<TableFilePtr>& files,
                       std::int64_t version) {
  for (const TableFilePtr& file : files) {
    DATALAKE_TRY_ASSIGN(const bool is_taken_down, fs.Exists(ExpungedMarkerPath(file->os_path)));
    DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(file->os_path));
    if (is_taken_down || !exists) {
      return MissingFileError(
          fs, file->os_path,
          Error{ErrorCode::kNotFound,
                fmt::format("a file of version {} is no longer kept: {}", version, file->os_path)});
    }
  }
  return {};
}

// What takes a table from `now` to the files and schema of `then`.
Result<CommitRequest> RestoreRequest(io::FileSystem& fs, const TableSnapshot& now,
                                     const TableSnapshot& then, const CommitInfo& info) {
  std::set<std::string> wanted;
  for (const TableFilePtr& file : then.files()) {
    wanted.insert(file->path);
  }
  CommitRequest request{.info = info, .read_version = now.version()};
  std::set<std::string> live;
  for (const TableFilePtr& file : now.files()) {
    live.insert(file->path);
    if (!wanted.contains(file->path)) {
      request.removes.push_back(file->path);
    }
  }
  std::vector<TableFilePtr> returning;
  for (const TableFilePtr& file : then.files()) {
    if (!live.contains(file->path)) {
      returning.push_back(file);
      request.adds.push_back({.path = file->path,
                              .os_path = file->os_path,
                              .partition_values = file->partition_values,
                              .size_bytes = file->size_bytes,
                              .num_rows = file->num_rows,
                              .modified_ms = file->modified_ms,
                              .xxh3 = file->xxh3,
                              .stats_json = file->stats_json});
    }
  }
  DATALAKE_TRY(CheckFilesExist(fs, returning, then.version()));
  if (then.schema_json() != now.schema_json()) {
    request.schema_json = then.schema_json();
  }
  return request;
}

}  // namespace

Result<CommitResult> ReplaceFiles(Table& table, const std::vector<StagedFile>& files,
                                  const PartitionValues& scope, const CommitInfo& info,
                                  const std::optional<Transaction>& transaction) {
  CommitRequest request{.adds = files, .info = info, .transaction = transaction};
  if (request.info.operation.empty()) {
    request.info.operation = "REPLACE";
  }
  for (int attempt = 1;; ++attempt) {
    const auto snapshot = table.Snapshot();
    Status status = snapshot ? CheckScope(**snapshot, files, scope) : Status(snapshot.error());
    if (!status) {
      const Status ignored = table.Discard(files);
      (void)ignored;
      return std::move(status).error();
    }
    request.read_version = (*snapshot)->version();
    request.removes.clear();
    for (const TableFilePtr& file : (*snapshot)->files()) {
      if (IsInScope(file->partition_values, scope)) {
        request.removes.push_back(file->path);
      }
    }
    auto result = table.Commit(request);
    const bool is_conflict = !result && result.error().code == ErrorCode::kConflict;
    if (!is_conflict || attempt == kMaxRewriteAttempts) {
      table.DiscardIfAbsent(result, files);
      return result;
    }
  }
}

Result<CommitResult> ReplacePartition(Table& table, arrow::RecordBatchReader& rows,
                                      const PartitionValues& values, const CommitInfo& info,
                                      const std::optional<Transaction>& transaction) {
  DATALAKE_TRY_ASSIGN(const auto files, table.WriteFiles(rows, values));
  return ReplaceFiles(table, files, values, info, transaction);
}

Result<CommitResult> RestoreVersion(Table& table, std::int64_t version, const CommitInfo& info) {
  DATALAKE_TRY_ASSIGN(const auto then, table.Snapshot(version));
  CommitInfo told = info;
  if (told.operation.empty()) {
    told.operation = "RESTORE";
  }
  told.extra["restored_version"] = std::to_string(version);
  for (int attempt = 1;; ++attempt) {
    DATALAKE_TRY_ASSIGN(const auto now, table.Snapshot());
    DATALAKE_TRY(CheckMayRemove(*now));
    DATALAKE_TRY_ASSIGN(const CommitRequest request,
                        RestoreRequest(table.environment().fs, *now, *then, told));
    if (request.adds.empty() && request.removes.empty() && request.schema_json.empty()) {
      return CommitResult{.version = now->version(), .already_applied = true};
    }
    auto result = table.Commit(request);
    if (result || result.error().code != ErrorCode::kConflict || attempt == kMaxRewriteAttempts) {
      return result;
    }
  }
}

}  // namespace datalake::table
