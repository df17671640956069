#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

namespace datalake {
class ThreadPool;
}  // namespace datalake

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// Rows of a piece of an attribute file, filled by AttributeReader and reused for the next one.
/// Thread-compatible.
class AttributeBatch {
 public:
  /// Each row as the JSON text of an object, `{"id":…,"attributes":{…}}` and what else its line
  /// has; of JSONL the line as it is, unchecked. At least 64 bytes behind each row are readable
  /// (json::FlatTreeParser::kPadding). Valid until the batch is filled again.
  std::span<const std::string_view> rows() const { return rows_; }

  /// 1-based number of the first row in its file.
  std::uint64_t first_row() const { return first_row_; }

  /// Rows, known before they are decoded too.
  std::uint64_t num_rows() const { return num_rows_; }

  // For readers.

  void Clear(std::uint64_t first_row);

  void SetRows(std::uint64_t num_rows) { num_rows_ = num_rows; }

  std::string& text() { return text_; }

  std::vector<std::string_view>& mutable_rows() { return rows_; }

  std::vector<std::shared_ptr<const void>>& owners() { return owners_; }

 private:
  std::uint64_t first_row_ = 1;
  std::uint64_t num_rows_ = 0;
  std::string text_;
  std::vector<std::string_view> rows_;
  std::vector<std::shared_ptr<const void>> owners_;  // record batches that are not yet text
};

/// Reads a file of attributes (docs/formats/attributes.md) in pieces of as many rows as wanted.
/// Reading is sequential, decoding is not: Read from one thread, Decode from any.
class AttributeReader {
 public:
  /// Lines of JSON, plain or with .gz, .zst or .zstd, or Parquet (by the suffix .parquet). `fs` and
  /// `pool`, whose free threads decompress ahead, must outlive the reader; a null pool is fine.
  /// Errors: kNotFound, kInvalidArgument (suffix and content differ; a Parquet column that holds no
  /// attributes, named), kCorruption, kIo.
  static Result<std::unique_ptr<AttributeReader>> Open(io::FileSystem& fs, std::string_view path,
                                                       ThreadPool* pool = nullptr);

  virtual ~AttributeReader() = default;

  /// Puts the next rows, at most `max_rows`, into `batch`, undecoded; fewer only at the end of the
  /// file. Returns how many. Errors: kCorruption, kResourceExhausted (a line too long), kIo.
  virtual Result<std::uint64_t> Read(std::uint64_t max_rows, AttributeBatch& batch) = 0;

  /// Fills the rows of a batch that Read read. Thread-safe for different batches.
  virtual Status Decode(AttributeBatch& batch) const = 0;
};

}  // namespace datalake::curate
