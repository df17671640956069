#include "datalake/curate/attribute_reader.h"

#include <algorithm>
#include <utility>

#include "datalake/curate/attribute_reader_internal.h"
#include "datalake/format/document_reader.h"
#include "datalake/json/flat_tree.h"

namespace datalake::curate {
namespace {

static_assert(json::FlatTreeParser::kPadding <= 64);

class JsonLinesAttributes final : public AttributeReader {
 public:
  explicit JsonLinesAttributes(std::unique_ptr<format::DocumentReader> reader)
      : reader_(std::move(reader)) {}

  Result<std::uint64_t> Read(std::uint64_t max_rows, AttributeBatch& batch) override {
    batch.Clear(next_row_);
    std::uint64_t rows = 0;
    while (rows < max_rows) {
      if (rest_.empty()) {
        DATALAKE_TRY_ASSIGN(const bool more, reader_->ReadBlock(block_));
        if (!more) {
          break;
        }
        rest_ = std::string_view(block_.block(), block_.size_bytes());
        continue;
      }
      const std::size_t bytes = TakeLines(max_rows, rows);
      batch.text().append(rest_.substr(0, bytes));
      rest_.remove_prefix(bytes);
    }
    batch.SetRows(rows);
    next_row_ += rows;
    return rows;
  }

  Status Decode(AttributeBatch& batch) const override {
    const std::size_t size = batch.text().size();
    batch.text().resize(size + json::FlatTreeParser::kPadding);
    std::string_view rest = std::string_view(batch.text()).substr(0, size);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      batch.mutable_rows().push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
  }

 private:
  // The bytes of lines of rest_ until `rows`, which counts them, reaches `max_rows`.
  std::size_t TakeLines(std::uint64_t max_rows, std::uint64_t& rows) const {
    std::size_t at = 0;
    for (; rows < max_rows && at < rest_.size(); ++rows) {
      const std::size_t newline = rest_.find('\n', at);
      at = newline == std::string_view::npos ? rest_.size() : newline + 1;
    }
    return at;
  }

  const std::unique_ptr<format::DocumentReader> reader_;
  format::DocumentBatch block_;
  std::string_view rest_;  // of block_
  std::uint64_t next_row_ = 1;
};

}  // namespace

void AttributeBatch::Clear(std::uint64_t first_row) {
  first_row_ = first_row;
  num_rows_ = 0;
  text_.clear();
  rows_.clear();
  owners_.clear();
}

Result<std::unique_ptr<AttributeReader>> AttributeReader::Open(io::FileSystem& fs,
                                                               std::string_view path,
                                                               ThreadPool* pool) {
  if (path.ends_with(".parquet")) {
    return OpenParquetAttributes(fs, path);
  }
  DATALAKE_TRY_ASSIGN(auto lines, format::OpenDocuments(fs, path, {.pool = pool}));
  return std::make_unique<JsonLinesAttributes>(std::move(lines));
}

}  // namespace datalake::curate
