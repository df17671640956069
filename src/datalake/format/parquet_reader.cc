#include <algorithm>
#include <exception>
#include <numeric>
#include <utility>

#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include "datalake/base/name.h"
#include "datalake/format/arrow_io.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/file_system.h"

namespace datalake::format {
namespace {

// Encoded bytes of a batch, about; long texts get batches of fewer rows.
constexpr std::int64_t kBatchBytes = 8 << 20;
constexpr std::int64_t kMaxBatchRows = 65'536;

// What Parquet complains about is in the file, unless our own file system failed below it.
Error ReadError(const arrow::Status& status, std::string_view path) {
  Error error = ArrowError(status, fmt::format("cannot read parquet file: {}", path));
  const bool is_about_content = error.code == ErrorCode::kInvalidArgument ||
                                error.code == ErrorCode::kInternal ||
                                (error.code == ErrorCode::kIo && status.detail() == nullptr);
  if (is_about_content) {
    error.code = ErrorCode::kCorruption;
  }
  return error;
}

template <typename Call>
auto Guarded(std::string_view path, Call call) -> Result<std::decay_t<decltype(*call())>> {
  try {
    auto result = call();
    if (!result.ok()) {
      return ReadError(result.status(), path);
    }
    return std::move(result).ValueUnsafe();
  } catch (const parquet::ParquetStatusException& e) {
    return ReadError(e.status(), path);
  } catch (const std::exception& e) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("cannot read parquet file: {}: {}", path, e.what())};
  }
}

Result<std::unique_ptr<parquet::arrow::FileReader>> OpenReader(io::FileSystem& fs,
                                                               std::string_view path) {
  DATALAKE_TRY_ASSIGN(auto file, OpenArrowFile(fs, path));
  return Guarded(path, [&]() -> arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> {
    parquet::arrow::FileReaderBuilder builder;
    parquet::ReaderProperties checks = parquet::default_reader_properties();
    checks.set_page_checksum_verification(true);  // where the writer has put them
    ARROW_RETURN_NOT_OK(builder.Open(std::move(file), checks));
    const auto& metadata = *builder.raw_reader()->metadata();
    std::int64_t bytes_per_row = 1;
    for (int i = 0; i < metadata.num_row_groups(); ++i) {
      const auto group = metadata.RowGroup(i);
      const std::int64_t group_rows = std::max<std::int64_t>(group->num_rows(), 1);
      bytes_per_row = std::max(bytes_per_row, group->total_byte_size() / group_rows);
    }
    parquet::ArrowReaderProperties properties;
    properties.set_batch_size(
        std::clamp<std::int64_t>(kBatchBytes / bytes_per_row, 64, kMaxBatchRows));
    properties.set_pre_buffer(false);
    return builder.properties(properties)->Build();
  });
}

void AppendLeaves(const parquet::arrow::SchemaField& field, std::vector<int>& leaves) {
  if (field.is_leaf()) {
    leaves.push_back(field.column_index);
  }
  for (const auto& child : field.children) {
    AppendLeaves(child, leaves);
  }
}

// The wanted columns of a file.
struct Selection {
  std::vector<std::string> names;  // in the order asked for
  std::vector<int> leaves;         // Parquet's own columns of all these
};

Result<Selection> Select(const parquet::arrow::SchemaManifest& manifest,
                         const std::vector<std::string>& columns, MissingColumns missing,
                         std::string_view path) {
  Selection selection;
  for (const std::string& column : columns) {
    const auto& fields = manifest.schema_fields;
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
      return field.field->name() == column;
    });
    if (found != fields.end()) {
      selection.names.push_back(column);
      AppendLeaves(*found, selection.leaves);
      continue;
    }
    if (missing == MissingColumns::kError) {
      std::vector<std::string> names;
      for (const auto& field : fields) {
        names.push_back(field.field->name());
      }
      return WithContext(UnknownNameError("column", column, names), path);
    }
  }
  return selection;
}

// Gives the columns in the order asked for, and keeps the file open.
class FileRows final : public arrow::RecordBatchReader {
 public:
  FileRows(std::string path, std::unique_ptr<parquet::arrow::FileReader> file,
           std::unique_ptr<arrow::RecordBatchReader> rows,
           const std::optional<std::vector<std::string>>& columns)
      : path_(std::move(path)), file_(std::move(file)), rows_(std::move(rows)) {
    schema_ = rows_->schema();
    is_selection_ = columns.has_value();
    if (is_selection_) {
      arrow::FieldVector fields;
      for (const std::string& column : *columns) {
        // Names may repeat in a file of others: the first one counts, as in Select.
        order_.push_back(schema_->GetAllFieldIndices(column).front());
        fields.push_back(schema_->field(order_.back()));
      }
      schema_ = arrow::schema(std::move(fields), schema_->metadata());
    }
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    auto batch = Guarded(path_, [&] { return rows_->Next(); });
    if (!batch) {
      return ToArrow(batch.error());
    }
    *out = std::move(batch).value();
    if (*out != nullptr && is_selection_) {
      arrow::ArrayVector arrays;
      for (const int i : order_) {
        arrays.push_back((*out)->column(i));
      }
      *out = arrow::RecordBatch::Make(schema_, (*out)->num_rows(), std::move(arrays));
    }
    return arrow::Status::OK();
  }

 private:
  const std::string path_;
  const std::unique_ptr<parquet::arrow::FileReader> file_;
  const std::unique_ptr<arrow::RecordBatchReader> rows_;
  std::vector<int> order_;
  bool is_selection_ = false;
  std::shared_ptr<arrow::Schema> schema_;
};

// True when both are of one type with an order that this knows, and `a` comes first.
bool IsLess(const arrow::Scalar& a, const arrow::Scalar& b) {
  if (!a.type->Equals(*b.type)) {
    return false;
  }
  switch (a.type->id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return static_cast<const arrow::BaseBinaryScalar&>(a).view() <
             static_cast<const arrow::BaseBinaryScalar&>(b).view();
    case arrow::Type::FLOAT:
      return static_cast<const arrow::FloatScalar&>(a).value <
             static_cast<const arrow::FloatScalar&>(b).value;
    case arrow::Type::DOUBLE:
      return static_cast<const arrow::DoubleScalar&>(a).value <
             static_cast<const arrow::DoubleScalar&>(b).value;
    default: {
      const auto wide = [](const arrow::Scalar& scalar) {
        const auto cast = scalar.CastTo(arrow::int64());
        return cast.ok() ? static_cast<const arrow::Int64Scalar&>(**cast).value : 0;
      };
      return wide(a) < wide(b);
    }
  }
}

// The statistics of one leaf column over all row groups; nothing when one of them has none.
arrow::Result<std::optional<ColumnStatistics>> LeafStatistics(const parquet::FileMetaData& metadata,
                                                              int leaf) {
  ColumnStatistics all{.path = metadata.schema()->Column(leaf)->path()->ToDotVector()};
  for (int group = 0; group < metadata.num_row_groups(); ++group) {
    const auto statistics = metadata.RowGroup(group)->ColumnChunk(leaf)->statistics();
    if (statistics == nullptr || !statistics->HasNullCount()) {
      return std::nullopt;
    }
    all.null_count += statistics->null_count();
    const bool has_values = statistics->num_values() > 0;
    if (has_values && !statistics->HasMinMax()) {
      return std::nullopt;
    }
    if (!has_values) {
      continue;
    }
    std::shared_ptr<arrow::Scalar> min;
    std::shared_ptr<arrow::Scalar> max;
    ARROW_RETURN_NOT_OK(parquet::arrow::StatisticsAsScalars(*statistics, &min, &max));
    if (all.min == nullptr || IsLess(*min, *all.min)) {
      all.min = min;
    }
    if (all.max == nullptr || IsLess(*all.max, *max)) {
      all.max = max;
    }
  }
  return all;
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatchReader>> ReadParquet(
    io::FileSystem& fs, std::string_view path,
    const std::optional<std::vector<std::string>>& columns, MissingColumns missing) {
  DATALAKE_TRY_ASSIGN(auto file, OpenReader(fs, path));
  std::vector<int> groups(static_cast<std::size_t>(file->num_row_groups()));
  std::iota(groups.begin(), groups.end(), 0);
  std::optional<std::vector<std::string>> names;
  std::unique_ptr<arrow::RecordBatchReader> rows;
  if (!columns.has_value()) {
    DATALAKE_TRY_ASSIGN(rows, Guarded(path, [&] { return file->GetRecordBatchReader(groups); }));
  } else {
    DATALAKE_TRY_ASSIGN(Selection selection, Select(file->manifest(), *columns, missing, path));
    DATALAKE_TRY_ASSIGN(
        rows, Guarded(path, [&] { return file->GetRecordBatchReader(groups, selection.leaves); }));
    names = std::move(selection.names);
  }
  return std::shared_ptr<arrow::RecordBatchReader>(
      std::make_shared<FileRows>(std::string(path), std::move(file), std::move(rows), names));
}

Result<std::shared_ptr<arrow::RecordBatchReader>> ReadParquetGroups(
    io::FileSystem& fs, std::string_view path, const std::vector<int>& row_groups,
    const std::vector<std::string>& prefixes) {
  DATALAKE_TRY_ASSIGN(auto file, OpenReader(fs, path));
  const parquet::SchemaDescriptor& schema = *file->parquet_reader()->metadata()->schema();
  std::vector<int> leaves;
  for (int i = 0; i < schema.num_columns(); ++i) {
    const std::string leaf = schema.Column(i)->path()->ToDotString();
    const bool is_wanted =
        std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
          return leaf == prefix || (leaf.starts_with(prefix) && leaf[prefix.size()] == '.');
        });
    if (is_wanted) {
      leaves.push_back(i);
    }
  }
  DATALAKE_TRY_ASSIGN(
      auto rows, Guarded(path, [&] { return file->GetRecordBatchReader(row_groups, leaves); }));
  return std::shared_ptr<arrow::RecordBatchReader>(std::make_shared<FileRows>(
      std::string(path), std::move(file), std::move(rows), std::nullopt));
}

Result<ParquetFacts> ReadParquetFacts(io::FileSystem& fs, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const auto file, OpenReader(fs, path));
  ParquetFacts facts;
  DATALAKE_TRY_ASSIGN(facts.schema,
                      Guarded(path, [&]() -> arrow::Result<std::shared_ptr<arrow::Schema>> {
                        std::shared_ptr<arrow::Schema> schema;
                        ARROW_RETURN_NOT_OK(file->GetSchema(&schema));
                        return schema;
                      }));
  facts.num_rows = file->parquet_reader()->metadata()->num_rows();
  facts.num_row_groups = file->num_row_groups();
  return facts;
}

Result<WrittenFile> ReadParquetStatistics(io::FileSystem& fs, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const auto info, fs.Stat(path));
  DATALAKE_TRY_ASSIGN(const auto file, OpenReader(fs, path));
  const parquet::FileMetaData& metadata = *file->parquet_reader()->metadata();
  WrittenFile written{.size_bytes = info.size_bytes, .num_rows = metadata.num_rows()};
  for (int leaf = 0; leaf < metadata.num_columns(); ++leaf) {
    if (metadata.schema()->Column(leaf)->max_repetition_level() > 0) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(auto column, Guarded(path, [&] { return LeafStatistics(metadata, leaf); }));
    if (column.has_value()) {
      written.columns.push_back(*std::move(column));
    }
  }
  return written;
}

}  // namespace datalake::format
