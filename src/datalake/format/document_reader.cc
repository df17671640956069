#include "datalake/format/document_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "datalake/format/document_reader_internal.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/stream.h"
#include "datalake/json/document.h"

namespace datalake::format {
namespace {

std::uint64_t CountNewlines(std::string_view text) {
  std::uint64_t count = 0;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    ++count;
  }
  return count;
}

// Cuts a stream of lines into blocks that end with the line in which block_bytes are reached.
class JsonLinesReader final : public DocumentReader {
 public:
  JsonLinesReader(std::string path, std::unique_ptr<io::InputStream> input,
                  const DocumentReaderOptions& options)
      : path_(std::move(path)), input_(std::move(input)), options_(options) {}

  Result<bool> ReadBlock(DocumentBatch& batch) override {
    batch.Clear(path_, next_line_, byte_offset_);
    batch.ReserveBlock(std::max(options_.block_bytes, rest_.size()), 0);
    std::memcpy(batch.block(), rest_.data(), rest_.size());
    std::size_t filled = rest_.size();
    std::size_t end = 0;      // behind the block's last newline
    std::size_t checked = 0;  // no newline that ends the block before it
    // A little more than a block, so that its last line ends in it and little is left over; for a
    // long line ever more.
    std::size_t more = std::min(options_.block_bytes, kReadAhead);
    while (end == 0) {
      const std::size_t wanted = std::max(options_.block_bytes, checked) + more;
      DATALAKE_TRY(Fill(batch, wanted, filled));
      const std::string_view read(batch.block(), filled);
      end = EndOfBlock(read, checked);
      if (end == 0 && filled < wanted) {  // the end of the file
        end = filled;
        break;
      }
      if (end == 0 && filled - LineBegin(read) > options_.max_line_bytes) {
        return LineTooLong(read);
      }
      checked = filled;
      more = std::max(more, filled / 2);
    }
    rest_.assign(batch.block() + end, filled - end);
    FinishBlock(batch, end);
    return end != 0;
  }

  Status Decode(DocumentBatch& batch, json::DocumentParser& parser) const override {
    batch.DecodeJsonLines(parser);
    return {};
  }

 private:
  static constexpr std::size_t kReadAhead = std::size_t{16} << 10;

  void FinishBlock(DocumentBatch& batch, std::size_t size_bytes) {
    const std::string_view block(batch.block(), size_bytes);
    const bool unterminated = !block.empty() && block.back() != '\n';
    const std::uint64_t lines = CountNewlines(block) + (unterminated ? 1 : 0);
    batch.SetBlock(size_bytes, lines);
    next_line_ += lines;
    byte_offset_ += size_bytes;
  }

  // Reads until `wanted` bytes are there or the file ends.
  Status Fill(DocumentBatch& batch, std::size_t wanted, std::size_t& filled) {
    batch.ReserveBlock(wanted, filled);
    while (filled < wanted && !at_end_) {
      const Result<std::size_t> read =
          input_->Read(std::as_writable_bytes(std::span(batch.block() + filled, wanted - filled)));
      if (!read) {
        Error error = read.error();
        error.message +=
            fmt::format("; in line {}", next_line_ + CountNewlines({batch.block(), filled}));
        return error;
      }
      at_end_ = *read == 0;
      filled += *read;
    }
    return {};
  }

  // Behind the first newline at or after byte block_bytes - 1; 0 when there is none yet.
  std::size_t EndOfBlock(std::string_view filled, std::size_t checked) const {
    const std::size_t newline = filled.find('\n', std::max(options_.block_bytes - 1, checked));
    return newline == std::string_view::npos ? 0 : newline + 1;
  }

  static std::size_t LineBegin(std::string_view filled) {
    const std::size_t newline = filled.rfind('\n');
    return newline == std::string_view::npos ? 0 : newline + 1;
  }

  Error LineTooLong(std::string_view filled) const {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("line longer than {} bytes: {}:{}", options_.max_line_bytes, path_,
                             next_line_ + CountNewlines(filled))};
  }

  const std::string path_;
  const std::unique_ptr<io::InputStream> input_;
  const DocumentReaderOptions options_;
  std::string rest_;
  bool at_end_ = false;
  std::uint64_t next_line_ = 1;
  std::uint64_t byte_offset_ = 0;
};

}  // namespace

Status DocumentReaderOptions::Validate() const {
  if (block_bytes < 1 || block_bytes > (std::size_t{1} << 30)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("block_bytes must be from 1 to 2^30: {}", block_bytes)};
  }
  if (max_line_bytes < 1 || max_line_bytes > (std::size_t{1} << 31)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("max_line_bytes must be from 1 to 2^31: {}", max_line_bytes)};
  }
  return {};
}

DocumentReader::DocumentReader() = default;
DocumentReader::~DocumentReader() = default;

Result<bool> DocumentReader::Next(DocumentBatch& batch) {
  if (parser_ == nullptr) {
    parser_ = std::make_unique<json::DocumentParser>();
  }
  DATALAKE_TRY_ASSIGN(const bool more, ReadBlock(batch));
  if (more) {
    DATALAKE_TRY(Decode(batch, *parser_));
  }
  return more;
}

bool IsDocumentPath(std::string_view path) {
  for (const std::string_view suffix : {".gz", ".zst", ".zstd"}) {
    if (path.ends_with(suffix)) {
      path.remove_suffix(suffix.size());
      break;
    }
  }
  return path.ends_with(".jsonl") || path.ends_with(".json") || path.ends_with(".ndjson") ||
         path.ends_with(".parquet");
}

Result<std::unique_ptr<DocumentReader>> OpenDocuments(io::FileSystem& fs, std::string_view path,
                                                      const DocumentReaderOptions& options) {
  DATALAKE_TRY(options.Validate());
  if (path.ends_with(".parquet")) {
    return OpenParquetDocuments(fs, path, options);
  }
  DATALAKE_TRY_ASSIGN(auto input, io::OpenCompressed(fs, path, options.pool));
  return std::make_unique<JsonLinesReader>(std::string(path), std::move(input), options);
}

}  // namespace datalake::format
