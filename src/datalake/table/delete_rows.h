#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/table/commit.h"
#include "datalake/table/row_predicate.h"
#include "datalake/table/table.h"

namespace datalake::table {

/// How a long rewrite is watched and ended.
struct RewriteControl {
  ProgressSink* progress = nullptr;  ///< items are files; may be null
  std::stop_token stop = {};         ///< between files; nothing is committed then
};

struct DeleteResult {
  std::int64_t version = 0;  ///< the version made; without a match the newest one, unchanged
  std::int64_t rows_deleted = 0;
  std::int64_t files_skipped = 0;    ///< not opened
  std::int64_t files_rewritten = 0;  ///< some of their rows are left
  std::int64_t files_removed = 0;    ///< none is
};

/// Rows that are meant, counted without changing anything. Errors: those of `predicate`,
/// kCancelled.
Result<DeleteResult> CountRows(Table& table, RowPredicate& predicate,
                               const RewriteControl& control = {});

/// Removes the rows that `predicate` means in one version: files that hold them are written anew
/// without them, all others stay as they are. Rows that others append meanwhile are not looked at.
/// When others rewrite or remove one of the files meanwhile, all begins again on top of that. The
/// bytes stay in older versions until a vacuum. Durable when it returns.
/// Errors: those of `predicate` and Table::Commit; kUnsupported (append-only), kConflict (others
/// were faster each time), kCancelled.
Result<DeleteResult> DeleteRows(Table& table, RowPredicate& predicate, const CommitInfo& info,
                                const RewriteControl& control = {});

/// Puts what a deletion would do into `request` (removes and rewritten files) and leaves the commit
/// to the caller, who has more to say in the same version. When that ends in kConflict the caller
/// discards the files and begins again with a new snapshot. Errors: those of `predicate`,
/// kUnsupported (append-only).
Result<DeleteResult> StageDelete(Table& table, std::shared_ptr<const TableSnapshot> snapshot,
                                 RowPredicate& predicate, CommitRequest& request);

}  // namespace datalake::table
