// What all tables do alike, on top of what DeltaTable does: making one, and the simple commits.
#include "datalake/table/table.h"

#include <algorithm>
#include <set>
#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/id.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/table/log_action.h"
#include "datalake/table/log_store.h"
#include "datalake/table/schema_json.h"

namespace datalake::table {
namespace {

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
  return Open(environment, root, options);
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
