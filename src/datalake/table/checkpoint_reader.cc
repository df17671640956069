#include <algorithm>
#include <iterator>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/thread_pool.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/table/checkpoint.h"
#include "datalake/table/partition_path.h"
#include "datalake/table/rewrite_internal.h"
#include "datalake/table/statistics_json.h"

namespace datalake::table {
namespace {

// One struct column of the checkpoint; rows in which it is null hold another action.
class ActionColumn {
 public:
  ActionColumn(const arrow::RecordBatch& batch, const std::string& name) {
    const auto column = batch.GetColumnByName(name);
    if (column != nullptr && column->type_id() == arrow::Type::STRUCT) {
      Set(std::static_pointer_cast<arrow::StructArray>(column));
    }
  }

  explicit ActionColumn(std::shared_ptr<arrow::StructArray> array) {
    if (array != nullptr) {
      Set(std::move(array));
    }
  }

  bool Has(std::int64_t row) const { return struct_ != nullptr && !struct_->IsNull(row); }

  // The child `name` when it has that type and a value in `row`, else nullptr.
  template <typename ArrayType>
  const ArrayType* Child(std::string_view name, std::int64_t row) const {
    const arrow::Array* child = FindChild(name);
    const bool fits = child != nullptr && child->type_id() == ArrayType::TypeClass::type_id &&
                      !child->IsNull(row);
    return fits ? static_cast<const ArrayType*>(child) : nullptr;
  }

  std::string String(std::string_view name, std::int64_t row) const {
    if (const auto* array = Child<arrow::StringArray>(name, row)) {
      return array->GetString(row);
    }
    if (const auto* large = Child<arrow::LargeStringArray>(name, row)) {
      return large->GetString(row);
    }
    return {};
  }

  std::optional<std::int64_t> Int(std::string_view name, std::int64_t row) const {
    if (const auto* array = Child<arrow::Int64Array>(name, row)) {
      return array->Value(row);
    }
    if (const auto* narrow = Child<arrow::Int32Array>(name, row)) {
      return narrow->Value(row);
    }
    return std::nullopt;
  }

  bool Bool(std::string_view name, std::int64_t row) const {
    const auto* array = Child<arrow::BooleanArray>(name, row);
    return array != nullptr && array->Value(row);
  }

  bool IsNull(std::string_view name, std::int64_t row) const {
    const arrow::Array* child = FindChild(name);
    return child == nullptr || child->IsNull(row);
  }

  PartitionValues Map(std::string_view name, std::int64_t row) const {
    PartitionValues values;
    const auto* map = Child<arrow::MapArray>(name, row);
    if (map == nullptr || map->keys()->type_id() != arrow::Type::STRING ||
        map->items()->type_id() != arrow::Type::STRING) {
      return values;
    }
    const auto& keys = static_cast<const arrow::StringArray&>(*map->keys());
    const auto& items = static_cast<const arrow::StringArray&>(*map->items());
    for (std::int64_t i = map->value_offset(row); i < map->value_offset(row + 1); ++i) {
      values[keys.GetString(i)] =
          items.IsNull(i) ? std::nullopt : std::optional(items.GetString(i));
    }
    return values;
  }

  // True when the map of `row` has all the values of `scope`, looked at without making a map. null
  // and "" are one. A map of unknown type may have them.
  bool MayHave(std::string_view name, std::int64_t row, const PartitionValues& scope) const {
    const auto* map = Child<arrow::MapArray>(name, row);
    if (map == nullptr || map->keys()->type_id() != arrow::Type::STRING ||
        map->items()->type_id() != arrow::Type::STRING) {
      return true;
    }
    const auto& keys = static_cast<const arrow::StringArray&>(*map->keys());
    const auto& items = static_cast<const arrow::StringArray&>(*map->items());
    std::size_t found = 0;
    for (std::int64_t i = map->value_offset(row); i < map->value_offset(row + 1); ++i) {
      for (const auto& [column, value] : scope) {
        const std::string_view item = items.IsNull(i) ? std::string_view() : items.GetView(i);
        const bool is_equal = value.has_value() ? item == *value : item.empty();
        found += is_equal && keys.GetView(i) == column ? 1 : 0;
      }
    }
    return found >= scope.size();
  }

  std::map<std::string, std::string> StringMap(std::string_view name, std::int64_t row) const {
    std::map<std::string, std::string> result;
    for (auto& [key, value] : Map(name, row)) {
      result[key] = value.value_or("");
    }
    return result;
  }

  std::vector<std::string> Strings(std::string_view name, std::int64_t row) const {
    std::vector<std::string> result;
    const auto* list = Child<arrow::ListArray>(name, row);
    if (list != nullptr && list->values()->type_id() == arrow::Type::STRING) {
      const auto& values = static_cast<const arrow::StringArray&>(*list->values());
      for (std::int64_t i = list->value_offset(row); i < list->value_offset(row + 1); ++i) {
        result.push_back(values.GetString(i));
      }
    }
    return result;
  }

  // The struct child `name`, or a column without rows.
  ActionColumn Struct(std::string_view name) const {
    for (const auto& [known, child] : children_) {
      if (known == name && child->type_id() == arrow::Type::STRUCT) {
        return ActionColumn(std::static_pointer_cast<arrow::StructArray>(child));
      }
    }
    return ActionColumn(nullptr);
  }

 private:
  void Set(std::shared_ptr<arrow::StructArray> array) {
    struct_ = std::move(array);
    for (int i = 0; i < struct_->num_fields(); ++i) {
      children_.emplace_back(struct_->type()->field(i)->name(), struct_->field(i));
    }
  }

  const arrow::Array* FindChild(std::string_view name) const {
    for (const auto& [known, child] : children_) {
      if (known == name) {
        return child.get();
      }
    }
    return nullptr;
  }

  std::shared_ptr<arrow::StructArray> struct_;
  std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> children_;  // looked up once
};

class BatchReader {
 public:
  BatchReader(std::string_view root, const PartitionValues* scope, CommitActions& out)
      : root_(root), scope_(scope), out_(out) {}

  Status Read(const arrow::RecordBatch& batch) {
    const ActionColumn add(batch, "add");
    const ActionColumn remove(batch, "remove");
    const ActionColumn txn(batch, "txn");
    const ActionColumn metadata(batch, "metaData");
    const ActionColumn protocol(batch, "protocol");
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      if (add.Has(row)) {
        DATALAKE_TRY(Add(add, row));
      } else if (remove.Has(row)) {
        Remove(remove, row);
      } else if (txn.Has(row)) {
        out_.transactions.push_back({.app_id = txn.String("appId", row),
                                     .version = txn.Int("version", row).value_or(0),
                                     .last_updated_ms = txn.Int("lastUpdated", row)});
      } else if (metadata.Has(row)) {
        Metadata(metadata, row);
      } else if (protocol.Has(row)) {
        out_.protocol =
            ProtocolAction{.min_reader_version =
                               static_cast<int>(protocol.Int("minReaderVersion", row).value_or(1)),
                           .min_writer_version =
                               static_cast<int>(protocol.Int("minWriterVersion", row).value_or(2))};
      }
    }
    return {};
  }

 private:
  Status Add(const ActionColumn& add, std::int64_t row) {
    if (scope_ != nullptr && !add.MayHave("partitionValues", row, *scope_)) {
      return {};
    }
    PartitionValues values = add.Map("partitionValues", row);
    if (scope_ != nullptr && !IsInScope(values, *scope_)) {
      return {};
    }
    auto file = std::make_shared<TableFile>();
    file->path = add.String("path", row);
    DATALAKE_TRY_ASSIGN(file->os_path, DataFilePath(root_, file->path));
    if (!add.IsNull("deletionVector", row)) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("deletion vectors are not supported: {}: {}", root_, file->path)};
    }
    const auto size = add.Int("size", row);
    if (file->path.empty() || !size.has_value() || *size < 0) {
      return Error{ErrorCode::kCorruption, "add without path or size"};
    }
    file->size_bytes = static_cast<std::uint64_t>(*size);
    file->partition_values = std::move(values);
    file->modified_ms = add.Int("modificationTime", row).value_or(0);
    file->stats_json = add.String("stats", row);
    file->num_rows = NumRecordsOf(file->stats_json);
    if (file->num_rows < 0) {
      file->num_rows = add.Struct("stats_parsed").Int("numRecords", row).value_or(-1);
    }
    auto tags = add.StringMap("tags", row);
    file->xxh3 = ParseFileHash(tags);
    out_.adds.push_back({.file = std::move(file), .changes_data = false, .tags = std::move(tags)});
    return {};
  }

  void Remove(const ActionColumn& remove, std::int64_t row) {
    RemoveAction action;
    action.path = remove.String("path", row);
    action.deleted_ms = remove.Int("deletionTimestamp", row);
    action.changes_data = remove.Bool("dataChange", row);
    action.size_bytes = remove.Int("size", row);
    if (!remove.IsNull("partitionValues", row)) {
      action.partition_values = remove.Map("partitionValues", row);
    }
    out_.removes.push_back(std::move(action));
  }

  void Metadata(const ActionColumn& column, std::int64_t row) {
    MetadataAction metadata;
    metadata.id = column.String("id", row);
    metadata.name = column.String("name", row);
    metadata.description = column.String("description", row);
    const ActionColumn form = column.Struct("format");
    metadata.format_provider = form.String("provider", row);
    metadata.format_options = form.StringMap("options", row);
    metadata.schema_json = column.String("schemaString", row);
    metadata.partition_columns = column.Strings("partitionColumns", row);
    metadata.created_ms = column.Int("createdTime", row);
    metadata.configuration = column.StringMap("configuration", row);
    out_.metadata = std::move(metadata);
  }

  const std::string_view root_;
  const PartitionValues* scope_;
  CommitActions& out_;
};

Status ReadAll(arrow::RecordBatchReader& rows, BatchReader& reader, const std::string& path) {
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), path));
    if (batch == nullptr) {
      return {};
    }
    if (Status status = reader.Read(*batch); !status) {
      return WithContext(std::move(status).error(), path);
    }
  }
}

// True when a file of the row group may lie in the scope.
Result<bool> GroupMayMatch(io::FileSystem& fs, const std::string& path, int group,
                           const PartitionValues& scope) {
  DATALAKE_TRY_ASSIGN(const auto rows,
                      format::ReadParquetGroups(fs, path, {group}, {"add.partitionValues"}));
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows->Next(), path));
    if (batch == nullptr) {
      return false;
    }
    const ActionColumn add(*batch, "add");
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      if (add.Has(row) && add.MayHave("partitionValues", row, scope)) {
        return true;
      }
    }
  }
}

// The actions of one row group: of its files those in the scope alone.
Status ReadGroupInScope(io::FileSystem& fs, std::string_view root, const std::string& path,
                        int group, const PartitionValues& scope, CommitActions& out) {
  BatchReader reader(root, &scope, out);
  DATALAKE_TRY_ASSIGN(const auto rest, format::ReadParquetGroups(fs, path, {group},
                                                                 {"txn", "metaData", "protocol"}));
  DATALAKE_TRY(ReadAll(*rest, reader, path));
  DATALAKE_TRY_ASSIGN(const bool may_match, GroupMayMatch(fs, path, group, scope));
  if (!may_match) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(const auto rows, format::ReadParquetGroups(fs, path, {group}, {"add"}));
  return ReadAll(*rows, reader, path);
}

// Adds the actions of the next group behind those before it.
void Join(CommitActions&& next, CommitActions& actions) {
  const auto append = [](auto&& from, auto& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(next.adds, actions.adds);
  append(next.transactions, actions.transactions);
  if (next.metadata.has_value()) {
    actions.metadata = std::move(next.metadata);
  }
  if (next.protocol.has_value()) {
    actions.protocol = next.protocol;
  }
}

// Row groups are looked at by all cores; their actions come in the order of the file.
Status ReadPartInScope(io::FileSystem& fs, std::string_view root, const std::string& path,
                       const PartitionValues& scope, CommitActions& out) {
  DATALAKE_TRY_ASSIGN(const format::ParquetFacts facts, format::ReadParquetFacts(fs, path));
  DATALAKE_TRY(CheckCheckpointSchema(*facts.schema, path));
  const auto groups = static_cast<std::size_t>(facts.num_row_groups);
  std::vector<CommitActions> parts(groups);
  const auto read = [&](std::size_t group) {
    return ReadGroupInScope(fs, root, path, static_cast<int>(group), scope, parts[group]);
  };
  if (const std::size_t threads = std::min(groups, AvailableCores()); threads > 1) {
    ThreadPool pool(threads);
    DATALAKE_TRY(ParallelFor(pool, groups, {}, read));
  } else {
    for (std::size_t group = 0; group < groups; ++group) {
      DATALAKE_TRY(read(group));
    }
  }
  for (CommitActions& part : parts) {
    Join(std::move(part), out);
  }
  return {};
}

Status ReadPart(io::FileSystem& fs, std::string_view root, const std::string& path,
                const PartitionValues* scope, CommitActions& out) {
  if (scope != nullptr && !scope->empty()) {
    return ReadPartInScope(fs, root, path, *scope, out);
  }
  BatchReader reader(root, scope, out);
  DATALAKE_TRY_ASSIGN(const auto rows, format::ReadParquet(fs, path));
  DATALAKE_TRY(CheckCheckpointSchema(*rows->schema(), path));
  return ReadAll(*rows, reader, path);
}

}  // namespace

Result<CommitActions> ReadCheckpoint(io::FileSystem& fs, std::string_view root,
                                     std::span<const std::string> paths,
                                     const PartitionValues* scope) {
  CommitActions actions;
  for (const std::string& path : paths) {
    DATALAKE_TRY(ReadPart(fs, root, path, scope, actions));
  }
  if (!actions.protocol.has_value() || !actions.metadata.has_value()) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("checkpoint without protocol or metaData: {}", paths.front())};
  }
  return actions;
}

}  // namespace datalake::table
