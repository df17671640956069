#pragma once

#include <cstdint>

#include "datalake/base/result.h"
#include "datalake/table/commit.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/table.h"

namespace datalake::table {

struct CompactOptions {
  /// Files below this many bytes are put together, up to TableOptions::target_file_bytes; 0: half
  /// of that.
  std::uint64_t small_file_bytes = 0;
  /// Only partitions with these values; none: all.
  PartitionValues scope = {};
};

struct CompactResult {
  std::int64_t version = 0;  ///< the newest; one more a partition that was compacted
  std::int64_t partitions = 0;
  std::int64_t files_removed = 0;
  std::int64_t files_added = 0;
  std::int64_t partitions_skipped = 0;  ///< others changed them meanwhile; the next run takes them
};

/// Puts small files of a partition together, and files that other writers laid into another folder
/// than their partition's (delta-interop §1), in their order: the same rows in fewer files, one
/// commit a partition, `dataChange=false`. Rows and their order within a file stay. The old files
/// stay for older versions until a vacuum. Allowed on append-only tables. What is committed when it
/// is cancelled stays. Errors: those of reading and Table::Commit; kCancelled.
Result<CompactResult> CompactTable(Table& table, const CompactOptions& options,
                                   const CommitInfo& info, const RewriteControl& control = {});

}  // namespace datalake::table
