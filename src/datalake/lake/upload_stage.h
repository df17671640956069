#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/layout.h"
#include "datalake/lake/upload_columns.h"

namespace datalake::lake {

/// Assets up to this size lie in rows.parquet, larger ones are files beside it.
inline constexpr std::uint64_t kMaxEmbeddedBytes = std::uint64_t{1} << 20;

/// What was staged.
struct StagedRows {
  std::vector<AssetColumn> asset_columns;
  std::string variant;  ///< image, files, mixed or text, by what the columns hold
  std::uint64_t rows = 0;
  std::uint64_t problem_rows = 0;
};

/// Where the rows come from and where they go.
struct StageJob {
  std::string folder;       ///< of the upload; exists
  std::string source_root;  ///< below which file names lead; empty: none do
  std::map<std::string, std::string> fields;
  std::uint64_t source_bytes = 0;  ///< for progress
};

/// Copies rows and their asset files into rows.parquet and assets/ of `job.folder`; all file
/// content is durable when it returns, names in `job.folder` are not yet.
/// Errors: those of PlanColumns; kInvalidArgument (no rows; an `image` column of names of which no
/// file is there); kCancelled; kIo, kResourceExhausted.
Result<StagedRows> StageRowsInto(const LakeContext& context, const StageJob& job,
                                 arrow::RecordBatchReader& rows, ProgressSink& progress,
                                 std::stop_token stop);

}  // namespace datalake::lake
