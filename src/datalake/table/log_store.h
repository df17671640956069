#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/table/log_state.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::table {

/// "<root>/_delta_log".
std::string LogFolder(std::string_view root);

/// "<root>/_delta_log/00000000000000000007.json".
std::string LogFilePath(std::string_view root, std::int64_t version);

/// "<root>/_delta_log/00000000000000000050.checkpoint.parquet".
std::string CheckpointPath(std::string_view root, std::int64_t version);

/// "<root>/_delta_log/_last_checkpoint".
std::string CheckpointHintPath(std::string_view root);

/// The largest log file or checkpoint hint that is read: far above any real one.
inline constexpr std::uint64_t kMaxLogFileBytes = 1ULL << 30;

/// Replays the log of the table at `root` up to `version` (else the newest): the newest usable
/// checkpoint, then every log file after it. A damaged checkpoint is passed over while older files
/// still tell the whole. Cost: one listing of the log folder and what must be read.
/// Errors: kNotFound (no table; version not made, or no longer kept), kCorruption (a gap in the
/// log, naming the missing version), kUnsupported, kIo.
Result<LogState> LoadLog(io::FileSystem& fs, std::string_view root,
                         std::optional<std::int64_t> version);

/// Brings `state` to the newest version: reads the log files that came since; starts anew when
/// others have cleaned the log up meanwhile. Cost without news: two failed opens. On an error
/// `state` is as it was, or unusable (version -1). Errors: as LoadLog.
Status RefreshLog(io::FileSystem& fs, LogState& state);

/// Reads one log file. Errors: kNotFound, kCorruption, kIo.
Result<CommitActions> ReadLogFile(io::FileSystem& fs, std::string_view root, std::int64_t version);

}  // namespace datalake::table
