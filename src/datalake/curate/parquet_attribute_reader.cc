#include <algorithm>
#include <string>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/curate/attribute_reader_internal.h"
#include "datalake/curate/attribute_writer.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/json/flat_tree.h"
#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

// Columns that stand beside the attributes of a row.
constexpr std::string_view kId = "id";
constexpr std::string_view kSource = "source";

bool IsString(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::LARGE_STRING;
}

bool IsNumber(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::UINT32:
    case arrow::Type::UINT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
      return true;
    default:
      return false;
  }
}

// list<struct<start, end, score>> of numbers, or a large list of them.
bool IsSpans(const arrow::DataType& type) {
  if (type.id() != arrow::Type::LIST && type.id() != arrow::Type::LARGE_LIST) {
    return false;
  }
  const arrow::DataType& span = *type.field(0)->type();
  if (span.id() != arrow::Type::STRUCT || span.num_fields() != 3) {
    return false;
  }
  constexpr std::string_view kNames[] = {"start", "end", "score"};
  for (int i = 0; i < 3; ++i) {
    if (span.field(i)->name() != kNames[i] || !IsNumber(*span.field(i)->type())) {
      return false;
    }
  }
  return true;
}

// As in lines where it was rounded for them, else in full.
void AppendDouble(double value, json::Writer& writer) {
  if (RoundScore(value) != value) {
    writer.Double(value);
    return;
  }
  std::string digits;
  AppendScore(digits, value);
  writer.Raw(digits);
}

void AppendNumber(const arrow::Array& array, std::int64_t i, json::Writer& writer) {
  if (array.IsNull(i)) {
    writer.Null();
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::INT32:
      writer.Int(static_cast<const arrow::Int32Array&>(array).Value(i));
      return;
    case arrow::Type::INT64:
      writer.Int(static_cast<const arrow::Int64Array&>(array).Value(i));
      return;
    case arrow::Type::UINT32:
      writer.Uint(static_cast<const arrow::UInt32Array&>(array).Value(i));
      return;
    case arrow::Type::UINT64:
      writer.Uint(static_cast<const arrow::UInt64Array&>(array).Value(i));
      return;
    case arrow::Type::FLOAT:
      writer.Double(static_cast<double>(static_cast<const arrow::FloatArray&>(array).Value(i)));
      return;
    default:
      AppendDouble(static_cast<const arrow::DoubleArray&>(array).Value(i), writer);
      return;
  }
}

void AppendStringOrNull(const arrow::Array* array, std::int64_t i, json::Writer& writer) {
  if (array == nullptr || array->IsNull(i)) {
    writer.Null();
  } else if (array->type_id() == arrow::Type::LARGE_STRING) {
    writer.String(static_cast<const arrow::LargeStringArray&>(*array).GetView(i));
  } else {
    writer.String(static_cast<const arrow::StringArray&>(*array).GetView(i));
  }
}

// A column of attributes.
struct SpanColumn {
  std::string_view name;
  const arrow::Array* lists = nullptr;
  const arrow::StructArray* spans = nullptr;
  bool is_large = false;

  std::pair<std::int64_t, std::int64_t> RangeOf(std::int64_t row) const {
    if (is_large) {
      const auto& list = static_cast<const arrow::LargeListArray&>(*lists);
      return {list.value_offset(row), list.value_offset(row + 1)};
    }
    const auto& list = static_cast<const arrow::ListArray&>(*lists);
    return {list.value_offset(row), list.value_offset(row + 1)};
  }
};

SpanColumn ViewOf(std::string_view name, const arrow::Array& lists) {
  const bool is_large = lists.type_id() == arrow::Type::LARGE_LIST;
  const auto& values = is_large ? static_cast<const arrow::LargeListArray&>(lists).values()
                                : static_cast<const arrow::ListArray&>(lists).values();
  return {name, &lists, static_cast<const arrow::StructArray*>(values.get()), is_large};
}

class RowRenderer {
 public:
  explicit RowRenderer(const arrow::RecordBatch& rows)
      : ids_(rows.GetColumnByName(std::string(kId))),
        sources_(rows.GetColumnByName(std::string(kSource))) {
    for (int i = 0; i < rows.num_columns(); ++i) {
      const std::string& name = rows.column_name(i);
      if (name != kId && name != kSource) {
        arrays_.push_back(rows.column(i));
        columns_.push_back(ViewOf(name, *arrays_.back()));
      }
    }
    for (const SpanColumn& column : columns_) {
      fields_.push_back({column.spans->field(0), column.spans->field(1), column.spans->field(2)});
    }
  }

  void Append(std::int64_t row, std::string& out) const {
    json::Writer writer(out);
    writer.BeginObject();
    writer.Key(kId);
    AppendStringOrNull(ids_.get(), row, writer);
    writer.Key("attributes");
    writer.BeginObject();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i].lists->IsNull(row)) {
        writer.Key(columns_[i].name);
        AppendSpans(i, row, writer);
      }
    }
    writer.EndObject();
    writer.Key(kSource);
    AppendStringOrNull(sources_.get(), row, writer);
    writer.EndObject();
  }

 private:
  void AppendSpans(std::size_t column, std::int64_t row, json::Writer& writer) const {
    const auto [begin, end] = columns_[column].RangeOf(row);
    writer.BeginArray();
    for (std::int64_t i = begin; i < end; ++i) {
      writer.BeginArray();
      for (const auto& field : fields_[column]) {
        AppendNumber(*field, i, writer);
      }
      writer.EndArray();
    }
    writer.EndArray();
  }

  std::shared_ptr<arrow::Array> ids_;
  std::shared_ptr<arrow::Array> sources_;
  std::vector<std::shared_ptr<arrow::Array>> arrays_;
  std::vector<SpanColumn> columns_;
  std::vector<std::vector<std::shared_ptr<arrow::Array>>> fields_;
};

class ParquetAttributes final : public AttributeReader {
 public:
  ParquetAttributes(std::string path, std::shared_ptr<arrow::RecordBatchReader> rows)
      : path_(std::move(path)), rows_(std::move(rows)) {}

  Result<std::uint64_t> Read(std::uint64_t max_rows, AttributeBatch& batch) override {
    batch.Clear(next_row_);
    std::uint64_t count = 0;
    while (count < max_rows) {
      if (rest_ == nullptr || rest_->num_rows() == 0) {
        DATALAKE_TRY(format::FromArrow(rows_->ReadNext(&rest_), path_));
        if (rest_ == nullptr) {
          break;
        }
        continue;
      }
      const std::int64_t wanted = static_cast<std::int64_t>(
          std::min(max_rows - count, static_cast<std::uint64_t>(rest_->num_rows())));
      batch.owners().push_back(rest_->Slice(0, wanted));
      rest_ = rest_->Slice(wanted);
      count += static_cast<std::uint64_t>(wanted);
    }
    batch.SetRows(count);
    next_row_ += count;
    return count;
  }

  Status Decode(AttributeBatch& batch) const override {
    std::string& text = batch.text();
    std::vector<std::size_t> ends;
    for (const auto& owner : batch.owners()) {
      const auto* rows = static_cast<const arrow::RecordBatch*>(owner.get());
      const RowRenderer renderer(*rows);
      for (std::int64_t i = 0; i < rows->num_rows(); ++i) {
        renderer.Append(i, text);
        ends.push_back(text.size());
      }
    }
    batch.owners().clear();
    text.resize(text.size() + json::FlatTreeParser::kPadding);
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      batch.mutable_rows().push_back(std::string_view(text).substr(begin, end - begin));
      begin = end;
    }
    return {};
  }

 private:
  const std::string path_;
  const std::shared_ptr<arrow::RecordBatchReader> rows_;
  std::shared_ptr<arrow::RecordBatch> rest_;
  std::uint64_t next_row_ = 1;
};

Status CheckSchema(const arrow::Schema& schema, std::string_view path) {
  for (const auto& field : schema.fields()) {
    const bool is_label = field->name() == kId || field->name() == kSource;
    if (is_label ? !IsString(*field->type()) : !IsSpans(*field->type())) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("column holds no attributes; {} is wanted: {}: {} {}",
                               is_label ? "a string" : "list<struct<start, end, score>>", path,
                               field->name(), field->type()->ToString())};
    }
  }
  if (schema.GetFieldIndex(std::string(kId)) < 0) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("attributes need one column `id`: {}", path)};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<AttributeReader>> OpenParquetAttributes(io::FileSystem& fs,
                                                               std::string_view path) {
  DATALAKE_TRY_ASSIGN(auto rows, format::ReadParquet(fs, path));
  DATALAKE_TRY(CheckSchema(*rows->schema(), path));
  return std::make_unique<ParquetAttributes>(std::string(path), std::move(rows));
}

}  // namespace datalake::curate
