#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/outgoing_rows.h"

namespace datalake::lake {

/// What rows are written as.
enum class DownloadFormat : std::uint8_t {
  kAuto = 1,        ///< by the name: .parquet; .jsonl, .ndjson (also with .gz, .zst); else kDataset
  kParquet = 2,     ///< one file; the suffix .parquet is added when it is missing
  kDataset = 3,     ///< a folder of HF `save_to_disk`
  kJsonl = 4,       ///< one JSON object a line; bytes as base64
  kWebDataset = 5,  ///< a folder of tar shards
};

/// "auto", "parquet", "dataset" (also "datasets"), "jsonl", "webdataset".
/// Errors: kInvalidArgument naming the nearest.
Result<DownloadFormat> ParseDownloadFormat(std::string_view text);

/// The words of ParseDownloadFormat, for options.
std::vector<std::string> DownloadFormatWords();

struct DownloadOptions {
  std::string output = {};  ///< a new file or folder
  DownloadFormat format = DownloadFormat::kAuto;
  OutgoingOptions rows = {};  ///< its `missing_sink` is set by Download
  std::string description = {};
  std::uint64_t rows_total = 0;                  ///< for progress; 0: not known
  std::uint64_t shard_bytes = 1'000'000'000ULL;  ///< of a WebDataset tar, about
};

struct DownloadReport {
  std::string path;  ///< what was written
  DownloadFormat format = DownloadFormat::kAuto;
  std::uint64_t size_bytes = 0;
  OutgoingReport rows = {};
  std::string missing_list = {};  ///< the file that lists all missing files; empty: none is missing
};

/// Writes `rows` to a new file or folder that appears under its name only when it is whole and
/// durable; on an error or a cancel nothing of it stays. Missing and broken files are listed, all
/// of them, in `<output>.missing.jsonl` beside it: row, column, sha256, path, reason.
///
/// WebDataset: shards 000000.tar …; a row is <9 digits>.json (its columns without the bytes) and,
/// with PictureForm::kBytes, <digits>.<suffix> of its picture, or <digits>.<column>.<suffix> where
/// there are several picture columns.
///
/// `lake` and `progress` must outlive the call. Errors: kAlreadyExists (`output` is there, left
/// alone), kCancelled, those of OutgoingRows, kUnsupported (types), kResourceExhausted, kIo.
Result<DownloadReport> Download(Lake& lake, std::shared_ptr<arrow::RecordBatchReader> rows,
                                const DownloadOptions& options, ProgressSink& progress,
                                std::stop_token stop);

}  // namespace datalake::lake
