#include "datalake/format/json_rows.h"

#include <utility>

#include <arrow/array/builder_base.h>
#include <arrow/array/builder_nested.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/json_records.h"
#include "datalake/format/json_values.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"

namespace datalake::format {
namespace {

using json::Node;

constexpr std::size_t kMaxColumns = 4096;
constexpr std::uint64_t kBatchBytes = 32ULL << 20;  // of JSON text in a batch, about

class JsonRows final : public arrow::RecordBatchReader {
 public:
  JsonRows(JsonRecords records, std::shared_ptr<arrow::Schema> schema, const RowsOptions& options)
      : records_(std::move(records)), schema_(std::move(schema)), options_(options) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    // One struct column whose members are the columns.
    const auto type = arrow::struct_(schema_->fields());
    ARROW_ASSIGN_OR_RAISE(auto builder, arrow::MakeBuilder(type));
    JsonAppender appender(builder.get(), *type);
    const std::uint64_t start_bytes = records_.line_bytes();
    std::int64_t rows = 0;
    const Status status = records_.ForEach([&](Node object) -> Result<bool> {
      DATALAKE_TRY(FromArrow(appender.AppendStruct(object), "cannot take in json row"));
      ++rows;
      return rows < options_.batch_rows && records_.line_bytes() - start_bytes < kBatchBytes;
    });
    if (!status) {
      return ToArrow(status.error());
    }
    if (rows == 0) {
      *out = nullptr;
      return arrow::Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(const auto array, builder->Finish());
    ARROW_ASSIGN_OR_RAISE(*out, arrow::RecordBatch::FromStructArray(array));
    *out = (*out)->ReplaceSchemaMetadata(schema_->metadata());
    return arrow::Status::OK();
  }

 private:
  JsonRecords records_;
  const std::shared_ptr<arrow::Schema> schema_;
  const RowsOptions options_;
};

}  // namespace

Result<std::shared_ptr<arrow::Schema>> InferJsonSchema(io::FileSystem& fs,
                                                       const std::vector<std::string>& files,
                                                       const RowsOptions& options) {
  JsonTypeGuess rows;
  for (const std::string& file : files) {
    DATALAKE_TRY_ASSIGN(auto stream, io::OpenCompressed(fs, file));
    JsonRecords records(file, std::move(stream), options.max_line_bytes);
    DATALAKE_TRY(records.ForEach([&](Node object) -> Result<bool> {
      rows.AddMembers(object, 0, kMaxColumns);
      return true;
    }));
    if (rows.is_text()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("rows with more than {} columns: {}", kMaxColumns, file)};
    }
  }
  return arrow::schema(rows.Fields());
}

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenJson(io::FileSystem& fs,
                                                           std::string_view file,
                                                           std::shared_ptr<arrow::Schema> schema,
                                                           const RowsOptions& options) {
  DATALAKE_TRY_ASSIGN(auto stream, io::OpenCompressed(fs, file));
  return std::make_shared<JsonRows>(
      JsonRecords(std::string(file), std::move(stream), options.max_line_bytes), std::move(schema),
      options);
}

}  // namespace datalake::format
