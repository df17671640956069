#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/assets/collector.h"
#include "datalake/assets/digest_set.h"
#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

/// What may link assets (specs: roots of the collection): every data file of every table that is
/// still on disk, so every version that can be read, and those being written; every version of
/// every collection; the rows of staged and failed uploads.
struct AssetRoots {
  std::vector<std::string> data_files;   ///< Parquet of tables and of staging
  std::vector<std::string> collections;  ///< folders
};

/// Folders of versions that a takedown has written anew: "<prefix><version>-<uuid>".
inline constexpr std::string_view kAmendedPrefix = ".amended-";

/// Data files of a table on disk, whatever names them, in order of their paths. Folders and files
/// that begin with a dot or "_" hold no rows. Errors: kIo.
Result<std::vector<std::string>> ListDataFiles(io::FileSystem& fs, const std::string& folder);

/// Lists them. Errors: kIo.
Result<AssetRoots> ListAssetRoots(Lake& lake);

struct MarkOptions {
  std::size_t threads = 0;  ///< 0: all cores
  assets::FolderRange range = {};
};

/// The assets of `range` that the roots mention (MentionScope::kAnything). Memory: 16 to 32 bytes
/// an asset, and a row group a thread. Errors: kCorruption naming the file that cannot be read:
/// then nothing may be said to be without links; kCancelled, kIo.
Result<assets::DigestSet> MarkReferenced(Lake& lake, const MarkOptions& options,
                                         ProgressSink& progress, std::stop_token stop);

}  // namespace datalake::lake
