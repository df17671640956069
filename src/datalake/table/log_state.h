#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/table/log_action.h"
#include "datalake/table/snapshot.h"

namespace datalake::table {

/// A table's log replayed up to one version (PROTOCOL.md "Action Reconciliation"). Advances by one
/// commit in time that depends on the commit alone. Thread-compatible.
class LogState {
 public:
  explicit LogState(std::string root) : root_(std::move(root)) {}

  /// Applies the actions of `version`. `where` names the log file in messages.
  /// Errors: kUnsupported (protocol), kCorruption (first version without protocol or metaData;
  /// partition column that is none), and then the state is unusable.
  Status Apply(CommitActions actions, std::int64_t version, std::string_view where);

  std::int64_t version() const { return version_; }

  /// The newest version known that changed rows, schema or protocol; of a state that began with a
  /// checkpoint at least that one.
  std::int64_t data_version() const { return data_version_; }

  const std::string& root() const { return root_; }

  const ProtocolAction& protocol() const { return protocol_; }

  const MetadataAction& metadata() const { return metadata_; }

  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

  const std::map<std::string, TransactionAction>& transactions() const { return transactions_; }

  /// The live file with this path of the log, or nullptr.
  const AddAction* FindFile(const std::string& path) const;

  std::size_t num_files() const { return by_path_.size(); }

  /// Commit time of the newest version by its commitInfo, if it says.
  std::optional<std::int64_t> commit_ms() const { return commit_ms_; }

  /// Everything that a checkpoint holds. Removals before `expiry_ms` are forgotten.
  CommitActions Reconciled(std::int64_t expiry_ms) const;

  /// A snapshot: copies one pointer a file. `modified_ms` serves where the log has no time.
  std::shared_ptr<const TableSnapshot> MakeSnapshot(std::int64_t modified_ms) const;

 private:
  Status SetMetadata(MetadataAction metadata, std::string_view where);
  void RemoveFile(std::string_view path);
  void AddFile(AddAction add);
  void CloseGaps();

  std::string root_;
  std::int64_t version_ = -1;
  std::int64_t data_version_ = -1;
  ProtocolAction protocol_;
  MetadataAction metadata_;
  std::shared_ptr<arrow::Schema> schema_;
  std::map<std::string, TransactionAction> transactions_;
  // In the order in which they were added; without a file where one was removed.
  std::vector<AddAction> files_;
  std::unordered_map<std::string_view, std::size_t> by_path_;  // views into the files' own paths
  std::unordered_map<std::string, RemoveAction> removed_;
  std::optional<std::int64_t> commit_ms_;
};

}  // namespace datalake::table
