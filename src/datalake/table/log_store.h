#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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

/// What a log folder holds.
struct LogListing {
  std::set<std::int64_t> commits = {};
  /// Version → names of the parts of its checkpoint, one or more; whole ones only.
  std::map<std::int64_t, std::vector<std::string>> checkpoints = {};

  std::int64_t newest() const;  ///< -1: there is no table
};

/// Errors: kNotFound (no log folder), kIo.
Result<LogListing> ListLog(io::FileSystem& fs, std::string_view root);

/// The version that `_last_checkpoint` names, or -1 when it is not there or cannot be read.
std::int64_t HintedVersion(io::FileSystem& fs, std::string_view root);

/// Replays the log of the table at `root` up to `version` (else the newest): the newest usable
/// checkpoint, then every log file after it. A damaged checkpoint is passed over while older files
/// still tell the whole. With `scope` only the files of partitions that have all its values are
/// kept: such a state serves to read, not to commit. Cost: of the newest version, when
/// `_last_checkpoint` names a checkpoint, what must be read, whatever the length of the log; else a
/// listing of the log folder too.
/// Errors: kNotFound (no table; version not made, or no longer kept), kCorruption (a gap in the
/// log, naming the missing version), kUnsupported, kIo.
Result<LogState> LoadLog(io::FileSystem& fs, std::string_view root,
                         std::optional<std::int64_t> version,
                         const PartitionValues* scope = nullptr);

/// Brings `state` to the newest version: reads the log files that came since; starts anew when
/// others have cleaned the log up meanwhile. Cost without news: two failed opens. On an error
/// `state` is as it was, or unusable (version -1). Errors: as LoadLog.
Status RefreshLog(io::FileSystem& fs, LogState& state);

/// The version of the oldest log file that is there. Cost: one listing of the log folder.
/// Errors: kNotFound (none), kIo.
Result<std::int64_t> OldestLogFile(io::FileSystem& fs, std::string_view root);

/// When `version` was committed: what its log file says, else when the file (or the checkpoint of
/// that version) was written. Errors: kNotFound (neither is there), kCorruption, kIo.
Result<Timestamp> CommitTime(io::FileSystem& fs, std::string_view root, std::int64_t version);

/// Reads one log file. Errors: kNotFound, kCorruption, kIo.
Result<CommitActions> ReadLogFile(io::FileSystem& fs, std::string_view root, std::int64_t version);

}  // namespace datalake::table
