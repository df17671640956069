#include <algorithm>
#include <set>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include "datalake/base/id.h"
#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/format/arrow_status.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/table/checkpoint.h"
#include "datalake/table/file_writer.h"
#include "datalake/table/log_state.h"
#include "datalake/table/log_store.h"
#include "datalake/table/schema_json.h"
#include "datalake/table/schema_json_internal.h"
#include "datalake/table/schema_merge.h"
#include "datalake/table/table.h"
#include "datalake/table/table_properties.h"

namespace datalake::table {
namespace {

constexpr int kWriterVersion = 2;

// Every failed attempt means that another writer got on, so this many in a row is no contention.
constexpr int kMaxAttempts = 10'000;

class DeltaTable final : public Table {
 public:
  DeltaTable(const TableEnvironment& environment, LogState state, const TableOptions& options)
      : environment_(environment),
        root_(state.root()),
        options_(options),
        state_(std::move(state)) {}

  const std::string& root() const override { return root_; }

  const TableEnvironment& environment() const override { return environment_; }

  const TableOptions& options() const override { return options_; }

  Result<std::shared_ptr<const TableSnapshot>> Snapshot(
      std::optional<std::int64_t> version) override;
  Result<std::vector<StagedFile>> WriteFiles(arrow::RecordBatchReader& rows,
                                             const PartitionValues& values) override;
  Result<std::vector<StagedFile>> RewriteFiles(arrow::RecordBatchReader& rows,
                                               const TableFile& like) override;
  Status Discard(const std::vector<StagedFile>& files) override;
  Result<std::int64_t> VersionAt(Timestamp time) override;
  Result<CommitResult> Commit(const CommitRequest& request) override;
  Result<std::vector<CommitRecord>> History(std::size_t limit) override;
  Status Checkpoint() override;

 private:
  Result<std::shared_ptr<const TableSnapshot>> SnapshotOf(const LogState& state);
  Result<std::vector<StagedFile>> Write(arrow::RecordBatchReader& rows,
                                        const PartitionValues& values,
                                        std::optional<PartitionValueRule> rule);
  Result<CommitActions> ActionsFor(const CommitRequest& request, const CommitFacts& facts) const
      DATALAKE_REQUIRES(mutex_);
  Status CheckWritable(const CommitRequest& request) const DATALAKE_REQUIRES(mutex_);
  Status AddSchemaChange(const CommitRequest& request, CommitActions& actions) const
      DATALAKE_REQUIRES(mutex_);
  Result<bool> TryCommit(const CommitActions& actions, std::string_view commit_id)
      DATALAKE_REQUIRES(mutex_);
  Status WriteCheckpointNow() DATALAKE_REQUIRES(mutex_);

  const TableEnvironment environment_;
  const std::string root_;
  const TableOptions options_;
  Mutex mutex_;
  LogState state_ DATALAKE_GUARDED_BY(mutex_);  // newest version known
  std::shared_ptr<const TableSnapshot> snapshot_ DATALAKE_GUARDED_BY(mutex_);  // of that or before
};

Result<std::shared_ptr<const TableSnapshot>> DeltaTable::SnapshotOf(const LogState& state) {
  std::int64_t modified_ms = 0;
  if (!state.commit_ms().has_value()) {
    // From a checkpoint, or of a writer that says no time.
    const auto time = CommitTime(environment_.fs, root_, state.version());
    modified_ms = time ? EpochMillis(*time) : 0;
  }
  return state.MakeSnapshot(modified_ms);
}

Result<std::shared_ptr<const TableSnapshot>> DeltaTable::Snapshot(
    std::optional<std::int64_t> version) {
  MutexLock lock(mutex_);
  DATALAKE_TRY(RefreshLog(environment_.fs, state_));
  if (version.has_value() && *version != state_.version()) {
    DATALAKE_TRY_ASSIGN(const LogState old, LoadLog(environment_.fs, root_, version));
    return SnapshotOf(old);
  }
  if (snapshot_ == nullptr || snapshot_->version() != state_.version()) {
    DATALAKE_TRY_ASSIGN(snapshot_, SnapshotOf(state_));
  }
  return snapshot_;
}

Result<std::vector<StagedFile>> DeltaTable::WriteFiles(arrow::RecordBatchReader& rows,
                                                       const PartitionValues& values) {
  return Write(rows, values, options_.partition_values);
}

Result<std::vector<StagedFile>> DeltaTable::RewriteFiles(arrow::RecordBatchReader& rows,
                                                         const TableFile& like) {
  PartitionValues values = like.partition_values;
  for (auto& [column, value] : values) {
    // "" in a log means null (delta-interop rule 7).
    value = value.has_value() && value->empty() ? std::nullopt : std::move(value);
  }
  return Write(rows, values, std::nullopt);
}

// Without `rule` the values are those of the log, taken as they are.
Result<std::vector<StagedFile>> DeltaTable::Write(arrow::RecordBatchReader& rows,
                                                  const PartitionValues& values,
                                                  std::optional<PartitionValueRule> rule) {
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> partitions;
  {
    MutexLock lock(mutex_);
    DATALAKE_TRY(RefreshLog(environment_.fs, state_));
    if (rule.has_value()) {
      DATALAKE_TRY(CheckPartitionValues(state_, values, *rule));
    }
    partitions = state_.metadata().partition_columns;
    DATALAKE_TRY_ASSIGN(schema, FileSchemaFor(*rows.schema(), *state_.schema(), partitions));
  }
  FileWriter writer(environment_, options_, root_, std::move(schema));
  DATALAKE_TRY(writer.Start(partitions, values));
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), "cannot read rows"));
    if (batch == nullptr) {
      return writer.Finish();
    }
    DATALAKE_TRY(writer.Write(*batch));
  }
}

Status DeltaTable::Discard(const std::vector<StagedFile>& files) {
  Status first;
  for (const StagedFile& file : files) {
    Status status = environment_.fs.Remove(file.os_path);
    const bool failed = !status && status.error().code != ErrorCode::kNotFound;
    if (failed && first) {
      first = std::move(status);
    }
  }
  return first;
}

Status DeltaTable::CheckWritable(const CommitRequest& request) const {
  if (state_.protocol().min_writer_version > kWriterVersion) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("table needs Delta writer version {}, this program has {}: {}",
                             state_.protocol().min_writer_version, kWriterVersion, root_)};
  }
  for (const auto& field : state_.schema()->fields()) {
    if (field->metadata() != nullptr && field->metadata()->Contains("delta.invariants")) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("column has an invariant, which this program cannot check: {}: {}",
                               root_, field->name())};
    }
  }
  if (IsAppendOnly(state_.metadata().configuration) && request.changes_data &&
      !request.removes.empty()) {
    return Error{ErrorCode::kUnsupported, fmt::format("table is append-only: {}", root_)};
  }
  return {};
}

Status DeltaTable::AddSchemaChange(const CommitRequest& request, CommitActions& actions) const {
  MetadataAction metadata = state_.metadata();
  std::shared_ptr<const arrow::Schema> merged = state_.schema();
  if (!request.schema_json.empty()) {
    DATALAKE_TRY_ASSIGN(merged, SchemaFromJson(request.schema_json, "schema of the request"));
    metadata.schema_json = request.schema_json;
  }
  std::set<const arrow::Schema*> seen;
  for (const StagedFile& file : request.adds) {
    if (file.schema == nullptr || !seen.insert(file.schema.get()).second) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(const SchemaChange change, SchemaChangeFor(*file.schema, *merged));
    if (!change.empty()) {
      DATALAKE_TRY_ASSIGN(metadata.schema_json,
                          ChangeSchemaJson(metadata.schema_json, change, root_));
      merged = ApplyChange(*merged, change);
    }
  }
  if (metadata.schema_json != state_.metadata().schema_json) {
    actions.metadata = std::move(metadata);
  }
  return {};
}

Result<CommitActions> DeltaTable::ActionsFor(const CommitRequest& request,
                                             const CommitFacts& facts) const {
  DATALAKE_TRY(CheckWritable(request));
  if (request.read_version.has_value() && state_.data_version() > *request.read_version) {
    return Error{ErrorCode::kConflict,
                 fmt::format("table was changed meanwhile: {}: version {} is newer than {}", root_,
                             state_.data_version(), *request.read_version)};
  }
  CommitActions actions;
  actions.commit_info = FormatCommitInfo(facts, request.removes.empty());
  DATALAKE_TRY(AddSchemaChange(request, actions));
  if (request.transaction.has_value()) {
    actions.transactions.push_back({.app_id = request.transaction->app_id,
                                    .version = request.transaction->version,
                                    .last_updated_ms = facts.timestamp_ms});
  }
  for (const std::string& path : request.removes) {
    const AddAction* live = state_.FindFile(path);
    if (live == nullptr) {
      return Error{
          ErrorCode::kConflict,
          fmt::format("file to remove is no longer part of the table: {}: {}", root_, path)};
    }
    actions.removes.push_back({.path = path,
                               .deleted_ms = facts.timestamp_ms,
                               .changes_data = request.changes_data,
                               .partition_values = live->file->partition_values,
                               .size_bytes = static_cast<std::int64_t>(live->file->size_bytes)});
  }
  for (const StagedFile& staged : request.adds) {
    auto file = std::make_shared<TableFile>(TableFile{.path = staged.path,
                                                      .os_path = staged.os_path,
                                                      .partition_values = staged.partition_values,
                                                      .size_bytes = staged.size_bytes,
                                                      .num_rows = staged.num_rows,
                                                      .modified_ms = staged.modified_ms,
                                                      .xxh3 = staged.xxh3,
                                                      .stats_json = staged.stats_json});
    std::map<std::string, std::string> tags;
    if (staged.xxh3) {
      tags.emplace(kFileHashTag, FormatFileHash(*staged.xxh3));
    }
    actions.adds.push_back(
        {.file = std::move(file), .changes_data = request.changes_data, .tags = std::move(tags)});
  }
  return actions;
}

// False when another writer has made that version first.
Result<bool> DeltaTable::TryCommit(const CommitActions& actions, std::string_view commit_id) {
  const std::int64_t version = state_.version() + 1;
  const std::string path = LogFilePath(root_, version);
  Status status = io::PutIfAbsent(environment_.fs, path, FormatCommit(actions));
  if (!status) {
    if (status.error().code != ErrorCode::kAlreadyExists) {
      return std::move(status).error();
    }
    // On NFS a lost reply turns success into "exists": look whose version it is.
    DATALAKE_TRY_ASSIGN(const auto winner, ReadLogFile(environment_.fs, root_, version));
    if (ParseCommitInfo(winner.commit_info).commit_id != commit_id) {
      return false;
    }
    DATALAKE_TRY(environment_.fs.SyncDirectory(LogFolder(root_)));
  }
  DATALAKE_TRY(state_.Apply(actions, version, path));
  return true;
}

Result<CommitResult> DeltaTable::Commit(const CommitRequest& request) {
  MutexLock lock(mutex_);
  CommitFacts facts{
      .info = request.info, .timestamp_ms = {}, .commit_id = MakeUuid(environment_.random)};
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    DATALAKE_TRY(RefreshLog(environment_.fs, state_));
    if (request.transaction.has_value()) {
      const auto applied = state_.transactions().find(request.transaction->app_id);
      if (applied != state_.transactions().end() &&
          applied->second.version >= request.transaction->version) {
        // The attempt that made it may have failed before its name was durable.
        DATALAKE_TRY(environment_.fs.SyncDirectory(LogFolder(root_)));
        return CommitResult{.version = state_.version(), .already_applied = true};
      }
    }
    facts.timestamp_ms = EpochMillis(environment_.clock.Now());
    DATALAKE_TRY_ASSIGN(const CommitActions actions, ActionsFor(request, facts));
    DATALAKE_TRY_ASSIGN(const bool is_committed, TryCommit(actions, facts.commit_id));
    if (!is_committed) {
      continue;
    }
    const std::int64_t version = state_.version();
    if (options_.checkpoint_interval > 0 && version % options_.checkpoint_interval == 0) {
      // The commit stands whatever becomes of its checkpoint.
      if (const Status status = WriteCheckpointNow(); !status) {
        LogWarning(fmt::format("cannot write checkpoint: {}", status.error().message));
      }
    }
    return CommitResult{.version = version};
  }
  return Error{ErrorCode::kUnavailable, fmt::format("too many writers at once: {}", root_)};
}

Status DeltaTable::WriteCheckpointNow() {
  const auto retention = DeletedFileRetention(state_.metadata().configuration);
  const std::int64_t expiry_ms = EpochMillis(environment_.clock.Now()) - retention.count();
  return WriteCheckpoint(environment_.fs, root_, state_.version(), state_.Reconciled(expiry_ms));
}

Status DeltaTable::Checkpoint() {
  MutexLock lock(mutex_);
  DATALAKE_TRY(RefreshLog(environment_.fs, state_));
  DATALAKE_TRY(CheckWritable(CommitRequest{}));
  return WriteCheckpointNow();
}

Result<std::int64_t> DeltaTable::VersionAt(Timestamp time) {
  std::int64_t newest = 0;
  {
    MutexLock lock(mutex_);
    DATALAKE_TRY(RefreshLog(environment_.fs, state_));
    newest = state_.version();
  }
  DATALAKE_TRY_ASSIGN(const std::int64_t oldest, OldestLogFile(environment_.fs, root_));
  DATALAKE_TRY_ASSIGN(const Timestamp first, CommitTime(environment_.fs, root_, oldest));
  if (time < first) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("no version that old is kept, the oldest is {} of {}: {}: {}", oldest,
                             FormatTimestamp(first), root_, FormatTimestamp(time))};
  }
  std::int64_t low = oldest;       // committed at or before `time`
  std::int64_t high = newest + 1;  // after it
  while (low + 1 < high) {
    const std::int64_t middle = low + (high - low) / 2;
    DATALAKE_TRY_ASSIGN(const Timestamp committed, CommitTime(environment_.fs, root_, middle));
    (committed <= time ? low : high) = middle;
  }
  return low;
}

CommitRecord RecordOf(const CommitActions& actions, std::int64_t version) {
  const CommitFacts facts = ParseCommitInfo(actions.commit_info);
  CommitRecord record{.version = version,
                      .time = Timestamp(std::chrono::milliseconds(facts.timestamp_ms.value_or(0))),
                      .info = facts.info,
                      .files_added = static_cast<std::int64_t>(actions.adds.size()),
                      .files_removed = static_cast<std::int64_t>(actions.removes.size()),
                      .rows_added = 0};
  const bool has_files = record.files_added + record.files_removed > 0;
  record.changes_data = !has_files;
  for (const AddAction& add : actions.adds) {
    const bool is_known = record.rows_added >= 0 && add.file->num_rows >= 0;
    record.rows_added = is_known ? record.rows_added + add.file->num_rows : -1;
    record.changes_data |= add.changes_data;
  }
  for (const RemoveAction& remove : actions.removes) {
    record.changes_data |= remove.changes_data;
  }
  return record;
}

Result<std::vector<CommitRecord>> DeltaTable::History(std::size_t limit) {
  std::int64_t version = 0;
  {
    MutexLock lock(mutex_);
    DATALAKE_TRY(RefreshLog(environment_.fs, state_));
    version = state_.version();
  }
  std::vector<CommitRecord> history;
  for (; version >= 0 && history.size() < limit; --version) {
    auto actions = ReadLogFile(environment_.fs, root_, version);
    if (!actions) {
      if (actions.error().code == ErrorCode::kNotFound) {
        break;  // cleaned up
      }
      return std::move(actions).error();
    }
    history.push_back(RecordOf(*actions, version));
  }
  return history;
}

}  // namespace

Result<std::unique_ptr<Table>> Table::Open(const TableEnvironment& environment,
                                           std::string_view root, const TableOptions& options) {
  DATALAKE_TRY_ASSIGN(LogState state, LoadLog(environment.fs, root, std::nullopt));
  return std::make_unique<DeltaTable>(environment, std::move(state), options);
}

}  // namespace datalake::table
