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
    RemoveFile(remove.path);
    std::string path = remove.path;
    removed_[std::move(path)] = std::move(remove);
  }
  if (by_path_.empty()) {
    files_.reserve(actions.adds.size());
    by_path_.reserve(actions.adds.size());
  }
  for (AddAction& add : actions.adds) {
    removed_.erase(add.file->path);
    AddFile(std::move(add));
  }
  CloseGaps();
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

void LogState::RemoveFile(std::string_view path) {
  if (const auto found = by_path_.find(path); found != by_path_.end()) {
    const std::size_t place = found->second;
    by_path_.erase(found);
    files_[place] = AddAction();
  }
}

// The same path again: the newer facts, at the older place.
void LogState::AddFile(AddAction add) {
  const auto found = by_path_.find(add.file->path);
  if (found == by_path_.end()) {
    by_path_.emplace(add.file->path, files_.size());
    files_.push_back(std::move(add));
    return;
  }
  const std::size_t place = found->second;
  by_path_.erase(found);
  files_[place] = std::move(add);
  by_path_.emplace(files_[place].file->path, place);
}

// So that memory and snapshots stay in proportion to the live files.
void LogState::CloseGaps() {
  constexpr std::size_t kFewGaps = 1024;
  if (files_.size() <= 2 * by_path_.size() + kFewGaps) {
    return;
  }
  std::erase_if(files_, [](const AddAction& add) { return add.file == nullptr; });
  for (std::size_t i = 0; i < files_.size(); ++i) {
    by_path_[files_[i].file->path] = i;
  }
}

const AddAction* LogState::FindFile(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &files_[found->second];
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
  for (const AddAction& add : files_) {
    if (add.file != nullptr) {
      actions.adds.push_back(add);
    }
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
  state.files.reserve(by_path_.size());
  for (const AddAction& add : files_) {
    if (add.file != nullptr) {
      state.files.push_back(add.file);
    }
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
