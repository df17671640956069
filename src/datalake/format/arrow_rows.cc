#include "datalake/format/arrow_rows.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_io.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/file_system.h"

namespace datalake::format {
namespace {

constexpr std::string_view kFileMagic = "ARROW1";

Error ReadError(const arrow::Status& status, std::string_view path) {
  Error error = ArrowError(status, fmt::format("cannot read arrow file: {}", path));
  const bool is_about_content = status.detail() == nullptr &&
                                error.code != ErrorCode::kResourceExhausted &&
                                error.code != ErrorCode::kUnsupported;
  if (is_about_content) {
    error.code = ErrorCode::kCorruption;
  }
  return error;
}

// Rows of either form of IPC.
class IpcRows final : public arrow::RecordBatchReader {
 public:
  IpcRows(std::string path, std::shared_ptr<arrow::RecordBatchReader> stream)
      : path_(std::move(path)), schema_(stream->schema()), stream_(std::move(stream)) {}

  IpcRows(std::string path, std::shared_ptr<arrow::ipc::RecordBatchFileReader> file)
      : path_(std::move(path)), schema_(file->schema()), file_(std::move(file)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    auto batch = Next();
    arrow::Status status = batch.status();
    if (status.ok()) {
      *out = std::move(batch).ValueUnsafe();
      status = *out == nullptr ? arrow::Status::OK() : (*out)->ValidateFull();
    }
    return status.ok() ? status : ToArrow(ReadError(status, path_));
  }

 private:
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() {
    if (stream_ != nullptr) {
      return stream_->Next();
    }
    if (next_ == file_->num_record_batches()) {
      return nullptr;
    }
    return file_->ReadRecordBatch(next_++);
  }

  const std::string path_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::shared_ptr<arrow::RecordBatchReader> stream_;
  const std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
  int next_ = 0;
};

class Concatenation final : public arrow::RecordBatchReader {
 public:
  Concatenation(std::shared_ptr<arrow::Schema> schema, std::size_t count, RowsOpener open)
      : schema_(std::move(schema)), count_(count), open_(std::move(open)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    auto batch = Next();
    if (!batch) {
      return ToArrow(batch.error());
    }
    *out = std::move(*batch);
    return arrow::Status::OK();
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> Next() {
    while (true) {
      if (rows_ == nullptr) {
        if (next_ == count_) {
          return nullptr;
        }
        DATALAKE_TRY_ASSIGN(rows_, open_(next_));
      }
      DATALAKE_TRY_ASSIGN(auto batch, FromArrow(rows_->Next(), "cannot read rows"));
      if (batch != nullptr) {
        return Shape(*batch);
      }
      rows_ = nullptr;
      ++next_;
    }
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Shape(const arrow::RecordBatch& batch) const {
    arrow::ArrayVector columns;
    for (const auto& field : schema_->fields()) {
      auto column = batch.GetColumnByName(field->name());
      if (column == nullptr) {
        DATALAKE_TRY_ASSIGN(column,
                            FromArrow(arrow::MakeArrayOfNull(field->type(), batch.num_rows()),
                                      "cannot fill missing column"));
      } else if (!column->type()->Equals(*field->type())) {
        DATALAKE_TRY_ASSIGN(column,
                            FromArrow(arrow::compute::Cast(*column, field->type()),
                                      fmt::format("cannot widen column {}", field->name())));
      }
      columns.push_back(std::move(column));
    }
    return arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
  }

  const std::shared_ptr<arrow::Schema> schema_;
  const std::size_t count_;
  const RowsOpener open_;
  std::size_t next_ = 0;
  std::shared_ptr<arrow::RecordBatchReader> rows_;
};

// The type of a column that holds values of both, if there is one.
std::shared_ptr<arrow::DataType> CommonType(const std::shared_ptr<arrow::DataType>& a,
                                            const std::shared_ptr<arrow::DataType>& b) {
  using arrow::Type;
  const auto is_text = [](const arrow::DataType& type) {
    return type.id() == Type::STRING || type.id() == Type::LARGE_STRING ||
           type.id() == Type::STRING_VIEW;
  };
  if (a->Equals(*b) || b->id() == Type::NA) {
    return a;
  }
  if (a->id() == Type::NA) {
    return b;
  }
  if (a->id() == Type::DICTIONARY || b->id() == Type::DICTIONARY) {
    const auto value = [](const std::shared_ptr<arrow::DataType>& type) {
      return type->id() == Type::DICTIONARY
                 ? static_cast<const arrow::DictionaryType&>(*type).value_type()
                 : type;
    };
    return CommonType(value(a), value(b));
  }
  if (is_text(*a) && is_text(*b)) {
    return arrow::large_utf8();
  }
  const bool are_numbers = arrow::is_numeric(a->id()) && arrow::is_numeric(b->id());
  if (!are_numbers) {
    return nullptr;
  }
  if (arrow::is_floating(a->id()) || arrow::is_floating(b->id())) {
    return arrow::float64();
  }
  // Integers that differ: int64 holds all but uint64's upper half, which the cast would refuse.
  return arrow::int64();
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenArrowRows(io::FileSystem& fs,
                                                                std::string_view path) {
  DATALAKE_TRY_ASSIGN(const auto file, OpenArrowFile(fs, path));
  std::array<char, kFileMagic.size()> start{};
  DATALAKE_TRY_ASSIGN(const auto read,
                      FromArrow(file->ReadAt(0, start.size(), start.data()), path));
  const bool is_file = std::string_view(start.data(), static_cast<std::size_t>(read)) == kFileMagic;
  if (is_file) {
    auto reader = arrow::ipc::RecordBatchFileReader::Open(file);
    if (!reader.ok()) {
      return ReadError(reader.status(), path);
    }
    return std::make_shared<IpcRows>(std::string(path), *std::move(reader));
  }
  auto reader =
      arrow::ipc::RecordBatchStreamReader::Open(std::shared_ptr<arrow::io::InputStream>(file));
  if (!reader.ok()) {
    return ReadError(reader.status(), path);
  }
  return std::make_shared<IpcRows>(std::string(path),
                                   std::shared_ptr<arrow::RecordBatchReader>(*std::move(reader)));
}

std::shared_ptr<arrow::RecordBatchReader> ConcatRows(std::shared_ptr<arrow::Schema> schema,
                                                     std::size_t count, RowsOpener open) {
  return std::make_shared<Concatenation>(std::move(schema), count, std::move(open));
}

Result<std::shared_ptr<arrow::Schema>> UnifySchemas(
    const std::vector<std::shared_ptr<arrow::Schema>>& schemas,
    const std::vector<std::string>& files) {
  arrow::FieldVector fields;
  std::vector<std::size_t> origins;  // the file that each field first came from
  for (std::size_t i = 0; i < schemas.size(); ++i) {
    for (const auto& field : schemas[i]->fields()) {
      const auto known = std::find_if(fields.begin(), fields.end(), [&](const auto& other) {
        return other->name() == field->name();
      });
      if (known == fields.end()) {
        fields.push_back(field);
        origins.push_back(i);
        continue;
      }
      auto type = CommonType((*known)->type(), field->type());
      if (type == nullptr) {
        const std::size_t origin = origins[static_cast<std::size_t>(known - fields.begin())];
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("files disagree on the type of a column: {}: {} in {}, {} in {}",
                                 field->name(), (*known)->type()->ToString(), files[origin],
                                 field->type()->ToString(), files[i])};
      }
      *known = (*known)->WithType(std::move(type))->WithNullable(true);
    }
  }
  return arrow::schema(std::move(fields), schemas.front()->metadata());
}

}  // namespace datalake::format
