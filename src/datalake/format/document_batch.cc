#include "datalake/format/document_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "datalake/json/document.h"
#include "datalake/text/utf8.h"

namespace datalake::format {
namespace {

// What the parser cannot know: simdjson says that a line is not UTF-8, but not where.
std::string ReasonOf(std::string_view line, const Error& error) {
  const std::size_t at = text::FirstInvalidUtf8(line);
  if (at == std::string_view::npos) {
    return error.message;
  }
  return fmt::format("invalid UTF-8: byte {} of the line", at);
}

}  // namespace

std::string DocumentBatch::Where(std::uint32_t line) const {
  return fmt::format("{}:{}", path_, first_line_ + line);
}

void DocumentBatch::Clear(std::string_view path, std::uint64_t first_line,
                          std::uint64_t byte_offset) {
  path_ = path;
  first_line_ = first_line;
  byte_offset_ = byte_offset;
  num_lines_ = 0;
  size_bytes_ = 0;
  documents_.clear();
  rejects_.clear();
  owner_.reset();
}

void DocumentBatch::ReserveBlock(std::size_t size_bytes, std::size_t keep_bytes) {
  if (block_capacity_ >= size_bytes) {
    return;
  }
  auto larger = std::make_unique_for_overwrite<char[]>(size_bytes + json::DocumentParser::kPadding);
  if (keep_bytes != 0) {
    std::memcpy(larger.get(), block_.get(), keep_bytes);
  }
  block_ = std::move(larger);
  block_capacity_ = size_bytes;
}

void DocumentBatch::SetBlock(std::size_t size_bytes, std::uint64_t num_lines) {
  size_bytes_ = size_bytes;
  num_lines_ = num_lines;
}

void DocumentBatch::DecodeJsonLines(json::DocumentParser& parser) {
  constexpr std::size_t kPadding = json::DocumentParser::kPadding;
  // The parser may look behind the last line; it must find what does not change from run to run.
  std::memset(block_.get() + size_bytes_, 0, kPadding);
  if (unescaped_capacity_ < size_bytes_) {
    unescaped_ = std::make_unique_for_overwrite<char[]>(block_capacity_ + kPadding);
    unescaped_capacity_ = block_capacity_;
  }
  documents_.reserve(num_lines_);
  const std::string_view block(block_.get(), size_bytes_);
  char* out = unescaped_.get();
  std::size_t begin = 0;
  for (std::uint32_t line = 0; line < num_lines_; ++line) {
    const std::size_t end = std::min(block.find('\n', begin), block.size());
    const std::string_view raw = block.substr(begin, end - begin);
    json::DocumentFields fields;
    if (const Status parsed = parser.Parse(raw, out, fields); parsed) {
      documents_.push_back({fields.id, fields.text, fields.source, fields.metadata_raw, raw, line,
                            fields.id_raw, fields.has_text});
    } else {
      rejects_.push_back({line, byte_offset_ + begin, ReasonOf(raw, parsed.error()), raw});
    }
    begin = end + 1;
  }
}

}  // namespace datalake::format
