#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"
#include "datalake/wal/wal.h"

// Internal to wal/.
namespace datalake::wal {

/// What a log folder holds once it is recovered: sealed segments only.
struct RecoveredLog {
  std::vector<SegmentInfo> sealed;  ///< in order, each with records
  std::vector<SegmentInfo> empty;   ///< without records; to be removed after the next one is there
  std::uint64_t next_sequence = 1;  ///< above every number that was ever used here
  RecoveryReport report;
};

/// Checks every segment, seals the last one (cutting a torn tail off), renames damaged ones aside
/// and removes temporary files. The caller holds the lock. Each step is atomic and durable, and the
/// whole can be run again after a crash at any point.
Result<RecoveredLog> RecoverLog(io::FileSystem& fs, const Clock& clock, std::string_view dir);

}  // namespace datalake::wal
