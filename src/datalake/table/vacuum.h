#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/table.h"

namespace datalake::table {

/// Whether something is done or only told.
enum class VacuumMode : std::uint8_t { kDryRun, kDelete };

struct VacuumOptions {
  VacuumMode mode = VacuumMode::kDryRun;
  /// Versions that were the newest within this time stay readable; nothing: the table's own
  /// `delta.deletedFileRetentionDuration`, 7 days by default.
  std::optional<std::chrono::milliseconds> retention = {};
  /// Files that no version names are left alone for so long after they were written: they may
  /// belong to a writer that has not committed yet.
  std::chrono::milliseconds leftover_grace = std::chrono::days(7);
  /// Older versions that stay readable too, whatever their age.
  std::vector<std::int64_t> keep_versions = {};
};

enum class VacuumReason : std::uint8_t {
  kRemoved,    ///< removed from the table before the retention
  kLeftover,   ///< a data file that no version names: its writer died, or gave up
  kTemporary,  ///< an unfinished file of a writer that died
};

/// "removed", "leftover", "temporary".
std::string_view ToString(VacuumReason reason);

struct VacuumFile {
  std::string path;  ///< as the operating system takes it
  std::uint64_t size_bytes = 0;
  VacuumReason reason = VacuumReason::kLeftover;
};

struct VacuumResult {
  std::vector<VacuumFile> files;  ///< that were deleted, or would be; sorted by path
  std::uint64_t size_bytes = 0;   ///< of all of them
};

/// Deletes Parquet and temporary files below the table's root that no version within the retention
/// names. Never those of the newest version, of a version of `keep_versions`, or of one that was
/// the newest within the retention; links are neither followed nor deleted, nor are folders that
/// begin with "_" or ".". Safe beside writers within the two times; do not restore an old version
/// meanwhile. A run that dies or fails is harmless, the next one goes on. Errors: kUnsupported
/// (protocol above writer 2), kNotFound (a version of `keep_versions`), kCorruption, kIo,
/// kCancelled.
Result<VacuumResult> VacuumTable(Table& table, const VacuumOptions& options,
                                 const RewriteControl& control = {});

}  // namespace datalake::table
