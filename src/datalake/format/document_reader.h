#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/format/document_batch.h"

namespace datalake {
class ThreadPool;
}  // namespace datalake

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::format {

struct DocumentReaderOptions {
  /// A block ends with the line in which this many bytes are reached; the blocks of a file depend
  /// on nothing else, so neither does what is made of them.
  std::size_t block_bytes = std::size_t{1} << 19;
  /// A line that is longer than this and than a block is an error: it bounds memory. Of Parquet, a
  /// row with a longer value is rejected.
  std::size_t max_line_bytes = std::size_t{128} << 20;
  /// Its free threads decompress ahead; ReadBlock may be called from one of its tasks. Must outlive
  /// the reader.
  ThreadPool* pool = nullptr;

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// Reads the documents of one file block by block. Reading is sequential, decoding is not:
/// ReadBlock from one thread, Decode from any.
class DocumentReader {
 public:
  virtual ~DocumentReader();

  /// Reads the next block into `batch`, undecoded; false at the end of the file. Empty files have
  /// no blocks. Single-threaded.
  /// Errors: kCorruption (damaged or truncated compression, naming file and offset),
  /// kResourceExhausted (a line over max_line_bytes, naming it), kIo.
  virtual Result<bool> ReadBlock(DocumentBatch& batch) = 0;

  /// Fills the rows of a batch that ReadBlock read. Bad lines become batch.rejects(). Thread-safe
  /// for different batches and parsers.
  virtual Status Decode(DocumentBatch& batch, json::DocumentParser& parser) const = 0;

  /// ReadBlock and Decode, for one thread.
  Result<bool> Next(DocumentBatch& batch);

  DocumentReader();
  DocumentReader(const DocumentReader&) = delete;
  DocumentReader& operator=(const DocumentReader&) = delete;

 private:
  std::unique_ptr<json::DocumentParser> parser_;  // of Next, made at its first call
};

/// True for names whose documents OpenDocuments reads: .jsonl, .json, .ndjson, plain or with .gz,
/// .zst or .zstd, and .parquet. Other names are read as lines too, by OpenDocuments itself.
bool IsDocumentPath(std::string_view path);

/// Opens lines of JSON, compressed as the content says, or Parquet (by the suffix .parquet) with
/// the string columns `id` and `text`, and optionally `source` and `metadata` (a string of JSON).
/// `fs` must outlive the reader.
/// Errors: kNotFound, kInvalidArgument (suffix and content differ; options; Parquet columns),
/// kCorruption, kUnsupported, kIo.
Result<std::unique_ptr<DocumentReader>> OpenDocuments(io::FileSystem& fs, std::string_view path,
                                                      const DocumentReaderOptions& options = {});

}  // namespace datalake::format
