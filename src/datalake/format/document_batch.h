#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::json {
class DocumentParser;
}  // namespace datalake::json

namespace datalake::format {

/// One document of a batch: views into the batch, valid as long as it is not filled again.
struct Document {
  std::string_view id;
  std::string_view text;          ///< valid UTF-8
  std::string_view source;        ///< "" when absent
  std::string_view metadata_raw;  ///< JSON text, "" when absent
  std::string_view raw_line;      ///< the line as read, without its newline; "" from Parquet
  std::uint32_t line = 0;         ///< 0-based within the batch
  std::string_view id_raw = {};   ///< as json::DocumentFields has it
  bool has_text = true;           ///< likewise
};

/// A line that is no document: data, counted and written to the rejects file.
struct RejectedLine {
  std::uint32_t line = 0;         ///< 0-based within the batch
  std::uint64_t byte_offset = 0;  ///< of the line, in the uncompressed file
  std::string reason;
  std::string_view raw_line;
};

/// Documents of one block of a file, as views into one buffer; filled alike from JSONL and Parquet
/// by a DocumentReader and reused for the next block. Every line of the block is either a document
/// or rejected, so line N of an output can belong to line N of the input. Thread-compatible.
class DocumentBatch {
 public:
  DocumentBatch() = default;
  DocumentBatch(DocumentBatch&&) noexcept = default;
  DocumentBatch& operator=(DocumentBatch&&) noexcept = default;

  /// Documents in order of their lines.
  std::span<const Document> documents() const { return documents_; }

  /// Bad lines in order.
  std::span<const RejectedLine> rejects() const { return rejects_; }

  /// 1-based number in the file of the batch's first line (or Parquet row).
  std::uint64_t first_line() const { return first_line_; }

  /// Lines of the block: documents and rejected ones.
  std::uint64_t num_lines() const { return num_lines_; }

  /// Offset of the block in the uncompressed file, and its size.
  std::uint64_t byte_offset() const { return byte_offset_; }

  std::uint64_t size_bytes() const { return size_bytes_; }

  /// Where the line of `document` begins in the uncompressed file; 0 for rows of Parquet.
  std::uint64_t ByteOffset(const Document& document) const {
    return document.raw_line.empty()
               ? 0
               : byte_offset_ + static_cast<std::uint64_t>(document.raw_line.data() - block_.get());
  }

  /// "<path>:<line>", for messages.
  std::string Where(std::uint32_t line) const;

  // For readers.

  /// Forgets rows, keeps memory. `path` must outlive the batch's use.
  void Clear(std::string_view path, std::uint64_t first_line, std::uint64_t byte_offset);

  /// Makes the raw block at least `size_bytes` plus the parser's padding; keeps the first
  /// `keep_bytes` of it.
  void ReserveBlock(std::size_t size_bytes, std::size_t keep_bytes);

  char* block() { return block_.get(); }

  std::size_t block_capacity_bytes() const { return block_capacity_; }

  /// The block holds `size_bytes` in `num_lines` lines, the last newline possibly missing.
  void SetBlock(std::size_t size_bytes, std::uint64_t num_lines);

  /// Fills the rows from the block's lines of JSON. Errors are rows of rejects().
  void DecodeJsonLines(json::DocumentParser& parser);

  /// Rows that are not from lines; KeepAlive holds what they view.
  void AddDocument(const Document& document) { documents_.push_back(document); }

  void AddReject(RejectedLine reject) { rejects_.push_back(std::move(reject)); }

  void KeepAlive(std::shared_ptr<const void> owner) { owner_ = std::move(owner); }

  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::string_view path_;
  std::uint64_t first_line_ = 1;
  std::uint64_t num_lines_ = 0;
  std::uint64_t byte_offset_ = 0;
  std::uint64_t size_bytes_ = 0;
  std::unique_ptr<char[]> block_;
  std::size_t block_capacity_ = 0;
  std::unique_ptr<char[]> unescaped_;
  std::size_t unescaped_capacity_ = 0;
  std::vector<Document> documents_;
  std::vector<RejectedLine> rejects_;
  std::shared_ptr<const void> owner_;
};

}  // namespace datalake::format
