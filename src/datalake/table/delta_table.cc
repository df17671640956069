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
#include "datalake/table/table.h"

namespace datalake::table {
namespace {

constexpr int kWriterVersion = 2;

// Every failed attempt means that another writer got on, so this many in a row is no contention.
constexpr int kMaxAttempts = 10'000;

// How long a removal is kept in checkpoints: Delta's default of delta.deletedFileRetentionDuration.
constexpr std::int64_t kTombstoneMs = std::int64_t{7} * 24 * 3600 * 1000;

class DeltaTable final : public Table {
 public:
  DeltaTable(const TableEnvironment& environment, LogState state, const TableOptions& options)
      : environment_(environment),
        root_(state.root()),
        options_(options),
        state_(std::move(state)) {}

  const std::string& root() const override { return root_; }

  Result<std::shared_ptr<const TableSnapshot>> Snapshot(
      std::optional<std::int64_t> version) override;
  Result<std::vector<StagedFile>> WriteFiles(arrow::RecordBatchReader& rows,
                                             const PartitionValues& values) override;
  Status Discard(const std::vector<StagedFile>& files) override;
  Result<CommitResult> Commit(const CommitRequest& request) override;
  Result<std::vector<CommitRecord>> History(std::size_t limit) override;
  Status Checkpoint() override;

 private:
  Result<std::shared_ptr<const TableSnapshot>> SnapshotOf(const LogState& state);
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
    // From a checkpoint, or of a writer that says no time: the log file knows, or else the disk.
    const auto actions = ReadLogFile(environment_.fs, root_, state.version());
    const auto said = actions ? ParseCommitInfo(actions->commit_info).timestamp_ms : std::nullopt;
    if (said.has_value()) {
      modified_ms = *said;
    } else {
      auto info = environment_.fs.Stat(LogFilePath(root_, state.version()));
      if (!info) {
        info = environment_.fs.Stat(CheckpointPath(root_, state.version()));
      }
      modified_ms = info ? EpochMillis(info->modified) : 0;
    }
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
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> partitions;
  {
    MutexLock lock(mutex_);
    DATALAKE_TRY(RefreshLog(environment_.fs, state_));
    DATALAKE_TRY(CheckPartitionValues(state_, values, options_.partition_values));
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
  const auto append_only = state_.metadata().configuration.find("delta.appendOnly");
  const bool is_append_only =
      append_only != state_.metadata().configuration.end() && append_only->second == "true";
  if (is_append_only && request.changes_data && !request.removes.empty()) {
    return Error{ErrorCode::kUnsupported, fmt::format("table is append-only: {}", root_)};
  }
  return {};
}

Status DeltaTable::AddSchemaChange(const CommitRequest& request, CommitActions& actions) const {
  auto merged = std::make_shared<arrow::Schema>(*state_.schema());
  arrow::FieldVector all_added;
  std::set<const arrow::Schema*> seen;
  for (const StagedFile& file : request.adds) {
    if (file.schema == nullptr || !seen.insert(file.schema.get()).second) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(const auto added, NewColumns(*file.schema, *merged));
    if (!added.empty()) {
      arrow::FieldVector fields = merged->fields();
      fields.insert(fields.end(), added.begin(), added.end());
      all_added.insert(all_added.end(), added.begin(), added.end());
      merged = arrow::schema(std::move(fields));
    }
  }
  if (!all_added.empty()) {
    MetadataAction metadata = state_.metadata();
    DATALAKE_TRY_ASSIGN(
        metadata.schema_json,
        AppendColumnsToJson(metadata.schema_json, *arrow::schema(all_added), root_));
    actions.metadata = std::move(metadata);
  }
  return {};
}

Result<CommitActions> DeltaTable::ActionsFor(const CommitRequest& request,
                                             const CommitFacts& facts) const {
  DATALAKE_TRY(CheckWritable(request));
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
                                                      .stats_json = staged.stats_json});
    actions.adds.push_back(
        {.file = std::move(file), .changes_data = request.changes_data, .tags = {}});
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
  const std::int64_t expiry_ms = EpochMillis(environment_.clock.Now()) - kTombstoneMs;
  return WriteCheckpoint(environment_.fs, root_, state_.version(), state_.Reconciled(expiry_ms));
}

Status DeltaTable::Checkpoint() {
  MutexLock lock(mutex_);
  DATALAKE_TRY(RefreshLog(environment_.fs, state_));
  DATALAKE_TRY(CheckWritable(CommitRequest{}));
  return WriteCheckpointNow();
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
    const CommitFacts facts = ParseCommitInfo(actions->commit_info);
    CommitRecord record{
        .version = version,
        .time = Timestamp(std::chrono::milliseconds(facts.timestamp_ms.value_or(0))),
        .info = facts.info,
        .files_added = static_cast<std::int64_t>(actions->adds.size()),
        .files_removed = static_cast<std::int64_t>(actions->removes.size()),
        .rows_added = 0};
    for (const AddAction& add : actions->adds) {
      const bool is_known = record.rows_added >= 0 && add.file->num_rows >= 0;
      record.rows_added = is_known ? record.rows_added + add.file->num_rows : -1;
    }
    history.push_back(std::move(record));
  }
  return history;
}

Status CheckSpec(const TableSpec& spec, const arrow::Schema& schema) {
  DATALAKE_TRY(CheckColumnNames(schema));
  for (const std::string& column : spec.partition_columns) {
    const auto field = schema.GetFieldByName(column);
    if (field == nullptr) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("partition column is not in the schema: {}", column)};
    }
    if (field->type()->num_fields() > 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("partition column must not be nested: {}", column)};
    }
  }
  const std::set<std::string> unique(spec.partition_columns.begin(), spec.partition_columns.end());
  if (unique.size() != spec.partition_columns.size()) {
    return Error{ErrorCode::kInvalidArgument, "partition column is there twice"};
  }
  if (static_cast<std::size_t>(schema.num_fields()) <= unique.size()) {
    return Error{ErrorCode::kInvalidArgument, "table needs a column that is no partition column"};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Table>> Table::Open(const TableEnvironment& environment,
                                           std::string_view root, const TableOptions& options) {
  DATALAKE_TRY_ASSIGN(LogState state, LoadLog(environment.fs, root, std::nullopt));
  return std::make_unique<DeltaTable>(environment, std::move(state), options);
}

Result<std::unique_ptr<Table>> Table::Create(const TableEnvironment& environment,
                                             std::string_view root, const TableSpec& spec,
                                             const CommitInfo& info, const TableOptions& options) {
  DATALAKE_TRY_ASSIGN(const auto schema, ToDeltaSchema(*spec.schema));
  DATALAKE_TRY(CheckSpec(spec, *schema));
  CommitFacts facts{.info = info,
                    .timestamp_ms = EpochMillis(environment.clock.Now()),
                    .commit_id = MakeUuid(environment.random)};
  if (facts.info.operation.empty()) {
    facts.info.operation = "CREATE TABLE";
  }
  MetadataAction metadata{.id = MakeUuid(environment.random),
                          .name = spec.name,
                          .description = spec.description,
                          .format_options = {},
                          .schema_json = {},
                          .partition_columns = spec.partition_columns,
                          .configuration = spec.configuration,
                          .created_ms = facts.timestamp_ms};
  DATALAKE_TRY_ASSIGN(metadata.schema_json, SchemaToJson(*schema));
  CommitActions actions;
  actions.commit_info = FormatCommitInfo(facts, /*is_blind_append=*/true);
  actions.protocol = ProtocolAction{};
  actions.metadata = std::move(metadata);

  DATALAKE_TRY_ASSIGN(const bool exists, Exists(environment.fs, root));
  if (exists) {
    return Error{ErrorCode::kAlreadyExists, fmt::format("a table is here already: {}", root)};
  }
  DATALAKE_TRY(environment.fs.MakeDirectories(LogFolder(root)));
  const std::string path = LogFilePath(root, 0);
  if (Status status = io::PutIfAbsent(environment.fs, path, FormatCommit(actions)); !status) {
    if (status.error().code == ErrorCode::kAlreadyExists) {
      return Error{ErrorCode::kAlreadyExists, fmt::format("a table is here already: {}", root)};
    }
    return std::move(status).error();
  }
  LogState state{std::string(root)};
  DATALAKE_TRY(state.Apply(std::move(actions), 0, path));
  return std::make_unique<DeltaTable>(environment, std::move(state), options);
}

Result<bool> Table::Exists(io::FileSystem& fs, std::string_view root) {
  DATALAKE_TRY_ASSIGN(const bool has_first, fs.Exists(LogFilePath(root, 0)));
  if (has_first) {
    return true;
  }
  auto entries = fs.List(LogFolder(root));
  if (!entries) {
    if (entries.error().code == ErrorCode::kNotFound) {
      return false;
    }
    return std::move(entries).error();
  }
  // Version 0 may have been cleaned up by another writer.
  return std::any_of(entries->begin(), entries->end(), [](const io::DirectoryEntry& entry) {
    return entry.name.ends_with(".checkpoint.parquet");
  });
}

Result<CommitResult> Table::Append(arrow::RecordBatchReader& rows, const PartitionValues& values,
                                   const CommitInfo& info,
                                   const std::optional<Transaction>& transaction) {
  DATALAKE_TRY_ASSIGN(auto files, WriteFiles(rows, values));
  const CommitRequest request{.adds = std::move(files), .info = info, .transaction = transaction};
  auto result = Commit(request);
  DiscardIfAbsent(result, request.adds);
  return result;
}

void Table::DiscardIfAbsent(const Result<CommitResult>& commit,
                            const std::vector<StagedFile>& files) {
  const bool is_certainly_absent = commit ? commit->already_applied
                                          : commit.error().code == ErrorCode::kInvalidArgument ||
                                                commit.error().code == ErrorCode::kUnsupported ||
                                                commit.error().code == ErrorCode::kConflict;
  if (is_certainly_absent) {
    // Files that stay are harmless: no version names them.
    const Status ignored = Discard(files);
    (void)ignored;
  }
}

Result<CommitResult> Table::Remove(const std::vector<std::string>& paths, const CommitInfo& info) {
  return Commit(CommitRequest{.removes = paths, .info = info});
}

}  // namespace datalake::table
