#include "datalake/table/log_cleanup.h"

#include <algorithm>
#include <utility>

#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/table/checkpoint.h"
#include "datalake/table/log_store.h"
#include "datalake/table/table_properties.h"

namespace datalake::table {
namespace {

// The newest checkpoint at or below `version`, or -1.
std::int64_t CheckpointAtOrBelow(const LogListing& listing, std::int64_t version) {
  const auto after = listing.checkpoints.upper_bound(version);
  return after == listing.checkpoints.begin() ? -1 : std::prev(after)->first;
}

// The oldest version that must stay readable.
Result<std::int64_t> OldestToKeep(Table& table, const TableSnapshot& snapshot,
                                  const LogCleanupOptions& options) {
  const auto retention = options.retention.value_or(LogRetention(snapshot.configuration()));
  auto oldest = table.VersionAt(table.environment().clock.Now() - retention);
  if (!oldest && oldest.error().code == ErrorCode::kNotFound) {
    return -1;  // nothing is that old
  }
  for (const std::int64_t version : options.keep_versions) {
    if (oldest) {
      oldest = std::min(*oldest, version);
    }
  }
  return oldest;
}

}  // namespace

Result<LogCleanupResult> CleanUpLog(Table& table, const LogCleanupOptions& options) {
  io::FileSystem& fs = table.environment().fs;
  const std::string& root = table.root();
  DATALAKE_TRY_ASSIGN(const auto snapshot, table.Snapshot());
  DATALAKE_TRY_ASSIGN(const std::int64_t oldest, OldestToKeep(table, *snapshot, options));
  DATALAKE_TRY_ASSIGN(const LogListing listing, ListLog(fs, root));
  LogCleanupResult result;
  const std::int64_t start = CheckpointAtOrBelow(listing, oldest);
  result.oldest_version = listing.commits.empty() ? listing.newest() : *listing.commits.begin();
  if (start < 0) {
    return result;
  }
  std::vector<std::string> parts;
  for (const std::string& name : listing.checkpoints.at(start)) {
    parts.push_back(io::JoinPath(LogFolder(root), name));
  }
  DATALAKE_TRY(ReadCheckpoint(fs, root, parts));
  for (const std::int64_t version : listing.commits) {
    if (version < start) {
      result.paths.push_back(LogFilePath(root, version));
    }
  }
  for (const auto& [version, names] : listing.checkpoints) {
    for (const std::string& name : names) {
      if (version < start) {
        result.paths.push_back(io::JoinPath(LogFolder(root), name));
      }
    }
  }
  std::sort(result.paths.begin(), result.paths.end());  // names begin with the version
  result.oldest_version = start;
  if (options.mode == VacuumMode::kDelete) {
    for (const std::string& path : result.paths) {
      Status status = fs.Remove(path);
      if (!status && status.error().code != ErrorCode::kNotFound) {
        return std::move(status).error();
      }
    }
    DATALAKE_TRY(fs.SyncDirectory(LogFolder(root)));
  }
  return result;
}

}  // namespace datalake::table
