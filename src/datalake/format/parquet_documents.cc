#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/document_reader_internal.h"
#include "datalake/format/parquet.h"
#include "datalake/io/file_system.h"
#include "datalake/text/utf8.h"

namespace datalake::format {
namespace {

constexpr std::array<std::string_view, 4> kColumns = {"id", "text", "source", "metadata"};
constexpr std::size_t kId = 0;
constexpr std::size_t kText = 1;
constexpr std::size_t kSource = 2;
constexpr std::size_t kMetadata = 3;

// Strings of a column of type string or large_string; a null one when the column is absent.
class StringColumn {
 public:
  StringColumn() = default;

  explicit StringColumn(const arrow::Array* column) : column_(column) {}

  std::optional<std::string_view> At(std::int64_t row) const {
    if (column_ == nullptr || column_->IsNull(row)) {
      return std::nullopt;
    }
    if (column_->type_id() == arrow::Type::LARGE_STRING) {
      return static_cast<const arrow::LargeStringArray&>(*column_).GetView(row);
    }
    return static_cast<const arrow::StringArray&>(*column_).GetView(row);
  }

 private:
  const arrow::Array* column_ = nullptr;
};

bool IsString(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::LARGE_STRING;
}

// Rows that are handed out as blocks: pieces of the reader's record batches.
class ParquetDocuments final : public DocumentReader {
 public:
  ParquetDocuments(std::string path, const DocumentReaderOptions& options,
                   std::shared_ptr<arrow::RecordBatchReader> rows)
      : path_(std::move(path)), options_(options), rows_(std::move(rows)) {}

  Result<bool> ReadBlock(DocumentBatch& batch) override {
    batch.Clear(path_, next_row_, byte_offset_);
    while (rest_ == nullptr || rest_->num_rows() == 0) {
      DATALAKE_TRY(FromArrow(rows_->ReadNext(&rest_), path_));
      if (rest_ == nullptr) {
        return false;
      }
    }
    std::size_t bytes = 0;
    const std::int64_t rows = RowsOfBlock(bytes);
    batch.KeepAlive(rest_->Slice(0, rows));
    batch.SetBlock(bytes, static_cast<std::uint64_t>(rows));
    rest_ = rest_->Slice(rows);
    next_row_ += static_cast<std::uint64_t>(rows);
    byte_offset_ += bytes;
    return true;
  }

  Status Decode(DocumentBatch& batch, json::DocumentParser& /*parser*/) const override {
    const auto rows = std::static_pointer_cast<const arrow::RecordBatch>(batch.owner());
    std::array<StringColumn, kColumns.size()> columns;
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const int index = rows->schema()->GetFieldIndex(std::string(kColumns[i]));
      columns[i] = index < 0 ? StringColumn() : StringColumn(rows->column(index).get());
    }
    for (std::int64_t row = 0; row < rows->num_rows(); ++row) {
      AddRow(columns, row, batch);
    }
    return {};
  }

 private:
  void AddRow(const std::array<StringColumn, kColumns.size()>& columns, std::int64_t row,
              DocumentBatch& batch) const {
    const auto line = static_cast<std::uint32_t>(row);
    const auto reject = [&](std::string reason) {
      batch.AddReject({line, batch.byte_offset(), std::move(reason), ""});
    };
    const auto id = columns[kId].At(row);
    const auto text = columns[kText].At(row);
    if (!id || !text) {
      reject(id ? "no `text`" : "no `id`");
      return;
    }
    const Document document{
        *id, *text, columns[kSource].At(row).value_or(""), columns[kMetadata].At(row).value_or(""),
        "",  line};
    for (const std::string_view value :
         {document.id, document.text, document.source, document.metadata_raw}) {
      if (value.size() > options_.max_line_bytes) {
        reject(fmt::format("value longer than {} bytes", options_.max_line_bytes));
        return;
      }
      if (!text::IsValidUtf8(value)) {
        reject("invalid UTF-8");
        return;
      }
    }
    batch.AddDocument(document);
  }

  // How many of the rows at hand make a block, by the bytes of their texts.
  std::int64_t RowsOfBlock(std::size_t& bytes) const {
    const StringColumn texts(rest_->GetColumnByName("text").get());
    std::int64_t rows = 0;
    while (rows < rest_->num_rows() && bytes < options_.block_bytes) {
      bytes += texts.At(rows).value_or("").size();
      ++rows;
    }
    return rows;
  }

  const std::string path_;
  const DocumentReaderOptions options_;
  const std::shared_ptr<arrow::RecordBatchReader> rows_;
  std::shared_ptr<arrow::RecordBatch> rest_;
  std::uint64_t next_row_ = 1;
  std::uint64_t byte_offset_ = 0;
};

}  // namespace

Result<std::unique_ptr<DocumentReader>> OpenParquetDocuments(io::FileSystem& fs,
                                                             std::string_view path,
                                                             const DocumentReaderOptions& options) {
  DATALAKE_TRY_ASSIGN(const ParquetFacts facts, ReadParquetFacts(fs, path));
  std::vector<std::string> columns;
  for (const std::string_view name : kColumns) {
    const auto field = facts.schema->GetFieldByName(std::string(name));
    const bool is_string = field != nullptr && IsString(*field->type());
    if (!is_string && (name == "id" || name == "text" || (field != nullptr && name == "source"))) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("documents need a string column `{}`{}: {}", name,
                               field == nullptr ? "" : ", not " + field->type()->ToString(), path)};
    }
    if (is_string) {
      columns.emplace_back(name);
    }
  }
  DATALAKE_TRY_ASSIGN(auto rows, ReadParquet(fs, path, columns));
  return std::make_unique<ParquetDocuments>(std::string(path), options, std::move(rows));
}

}  // namespace datalake::format
