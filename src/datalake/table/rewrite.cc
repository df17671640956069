#include <algorithm>
#include <iterator>
#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/io/path.h"
#include "datalake/table/partition_path.h"
#include "datalake/table/rewrite_internal.h"
#include "datalake/table/table_properties.h"

namespace datalake::table {

StagedFiles::~StagedFiles() {
  // Files that stay are harmless: no version names them, and vacuum finds them.
  const Status ignored = table_.Discard(request.adds);
  (void)ignored;
}

void StagedFiles::Add(std::vector<StagedFile> files) {
  std::move(files.begin(), files.end(), std::back_inserter(request.adds));
}

Result<CommitResult> StagedFiles::Commit() {
  auto result = table_.Commit(request);
  table_.DiscardIfAbsent(result, request.adds);
  request.adds.clear();
  return result;
}

std::vector<std::string> StoredColumns(const TableSnapshot& snapshot) {
  const auto& partitions = snapshot.partition_columns();
  std::vector<std::string> columns;
  for (const auto& field : snapshot.schema()->fields()) {
    if (std::find(partitions.begin(), partitions.end(), field->name()) == partitions.end()) {
      columns.push_back(field->name());
    }
  }
  return columns;
}

void NoteCount(CommitInfo& info, const std::string& key, std::int64_t count) {
  info.extra[key] = std::to_string(count);
}

bool IsInScope(const PartitionValues& values, const PartitionValues& scope) {
  return std::all_of(scope.begin(), scope.end(), [&](const auto& wanted) {
    const auto found = values.find(wanted.first);
    const auto value = found == values.end() ? std::nullopt : found->second;
    return value.value_or("") == wanted.second.value_or("");
  });
}

Status CheckScopeColumns(const TableSnapshot& snapshot, const PartitionValues& scope) {
  const auto& columns = snapshot.partition_columns();
  for (const auto& [column, value] : scope) {
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
      return UnknownNameError("partition column", column, columns);
    }
  }
  return {};
}

bool IsInItsFolder(const TableSnapshot& snapshot, const TableFile& file) {
  const auto wanted =
      PartitionFolder(snapshot.root(), snapshot.partition_columns(), file.partition_values);
  const std::string decoded = UriDecode(file.path);
  const std::string_view parent = io::ParentPath(decoded);
  return !wanted || parent == *wanted || (wanted->empty() && parent == ".");
}

Status CheckMayRemove(const TableSnapshot& snapshot) {
  if (IsAppendOnly(snapshot.configuration())) {
    return Error{ErrorCode::kUnsupported, fmt::format("table is append-only: {}", snapshot.root())};
  }
  return {};
}

}  // namespace datalake::table
