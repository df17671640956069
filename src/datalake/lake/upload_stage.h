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

namespace datalake::lake {

class AssetPuts;

/// Assets up to this size are read into memory, and lie in rows.parquet when the store may not want
/// them; larger ones are then files beside it.
inline constexpr std::uint64_t kMaxEmbeddedBytes = std::uint64_t{1} << 20;

/// What was staged.
struct StagedRows {
  std::vector<AssetColumn> asset_columns;
  std::string variant;  ///< image, files, mixed or text, by what the columns hold
  std::uint64_t rows = 0;
  std::uint64_t problem_rows = 0;
  std::uint64_t known_assets = 0;  ///< cells whose bytes the lake had already
  std::uint64_t new_assets = 0;    ///< assets that the lake did not have before
};

/// Where the rows come from and where they go.
struct StageJob {
  std::string folder;       ///< of the upload; exists
  std::string source_root;  ///< below which file names lead; empty: none do
  ColumnWishes wishes;
  OnBadAsset on_bad_asset = OnBadAsset::kKeep;
  std::uint64_t source_bytes = 0;  ///< for progress
};

/// What staging works with; all outlive the call.
struct StageTools {
  ThreadPool& pool;
  ProgressSink& progress;
  /// Takes the assets and keeps them; must live until the upload is published.
  AssetPuts& puts;
};

/// Copies rows into rows.parquet of `job.folder` and puts their assets into the store, where they
/// wait for the rows that link them; what a policy may not want there stays in rows.parquet and
/// assets/ of the folder. All content is durable when it returns, names in `job.folder` are not
/// yet. Files are read, hashed and put on the pool, not more than some 16 MiB at a time.
/// Errors: those of PlanColumns; kInvalidArgument (no rows; an `image` column of names of which no
/// file is there); kCancelled; kIo, kResourceExhausted.
Result<StagedRows> StageRowsInto(Lake& lake, const StageJob& job, arrow::RecordBatchReader& rows,
                                 StageTools tools, std::stop_token stop);

}  // namespace datalake::lake
