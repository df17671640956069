#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/base/thread_pool.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/upload_columns.h"

namespace datalake::assets {
class AssetBatch;
}  // namespace datalake::assets

namespace datalake::lake {

/// Assets up to this size lie in rows.parquet, larger ones are files beside it.
inline constexpr std::uint64_t kMaxEmbeddedBytes = std::uint64_t{1} << 20;

/// What was staged.
struct StagedRows {
  std::vector<AssetColumn> asset_columns;
  std::string variant;  ///< image, files, mixed or text, by what the columns hold
  std::uint64_t rows = 0;
  std::uint64_t problem_rows = 0;
  std::uint64_t known_assets = 0;  ///< cells whose bytes the lake had already
};

/// Where the rows come from and where they go.
struct StageJob {
  std::string folder;       ///< of the upload; exists
  std::string source_root;  ///< below which file names lead; empty: none do
  ColumnWishes wishes;
  std::uint64_t source_bytes = 0;  ///< for progress
};

/// What staging works with; all outlive the call.
struct StageTools {
  ThreadPool& pool;
  ProgressSink& progress;
  /// Keeps the assets that staged rows only name; must live until the upload is published.
  assets::AssetBatch& known;
};

/// Copies rows and their asset files into rows.parquet and assets/ of `job.folder`; all file
/// content is durable when it returns, names in `job.folder` are not yet. Files are read and hashed
/// on the pool, not more than some 16 MiB at a time; those that the lake has are only named.
/// Errors: those of PlanColumns; kInvalidArgument (no rows; an `image` column of names of which no
/// file is there); kCancelled; kIo, kResourceExhausted.
Result<StagedRows> StageRowsInto(Lake& lake, const StageJob& job, arrow::RecordBatchReader& rows,
                                 StageTools tools, std::stop_token stop);

}  // namespace datalake::lake
