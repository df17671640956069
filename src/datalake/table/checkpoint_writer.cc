#include <array>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/table_builder.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/table/checkpoint.h"
#include "datalake/table/log_store.h"

namespace datalake::table {
namespace {

constexpr std::string_view kMark = "datalake.checkpoint";
constexpr std::int64_t kBatchRows = 8192;

// Small enough that a reader of one partition passes over most of a large checkpoint.
constexpr std::int64_t kRowGroupRows = 32'768;

std::shared_ptr<arrow::DataType> StringMap() {
  return arrow::map(arrow::utf8(), arrow::utf8());
}

// Appends values to the children of a struct in their order. Builders fail for want of memory
// alone; the first failure is kept.
class StructAppender {
 public:
  explicit StructAppender(arrow::ArrayBuilder* builder)
      : builder_(static_cast<arrow::StructBuilder*>(builder)) {
    Keep(builder_->Append());
  }

  StructAppender& String(std::string_view value) {
    Keep(Next<arrow::StringBuilder>()->Append(value));
    return *this;
  }

  StructAppender& StringOrNull(std::string_view value) {
    auto* builder = Next<arrow::StringBuilder>();
    Keep(value.empty() ? builder->AppendNull() : builder->Append(value));
    return *this;
  }

  StructAppender& Int(std::optional<std::int64_t> value) {
    auto* builder = Next<arrow::Int64Builder>();
    Keep(value.has_value() ? builder->Append(*value) : builder->AppendNull());
    return *this;
  }

  StructAppender& Int32(int value) {
    Keep(Next<arrow::Int32Builder>()->Append(value));
    return *this;
  }

  StructAppender& Bool(bool value) {
    Keep(Next<arrow::BooleanBuilder>()->Append(value));
    return *this;
  }

  StructAppender& Strings(const std::vector<std::string>& values) {
    auto* list = Next<arrow::ListBuilder>();
    Keep(list->Append());
    for (const std::string& value : values) {
      Keep(static_cast<arrow::StringBuilder*>(list->value_builder())->Append(value));
    }
    return *this;
  }

  StructAppender& Null() {
    Keep(builder_->child(next_++)->AppendNull());
    return *this;
  }

  template <typename MapType>
  StructAppender& Map(const MapType& values) {
    auto* map = Next<arrow::MapBuilder>();
    Keep(map->Append());
    for (const auto& [key, value] : values) {
      Keep(static_cast<arrow::StringBuilder*>(map->key_builder())->Append(key));
      AppendItem(*static_cast<arrow::StringBuilder*>(map->item_builder()), value);
    }
    return *this;
  }

  arrow::ArrayBuilder* Child() { return builder_->child(next_++); }

  void Keep(arrow::Status status) {
    if (status_.ok()) {
      status_ = std::move(status);
    }
  }

  const arrow::Status& status() const { return status_; }

 private:
  void AppendItem(arrow::StringBuilder& items, const std::string& value) {
    Keep(items.Append(value));
  }

  void AppendItem(arrow::StringBuilder& items, const std::optional<std::string>& value) {
    Keep(value.has_value() ? items.Append(*value) : items.AppendNull());
  }

  template <typename Builder>
  Builder* Next() {
    return static_cast<Builder*>(builder_->child(next_++));
  }

  arrow::StructBuilder* builder_;
  int next_ = 0;
  arrow::Status status_;
};

enum ActionColumnIndex : int { kTxn, kAdd, kRemove, kMetadata, kProtocol };

class CheckpointFile {
 public:
  explicit CheckpointFile(std::unique_ptr<format::ParquetWriter> writer)
      : writer_(std::move(writer)) {}

  Status Start() {
    DATALAKE_TRY_ASSIGN(
        builder_, format::FromArrow(arrow::RecordBatchBuilder::Make(CheckpointSchema(),
                                                                    arrow::default_memory_pool()),
                                    "cannot build checkpoint"));
    return {};
  }

  Status Append(const CommitActions& actions) {
    DATALAKE_TRY(Row(kProtocol, [&](StructAppender& row) {
      row.Int32(actions.protocol->min_reader_version).Int32(actions.protocol->min_writer_version);
    }));
    DATALAKE_TRY(Metadata(*actions.metadata));
    for (const TransactionAction& txn : actions.transactions) {
      DATALAKE_TRY(Row(kTxn, [&](StructAppender& row) {
        row.String(txn.app_id).Int(txn.version).Int(txn.last_updated_ms);
      }));
    }
    for (const RemoveAction& remove : actions.removes) {
      DATALAKE_TRY(Remove(remove));
    }
    for (const AddAction& add : actions.adds) {
      DATALAKE_TRY(Add(add));
    }
    return {};
  }

  Result<format::WrittenFile> Publish() {
    DATALAKE_TRY(Flush());
    return writer_->Publish();
  }

 private:
  Status Metadata(const MetadataAction& metadata) {
    return Row(kMetadata, [&](StructAppender& row) {
      row.String(metadata.id).StringOrNull(metadata.name).StringOrNull(metadata.description);
      StructAppender form(row.Child());
      form.String(metadata.format_provider).Map(metadata.format_options);
      row.Keep(form.status());
      row.String(metadata.schema_json)
          .Strings(metadata.partition_columns)
          .Int(metadata.created_ms)
          .Map(metadata.configuration);
    });
  }

  Status Remove(const RemoveAction& remove) {
    return Row(kRemove, [&](StructAppender& row) {
      row.String(remove.path).Int(remove.deleted_ms).Bool(remove.changes_data);
      const bool is_extended = remove.partition_values.has_value() && remove.size_bytes.has_value();
      row.Bool(is_extended);
      if (remove.partition_values.has_value()) {
        row.Map(*remove.partition_values);
      } else {
        row.Null();
      }
      row.Int(remove.size_bytes);
    });
  }

  Status Add(const AddAction& add) {
    return Row(kAdd, [&](StructAppender& row) {
      const TableFile& file = *add.file;
      row.String(file.path)
          .Map(file.partition_values)
          .Int(static_cast<std::int64_t>(file.size_bytes))
          .Int(file.modified_ms)
          .Bool(false)
          .StringOrNull(file.stats_json);
      if (add.tags.empty()) {
        row.Null();
      } else {
        row.Map(add.tags);
      }
    });
  }

  // One row: `fill` appends to the struct of `column`, every other column is null.
  template <typename Fill>
  Status Row(int column, Fill fill) {
    for (int i = 0; i < builder_->num_fields(); ++i) {
      arrow::Status status;
      if (i == column) {
        StructAppender row(builder_->GetField(i));
        fill(row);
        status = row.status();
      } else {
        status = builder_->GetField(i)->AppendNull();
      }
      DATALAKE_TRY(format::FromArrow(status, "cannot build checkpoint"));
    }
    return ++rows_ % kBatchRows == 0 ? Flush() : Status();
  }

  Status Flush() {
    DATALAKE_TRY_ASSIGN(const auto batch,
                        format::FromArrow(builder_->Flush(), "cannot build checkpoint"));
    return batch->num_rows() == 0 ? Status() : writer_->Write(*batch);
  }

  std::unique_ptr<format::ParquetWriter> writer_;
  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
  std::int64_t rows_ = 0;
};

}  // namespace

// The columns of PROTOCOL.md "Checkpoint Schema" that reader 1 / writer 2 has.
std::shared_ptr<arrow::Schema> CheckpointSchema() {
  using arrow::field;
  const auto text = arrow::utf8();
  const auto number = arrow::int64();
  const auto flag = arrow::boolean();
  return arrow::schema(
      {
          field("txn", arrow::struct_({field("appId", text), field("version", number),
                                       field("lastUpdated", number)})),
          field("add", arrow::struct_({field("path", text), field("partitionValues", StringMap()),
                                       field("size", number), field("modificationTime", number),
                                       field("dataChange", flag), field("stats", text),
                                       field("tags", StringMap())})),
          field("remove",
                arrow::struct_({field("path", text), field("deletionTimestamp", number),
                                field("dataChange", flag), field("extendedFileMetadata", flag),
                                field("partitionValues", StringMap()), field("size", number)})),
          field("metaData",
                arrow::struct_(
                    {field("id", text), field("name", text), field("description", text),
                     field("format", arrow::struct_(
                                         {field("provider", text), field("options", StringMap())})),
                     field("schemaString", text), field("partitionColumns", arrow::list(text)),
                     field("createdTime", number), field("configuration", StringMap())})),
          field("protocol", arrow::struct_({field("minReaderVersion", arrow::int32()),
                                            field("minWriterVersion", arrow::int32())})),
      },
      arrow::key_value_metadata({std::string(kMark)}, {"1"}));
}

Status CheckCheckpointSchema(const arrow::Schema& schema, std::string_view where) {
  const bool is_ours = schema.metadata() != nullptr && schema.metadata()->Contains(kMark);
  if (is_ours && !schema.Equals(*CheckpointSchema(), /*check_metadata=*/false)) {
    return Error{ErrorCode::kCorruption, fmt::format("checkpoint was changed: {}", where)};
  }
  return {};
}

Status WriteCheckpoint(io::FileSystem& fs, std::string_view root, std::int64_t version,
                       const CommitActions& actions) {
  const std::string path = CheckpointPath(root, version);
  const format::ParquetWriteOptions options{.zstd_level = 1,
                                            .row_group_rows = kRowGroupRows,
                                            .content_defined_chunking = false,
                                            .collect_statistics = false};
  DATALAKE_TRY_ASSIGN(auto writer,
                      format::ParquetWriter::Make(fs, path, CheckpointSchema(), options));
  CheckpointFile file(std::move(writer));
  DATALAKE_TRY(file.Start());
  DATALAKE_TRY(file.Append(actions));
  auto written = file.Publish();
  if (!written) {
    return written.error().code == ErrorCode::kAlreadyExists ? Status()
                                                             : std::move(written).error();
  }
  return io::ReplaceFile(
      fs, CheckpointHintPath(root),
      fmt::format("{{\"version\":{},\"size\":{},\"sizeInBytes\":{},\"numOfAddFiles\":{}}}", version,
                  written->num_rows, written->size_bytes, actions.adds.size()));
}

}  // namespace datalake::table
