#include "datalake/table/file_writer.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/base/id.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/table/column_cast.h"
#include "datalake/table/partition_path.h"
#include "datalake/table/statistics_json.h"
#include "datalake/text/utf8.h"

namespace datalake::table {
Status CheckPartitionValues(const LogState& table, const PartitionValues& values,
                            PartitionValueRule rule) {
  const auto& columns = table.metadata().partition_columns;
  for (const auto& [column, value] : values) {
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
      return UnknownNameError("partition column", column, columns);
    }
  }
  for (const std::string& column : columns) {
    const auto found = values.find(column);
    if (found == values.end()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("partition value is missing: column {}: {}", column, table.root())};
    }
    const auto& value = found->second;
    if (rule == PartitionValueRule::kNames) {
      DATALAKE_TRY(CheckName(column, value.value_or("")));
    }
    const bool is_reserved =
        value.has_value() && (value->empty() || *value == kHiveNull || !text::IsValidUtf8(*value));
    if (is_reserved) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("partition value must not be empty, {} or invalid UTF-8: column {}",
                               kHiveNull, column)};
    }
    DATALAKE_TRY(ParsePartitionValue(*table.schema()->GetFieldByName(column), value));
  }
  return {};
}

// The data file that is being written.
class OpenFile {
 public:
  OpenFile(std::string relative, std::string os_path, std::unique_ptr<format::ParquetWriter> writer)
      : relative_(std::move(relative)), os_path_(std::move(os_path)), writer_(std::move(writer)) {}

  format::ParquetWriter& writer() { return *writer_; }

  Result<StagedFile> Publish(const Clock& clock) {
    DATALAKE_TRY_ASSIGN(const auto written, writer_->Publish());
    return StagedFile{.path = UriEncode(relative_),
                      .os_path = os_path_,
                      .size_bytes = written.size_bytes,
                      .num_rows = written.num_rows,
                      .modified_ms = EpochMillis(clock.Now()),
                      .stats_json = StatisticsToJson(written)};
  }

 private:
  std::string relative_;
  std::string os_path_;
  std::unique_ptr<format::ParquetWriter> writer_;
};

FileWriter::FileWriter(const TableEnvironment& environment, const TableOptions& options,
                       std::string root, std::shared_ptr<arrow::Schema> schema)
    : environment_(environment),
      options_(options),
      root_(std::move(root)),
      schema_(std::move(schema)) {}

FileWriter::~FileWriter() {
  for (const StagedFile& file : finished_) {
    const Status ignored = environment_.fs.Remove(file.os_path);
    (void)ignored;
  }
}

Status FileWriter::Start(const std::vector<std::string>& partitions,
                         const PartitionValues& values) {
  DATALAKE_TRY_ASSIGN(folder_, PartitionFolder(root_, partitions, values));
  values_ = values;
  return {};
}

Status FileWriter::BeginFile() {
  std::string relative =
      io::JoinPath(folder_, fmt::format("part-{}.parquet", MakeUuid(environment_.random)));
  std::string os_path = io::JoinPath(root_, relative);
  // Also when it exists: a call that died may have made it without its name being durable.
  DATALAKE_TRY(environment_.fs.MakeDirectories(io::ParentPath(os_path)));
  const format::ParquetWriteOptions options{.zstd_level = options_.zstd_level};
  DATALAKE_TRY_ASSIGN(auto writer,
                      format::ParquetWriter::Make(environment_.fs, os_path, schema_, options));
  open_ = std::make_unique<OpenFile>(std::move(relative), std::move(os_path), std::move(writer));
  return {};
}

Status FileWriter::EndFile() {
  DATALAKE_TRY_ASSIGN(StagedFile staged, open_->Publish(environment_.clock));
  open_.reset();
  staged.partition_values = values_;
  if (staged.size_bytes <= kMaxHashedFileBytes) {
    DATALAKE_TRY_ASSIGN(const std::string bytes,
                        io::ReadFile(environment_.fs, staged.os_path, kMaxHashedFileBytes));
    staged.xxh3 = Xxh3Hash64(bytes);
  }
  staged.schema = schema_;
  finished_.push_back(std::move(staged));
  return {};
}

Status FileWriter::Write(const arrow::RecordBatch& batch) {
  if (batch.num_rows() == 0) {
    return {};
  }
  arrow::ArrayVector columns;
  for (int i = 0; i < schema_->num_fields(); ++i) {
    const auto& field = schema_->field(i);
    DATALAKE_TRY_ASSIGN(auto column, CastColumn(batch.column(i), field->type(), field->name()));
    if (!field->nullable() && column->null_count() > 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("null in a required column: {}", field->name())};
    }
    columns.push_back(std::move(column));
  }
  if (open_ == nullptr) {
    DATALAKE_TRY(BeginFile());
  }
  DATALAKE_TRY(open_->writer().Write(
      *arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns))));
  if (open_->writer().written_bytes() >= options_.target_file_bytes) {
    return EndFile();
  }
  return {};
}

Result<std::vector<StagedFile>> FileWriter::Finish() {
  if (open_ != nullptr) {
    DATALAKE_TRY(EndFile());
  }
  return std::exchange(finished_, {});
}

}  // namespace datalake::table
