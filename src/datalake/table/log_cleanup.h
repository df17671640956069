#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/table/table.h"
#include "datalake/table/vacuum.h"

namespace datalake::table {

struct LogCleanupOptions {
  VacuumMode mode = VacuumMode::kDryRun;
  /// Versions that were the newest within this time stay readable; nothing: the table's own
  /// `delta.logRetentionDuration`, 30 days by default.
  std::optional<std::chrono::milliseconds> retention = {};
  /// Older versions that stay readable too.
  std::vector<std::int64_t> keep_versions = {};
};

struct LogCleanupResult {
  std::vector<std::string> paths;   ///< that were deleted, or would be
  std::int64_t oldest_version = 0;  ///< the oldest that can be read afterwards
};

/// Deletes log files and checkpoints that are older than a checkpoint from which every version to
/// be kept can be told (PROTOCOL.md "Metadata Cleanup"); that checkpoint is read first. Without
/// such a one nothing is deleted. Goes from old to new, so a run that dies leaves a log without a
/// gap. Errors: kUnsupported (protocol), kCorruption (the checkpoint), kIo.
Result<LogCleanupResult> CleanUpLog(Table& table, const LogCleanupOptions& options);

}  // namespace datalake::table
