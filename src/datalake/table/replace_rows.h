#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/table/commit.h"
#include "datalake/table/table.h"

namespace datalake::table {

/// Makes `files`, staged by WriteFiles, the only ones of the partitions that have the values of
/// `scope` (no values: of the whole table) in one version; the older ones stay in older versions.
/// Of two replacements at once one comes after the other, and rows that are appended meanwhile and
/// lie in the scope go too. Durable when it returns. Errors: those of Table::Commit; kUnsupported
/// (append-only); kNotFound (unknown column in `scope`), kInvalidArgument (a file outside it).
/// Files are discarded when it is certain that they are not part of the table.
Result<CommitResult> ReplaceFiles(Table& table, const std::vector<StagedFile>& files,
                                  const PartitionValues& scope, const CommitInfo& info,
                                  const std::optional<Transaction>& transaction = std::nullopt);

/// Writes `rows` into the partition `values` and makes them its only ones, as ReplaceFiles. No
/// rows: the partition ends up empty. Errors: those of Table::WriteFiles and ReplaceFiles.
Result<CommitResult> ReplacePartition(Table& table, arrow::RecordBatchReader& rows,
                                      const PartitionValues& values, const CommitInfo& info,
                                      const std::optional<Transaction>& transaction = std::nullopt);

/// Makes a new version with the files and the schema of the old one `version`; what came between
/// stays in the history. Transactions and table properties stay as they are.
/// Errors: those of Table::Snapshot and Table::Commit; kNotFound (a file of that version was
/// vacuumed, or its rows were taken down: named), kUnsupported (append-only).
Result<CommitResult> RestoreVersion(Table& table, std::int64_t version, const CommitInfo& info);

}  // namespace datalake::table
