#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/lake/upload.h"

namespace datalake::lake {

/// A file as it was when it was opened.
struct SourceFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  Timestamp modified;
};

/// The rows of an upload and where the files lie that they name.
struct UploadSource {
  std::shared_ptr<arrow::RecordBatchReader> rows;
  std::string root;  ///< folder below which file names lead
  std::uint64_t size_bytes = 0;
  std::vector<SourceFile> files;  ///< those that rows are read from
  std::vector<BadFile> bad_files;
};

/// Opens what `path` names: all that format::OpenRows takes (Parquet files and globs, Arrow and HF
/// folders, CSV, JSONL, WebDataset tars); a folder with annotations.jsonl or metadata.jsonl, .csv
/// or .parquet, whose rows name files below it; or a folder of files without rows: each picture in
/// it and in folders below becomes a row {image, label: the folder that it is in}, or, when there
/// are other media (PDF, audio, video) too, {file, label}. Hidden files are left out.
/// `strict_files`: see UploadRequest. `fs` must outlive the rows. Errors: those of OpenRows;
/// kNotFound (a folder without files that are known).
Result<UploadSource> OpenUploadSource(io::FileSystem& fs, const std::string& path,
                                      bool strict_files);

/// True for names of pictures, PDF, audio and video, by their suffix: what a folder without rows is
/// made of.
bool IsMedia(std::string_view name);

/// Tells whether the files are as they were when the source was opened. Errors: kConflict naming
/// the one that is not, kIo.
Status CheckUnchanged(io::FileSystem& fs, const UploadSource& source);

}  // namespace datalake::lake
