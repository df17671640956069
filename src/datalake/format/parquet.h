#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/io/atomic_file.h"

namespace datalake::format {

/// How Parquet files are written. Every file has zstd pages, statistics and a page index (but of
/// float columns: Parquet's bounds leave NaN out, which hides rows in some readers), and page
/// boundaries by content, so that a re-upload after an insertion shares most of its bytes.
struct ParquetWriteOptions {
  int zstd_level = 3;                           ///< 1 to 22
  std::uint64_t row_group_bytes = 64ULL << 20;  ///< Arrow bytes in memory, about; peak memory
  std::int64_t row_group_rows = 1'000'000;      ///< most rows of a row group
  std::uint64_t page_bytes = 1ULL << 20;        ///< encoded bytes of a data page, about
  bool content_defined_chunking = true;         ///< cdc pages; off for files that never are resent
  bool collect_statistics = true;               ///< fill WrittenFile::columns
  bool raw_binary = false;  ///< binary columns as they are: no compression, dictionary, bounds
  io::PublishMode publish = io::PublishMode::kCreate;  ///< when the name is taken

  /// Errors: kInvalidArgument naming the member.
  Status Validate() const;
};

/// Exact facts of one leaf column of a file. Bounds are absent (null) when all values are null,
/// when a float column holds a NaN, and for types without a useful order (binary, lists, maps).
/// Strings are in full; who needs short bounds cuts them.
struct ColumnStatistics {
  std::vector<std::string> path = {};  ///< column, then field of a struct …
  std::int64_t null_count = 0;         ///< rows where it, or a struct around it, is null
  std::shared_ptr<arrow::Scalar> min = nullptr;
  std::shared_ptr<arrow::Scalar> max = nullptr;
};

/// What a finished Parquet file holds.
struct WrittenFile {
  std::uint64_t size_bytes = 0;
  std::int64_t num_rows = 0;
  std::vector<ColumnStatistics> columns = {};  ///< in schema order; lists and maps are left out
};

/// Writes one Parquet file that appears under its final name only when it is complete and durable.
/// Single-threaded. Destroyed before Publish, it leaves nothing behind.
class ParquetWriter {
 public:
  /// Begins a file at `path`; its folder must exist. `fs` must outlive the writer. The Arrow schema
  /// is kept in the footer. Errors: kInvalidArgument (options), kUnsupported (a type that Parquet
  /// cannot hold), kIo.
  static Result<std::unique_ptr<ParquetWriter>> Make(io::FileSystem& fs, std::string_view path,
                                                     std::shared_ptr<arrow::Schema> schema,
                                                     const ParquetWriteOptions& options);
  virtual ~ParquetWriter() = default;

  /// Appends rows; they are buffered up to `row_group_bytes`. The batch must have the schema of
  /// Make. After an error only destruction is left. Errors: kInvalidArgument, kIo,
  /// kResourceExhausted.
  virtual Status Write(const arrow::RecordBatch& batch) = 0;

  /// Bytes written to the file so far; grows a row group at a time.
  virtual std::uint64_t written_bytes() const = 0;

  /// Writes the footer, syncs, links the final name and syncs its folder; call once.
  /// Errors: kAlreadyExists (`path` is taken and was left alone, unless it is to be replaced), kIo,
  /// kResourceExhausted.
  virtual Result<WrittenFile> Publish() = 0;
};

/// Writes all of `rows` to the new file `path` by a ParquetWriter: durable when it returns.
/// Errors: those of ParquetWriter and of `rows`.
Result<WrittenFile> WriteParquet(io::FileSystem& fs, std::string_view path,
                                 arrow::RecordBatchReader& rows,
                                 const ParquetWriteOptions& options = {});

/// What becomes of a column that was asked for and is not there.
enum class MissingColumns : std::uint8_t { kError, kSkip };

/// Rows of a Parquet file in order, a row group's columns at a time; memory is about one row group.
/// `columns` are top-level names in the order wanted; nothing means all. `fs` need not outlive the
/// reader. The reader is Single-threaded. Errors: kNotFound (file; column, naming those there are),
/// kCorruption (no or broken Parquet, naming the file), kIo.
Result<std::shared_ptr<arrow::RecordBatchReader>> ReadParquet(
    io::FileSystem& fs, std::string_view path,
    const std::optional<std::vector<std::string>>& columns = std::nullopt,
    MissingColumns missing = MissingColumns::kError);

/// As ReadParquet, of some row groups, and of the leaf columns whose dotted path begins with one of
/// `prefixes` ("a" or "a.b": the struct `a` then has the field `b` alone), in the file's order.
/// A prefix without a column is left out. Errors: as ReadParquet.
Result<std::shared_ptr<arrow::RecordBatchReader>> ReadParquetGroups(
    io::FileSystem& fs, std::string_view path, const std::vector<int>& row_groups,
    const std::vector<std::string>& prefixes);

/// What the footer of a Parquet file says.
struct ParquetFacts {
  std::shared_ptr<arrow::Schema> schema;
  std::int64_t num_rows = 0;
  int num_row_groups = 0;
};

/// Reads the footer alone. Errors: as ReadParquet.
Result<ParquetFacts> ReadParquetFacts(io::FileSystem& fs, std::string_view path);

/// Rows and bounds of leaf columns by the footer's own statistics, with the types of the file; what
/// any row group does not say, or lies inside a list or map, is left out. Writers may cut long
/// strings. Reads the footer alone. Errors: as ReadParquet.
Result<WrittenFile> ReadParquetStatistics(io::FileSystem& fs, std::string_view path);

}  // namespace datalake::format
