#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/table/table.h"

namespace datalake::table {

/// Files that were staged and are not committed yet: discarded by the destructor unless it is
/// certain, or possible, that a version names them.
class StagedFiles {
 public:
  explicit StagedFiles(Table& table) : table_(table) {}

  ~StagedFiles();
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;

  void Add(std::vector<StagedFile> files);

  bool empty() const { return request.adds.empty() && request.removes.empty(); }

  /// Commits `request`; the files then belong to the table, or are discarded when it is certain
  /// that they do not. Errors: those of Table::Commit.
  Result<CommitResult> Commit();

  CommitRequest request;

 private:
  Table& table_;
};

/// How often a rewrite begins again when others were faster.
inline constexpr int kMaxRewriteAttempts = 20;

/// Names of the columns that data files of the snapshot hold.
std::vector<std::string> StoredColumns(const TableSnapshot& snapshot);

/// The number as text, for CommitInfo::extra.
void NoteCount(CommitInfo& info, const std::string& key, std::int64_t count);

/// True when a file with these values has every value of `scope`; null and "" are one.
bool IsInScope(const PartitionValues& values, const PartitionValues& scope);

/// Errors: kNotFound (`scope` names a column that is no partition column, naming the nearest).
Status CheckScopeColumns(const TableSnapshot& snapshot, const PartitionValues& scope);

/// True when the file lies in the folder of its partition (PartitionFolder), or no folder can be
/// told.
bool IsInItsFolder(const TableSnapshot& snapshot, const TableFile& file);

/// kUnsupported when the table is append-only.
Status CheckMayRemove(const TableSnapshot& snapshot);

}  // namespace datalake::table
