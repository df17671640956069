#include "datalake/table/read.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include "datalake/base/hash.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/table/column_cast.h"
#include "datalake/table/expunge.h"
#include "datalake/table/partition_path.h"

namespace datalake::table {
namespace {

class TableRows final : public arrow::RecordBatchReader {
 public:
  TableRows(io::FileSystem& fs, std::shared_ptr<const TableSnapshot> snapshot,
            std::vector<TableFilePtr> files, std::shared_ptr<arrow::Schema> schema)
      : fs_(fs),
        snapshot_(std::move(snapshot)),
        files_(std::move(files)),
        schema_(std::move(schema)) {
    const auto& partitions = snapshot_->partition_columns();
    for (const auto& field : schema_->fields()) {
      if (std::find(partitions.begin(), partitions.end(), field->name()) == partitions.end()) {
        stored_.push_back(field->name());
      }
    }
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    auto batch = NextBatch();
    if (!batch) {
      return format::ToArrow(batch.error());
    }
    *out = std::move(batch).value();
    return arrow::Status::OK();
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> NextBatch() {
    while (true) {
      if (rows_ == nullptr) {
        if (next_ == files_.size()) {
          return nullptr;
        }
        DATALAKE_TRY(CheckHash(*files_[next_]));
        auto opened = format::ReadParquet(fs_, files_[next_]->os_path, stored_,
                                          format::MissingColumns::kSkip);
        if (!opened) {
          return opened.error().code == ErrorCode::kNotFound
                     ? MissingFileError(fs_, files_[next_]->os_path, std::move(opened).error())
                     : std::move(opened).error();
        }
        rows_ = *std::move(opened);
      }
      const TableFile& file = *files_[next_];
      DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows_->Next(), file.os_path));
      if (batch == nullptr) {
        rows_ = nullptr;
        ++next_;
        continue;
      }
      auto shaped = Shape(file, *batch);
      if (!shaped) {
        return WithContext(std::move(shaped).error(), file.os_path);
      }
      return shaped;
    }
  }

  // Parquet guards its pages, but not its footer and the heads of its pages.
  Status CheckHash(const TableFile& file) const {
    if (!file.xxh3 || file.size_bytes > kMaxHashedFileBytes) {
      return {};
    }
    const auto bytes = io::ReadFile(fs_, file.os_path, kMaxHashedFileBytes);
    if (bytes && Xxh3Hash64(*bytes) != *file.xxh3) {
      return Error{ErrorCode::kCorruption,
                   "data file was changed, its hash is not that of its bytes: " + file.os_path};
    }
    return {};  // one that cannot be read fails next
  }

  // The batch of a file with the columns and types of the table.
  Result<std::shared_ptr<arrow::RecordBatch>> Shape(const TableFile& file,
                                                    const arrow::RecordBatch& batch) const {
    arrow::ArrayVector columns;
    for (const auto& field : schema_->fields()) {
      DATALAKE_TRY_ASSIGN(auto column, Column(file, batch, *field));
      columns.push_back(std::move(column));
    }
    return arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
  }

  Result<std::shared_ptr<arrow::Array>> Column(const TableFile& file,
                                               const arrow::RecordBatch& batch,
                                               const arrow::Field& field) const {
    const auto& partitions = snapshot_->partition_columns();
    if (std::find(partitions.begin(), partitions.end(), field.name()) != partitions.end()) {
      const auto found = file.partition_values.find(field.name());
      DATALAKE_TRY_ASSIGN(
          const auto value,
          ParsePartitionValue(field,
                              found == file.partition_values.end() ? std::nullopt : found->second));
      return format::FromArrow(arrow::MakeArrayFromScalar(*value, batch.num_rows()),
                               "cannot fill partition column");
    }
    if (auto column = batch.GetColumnByName(field.name())) {
      return CastColumn(std::move(column), field.type(), field.name());
    }
    return format::FromArrow(arrow::MakeArrayOfNull(field.type(), batch.num_rows()),
                             "cannot fill missing column");
  }

  io::FileSystem& fs_;
  const std::shared_ptr<const TableSnapshot> snapshot_;
  const std::vector<TableFilePtr> files_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::string> stored_;  // columns that are in the files
  std::size_t next_ = 0;
  std::shared_ptr<arrow::RecordBatchReader> rows_;
};

}  // namespace

Result<std::shared_ptr<arrow::RecordBatchReader>> ReadTableFiles(
    io::FileSystem& fs, std::shared_ptr<const TableSnapshot> snapshot,
    std::span<const TableFilePtr> files, std::span<const std::string> columns) {
  arrow::FieldVector fields = columns.empty() ? snapshot->schema()->fields() : arrow::FieldVector();
  for (const std::string& column : columns) {
    const auto field = snapshot->schema()->GetFieldByName(column);
    if (field == nullptr) {
      return UnknownNameError("column", column, snapshot->schema()->field_names());
    }
    fields.push_back(field);
  }
  return std::shared_ptr<arrow::RecordBatchReader>(std::make_shared<TableRows>(
      fs, std::move(snapshot), std::vector<TableFilePtr>(files.begin(), files.end()),
      arrow::schema(std::move(fields))));
}

Result<std::shared_ptr<arrow::RecordBatchReader>> ReadTable(
    io::FileSystem& fs, std::shared_ptr<const TableSnapshot> snapshot,
    std::span<const std::string> columns) {
  const std::vector<TableFilePtr>& files = snapshot->files();
  return ReadTableFiles(fs, snapshot, files, columns);
}

}  // namespace datalake::table
