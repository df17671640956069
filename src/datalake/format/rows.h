#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::format {

/// Limits and dialect of OpenRows.
struct RowsOptions {
  char csv_delimiter = ',';                     ///< .tsv always takes a tab
  std::int64_t batch_rows = 8192;               ///< most rows of a batch of CSV and JSON lines
  std::uint64_t max_line_bytes = 256ULL << 20;  ///< longest JSON line; CSV rows: 16 MiB
  /// Parquet and Arrow files that cannot be opened are left out and told, when others can be.
  bool skip_broken_files = false;
};

/// A file that was left out, and why.
struct BrokenFile {
  std::string path;
  Error error;
};

/// Rows of any file that the lake takes in as a table, as one stream.
struct RowSource {
  std::shared_ptr<arrow::RecordBatchReader> reader;  ///< Single-threaded
  std::vector<std::string> files;                    ///< read in this order
  std::uint64_t size_bytes = 0;                      ///< of the files as they lie on disk
  std::vector<BrokenFile> broken;                    ///< left out by skip_broken_files
};

/// Opens rows at `path`: a Parquet file, an Arrow IPC file or stream (.arrow, .feather, .ipc), .csv
/// or .tsv, .jsonl or .ndjson or .json (one array of objects, or lines), CSV and JSON also with
/// .gz, .zst, .zstd; .tar, .tgz, .tar.gz, .tar.zst of the WebDataset form (tar_rows.h); a Hugging
/// Face dataset folder; any other folder, of which all files of these kinds directly in it are
/// read; or a glob (* ? [..] **) of files.
///
/// Types of CSV and JSON are decided over all rows before the first is given, so these are read
/// twice. CSV: a column is boolean, int64, double, date, timestamp (UTC when marked so) or string,
/// the narrowest that holds every value exactly; digits with a leading zero, and integers beyond
/// int64, are strings. An empty field is null, but in a string column the empty string. JSON:
/// objects become structs (members of all rows), arrays lists, integers int64, mixed numbers
/// double; a column that mixes kinds becomes strings (strings as
/// they are, all else as JSON text), and so does an object without members, with more than 512, or
/// nested deeper than 16; a member that is
/// null in every row is of type null.
///
/// Several files must agree after widening: columns by name, missing ones null, int64 with double
/// is double, null with anything is that; else kInvalidArgument naming column and both files.
/// `fs` must outlive the reader.
/// Errors: kNotFound, kUnsupported (unknown kind of file, naming those known), kInvalidArgument
/// (broken CSV or JSON with file and line, no rows' kind agrees), kCorruption (Parquet, IPC,
/// truncated gzip or zstd), kIo.
Result<RowSource> OpenRows(io::FileSystem& fs, std::string_view path,
                           const RowsOptions& options = {});

}  // namespace datalake::format
