#include "datalake/table/log_state.h"

#include <algorithm>
#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/table/schema_json.h"

namespace datalake::table {
namespace {

constexpr int kReaderVersion = 1;

}  // namespace

Status LogState::Apply(CommitActions actions, std::int64_t version, std::string_view where) {
  const auto changes_data = [](const auto& action) { return action.changes_data; };
  // The first actions of a state may be a checkpoint, which does not say.
  if (version_ < 0 || actions.protocol.has_value() || actions.metadata.has_value() ||
      std::any_of(actions.adds.begin(), actions.adds.end(), changes_data) ||
      std::any_of(actions.removes.begin(), actions.removes.end(), changes_data)) {
    data_version_ = version;
  }
  if (actions.protocol.has_value()) {
    protocol_ = *actions.protocol;
    if (protocol_.min_reader_version > kReaderVersion) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("table needs Delta reader version {}, this program has {}: {}",
                               protocol_.min_reader_version, kReaderVersion, where)};
    }
  }
  if (actions.metadata.has_value()) {
    DATALAKE_TRY(SetMetadata(std::move(*actions.metadata), where));
  }
  if (schema_ == nullptr) {
    return Error{ErrorCode::kCorruption, fmt::format("log begins without metaData: {}", where)};
  }
  for (TransactionAction& transaction : actions.transactions) {
    transactions_[transaction.app_id] = std::move(transaction);
  }
  for (RemoveAction& remove : actions.removes) {
    if (const auto found = by_path_.find(remove.path); found != by_path_.end()) {
      files_.erase(found->second);
      by_path_.erase(found);
    }
    std::string path = remove.path;
    removed_[std::move(path)] = std::move(remove);
  }
  for (AddAction& add : actions.adds) {
    const std::string& path = add.file->path;
    removed_.erase(path);
    const auto [place, is_new] = by_path_.try_emplace(path, next_file_);
    if (is_new) {
      ++next_file_;
    }
    files_[place->second] = std::move(add);
  }
  commit_ms_ = actions.commit_info.empty() ? std::nullopt
                                           : ParseCommitInfo(actions.commit_info).timestamp_ms;
  version_ = version;
  return {};
}

Status LogState::SetMetadata(MetadataAction metadata, std::string_view where) {
  if (metadata.format_provider != "parquet") {
    return Error{ErrorCode::kUnsupported, fmt::format("table of files that are not Parquet: {}: {}",
                                                      where, metadata.format_provider)};
  }
  const auto mode = metadata.configuration.find("delta.columnMapping.mode");
  if (mode != metadata.configuration.end() && mode->second != "none") {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("column mapping is not supported: {}", where)};
  }
  const bool is_same_schema = schema_ != nullptr && metadata.schema_json == metadata_.schema_json;
  if (!is_same_schema) {
    DATALAKE_TRY_ASSIGN(schema_, SchemaFromJson(metadata.schema_json, where));
  }
  for (const std::string& column : metadata.partition_columns) {
    if (schema_->GetFieldIndex(column) < 0) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("partition column is not in the schema: {}: {}", where, column)};
    }
  }
  metadata_ = std::move(metadata);
  return {};
}

const AddAction* LogState::FindFile(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &files_.at(found->second);
}

CommitActions LogState::Reconciled(std::int64_t expiry_ms) const {
  CommitActions actions;
  actions.protocol = protocol_;
  actions.metadata = metadata_;
  for (const auto& [app_id, transaction] : transactions_) {
    actions.transactions.push_back(transaction);
  }
  for (const auto& [path, remove] : removed_) {
    if (remove.deleted_ms.value_or(0) >= expiry_ms) {
      actions.removes.push_back(remove);
    }
  }
  for (const auto& [order, add] : files_) {
    actions.adds.push_back(add);
  }
  return actions;
}

std::shared_ptr<const TableSnapshot> LogState::MakeSnapshot(std::int64_t modified_ms) const {
  SnapshotState state;
  state.root = root_;
  state.version = version_;
  state.id = metadata_.id;
  state.name = metadata_.name;
  state.description = metadata_.description;
  state.schema = schema_;
  state.schema_json = metadata_.schema_json;
  state.partition_columns = metadata_.partition_columns;
  state.configuration = metadata_.configuration;
  state.files.reserve(files_.size());
  for (const auto& [order, add] : files_) {
    state.files.push_back(add.file);
  }
  for (const auto& [app_id, transaction] : transactions_) {
    state.transactions.emplace(app_id, transaction.version);
  }
  if (metadata_.created_ms.has_value()) {
    state.created = Timestamp(std::chrono::milliseconds(*metadata_.created_ms));
  }
  state.modified = Timestamp(std::chrono::milliseconds(commit_ms_.value_or(modified_ms)));
  return std::make_shared<const TableSnapshot>(std::move(state));
}

}  // namespace datalake::table
