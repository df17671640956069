#include "datalake/table/compact.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <arrow/record_batch.h>

#include "datalake/table/read.h"
#include "datalake/table/replace_rows.h"
#include "datalake/table/rewrite_internal.h"

namespace datalake::table {
namespace {

// Files that become one or, when they turn out larger than thought, a few.
using FileGroup = std::vector<TableFilePtr>;

struct Limits {
  std::uint64_t small_bytes = 0;
  std::uint64_t target_bytes = 0;
};

// Neighbours among the small files of a partition, up to the target together.
std::vector<FileGroup> Groups(const TableSnapshot& snapshot, const FileGroup& files,
                              const Limits& limits) {
  std::vector<FileGroup> groups;
  FileGroup open;
  std::uint64_t bytes = 0;
  const auto close = [&] {
    const bool is_worth_it =
        open.size() > 1 || (open.size() == 1 && !IsInItsFolder(snapshot, *open.front()));
    if (is_worth_it) {
      groups.push_back(std::move(open));
    }
    open.clear();
    bytes = 0;
  };
  for (const TableFilePtr& file : files) {
    if (file->size_bytes >= limits.small_bytes && IsInItsFolder(snapshot, *file)) {
      continue;
    }
    if (bytes + file->size_bytes > limits.target_bytes) {
      close();
    }
    bytes += file->size_bytes;
    open.push_back(file);
  }
  close();
  return groups;
}

class Compaction {
 public:
  Compaction(Table& table, std::shared_ptr<const TableSnapshot> snapshot, const CommitInfo& info,
             const RewriteControl& control)
      : table_(table), snapshot_(std::move(snapshot)), info_(info), control_(control) {
    result_.version = snapshot_->version();
    if (info_.operation.empty()) {
      info_.operation = "OPTIMIZE";
    }
  }

  Status Run(const Limits& limits, const PartitionValues& scope) {
    std::vector<std::vector<FileGroup>> work;
    for (const auto& [values, files] : Partitions(scope)) {
      work.push_back(Groups(*snapshot_, files, limits));
      for (const FileGroup& group : work.back()) {
        event_.items_total += group.size();
      }
    }
    for (const std::vector<FileGroup>& groups : work) {
      if (!groups.empty()) {
        DATALAKE_TRY(CompactPartition(groups));
      }
    }
    return {};
  }

  const CompactResult& result() const { return result_; }

 private:
  std::map<PartitionValues, FileGroup> Partitions(const PartitionValues& scope) const {
    std::map<PartitionValues, FileGroup> partitions;
    for (const TableFilePtr& file : snapshot_->files()) {
      if (IsInScope(file->partition_values, scope)) {
        partitions[file->partition_values].push_back(file);
      }
    }
    return partitions;
  }

  Status CompactPartition(const std::vector<FileGroup>& groups) {
    StagedFiles staged(table_);
    const std::vector<std::string> columns = StoredColumns(*snapshot_);
    for (const FileGroup& group : groups) {
      if (control_.stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "compaction was cancelled"};
      }
      DATALAKE_TRY_ASSIGN(
          auto rows, ReadTableFiles(table_.environment().fs, snapshot_, std::span(group), columns));
      DATALAKE_TRY_ASSIGN(auto files, table_.RewriteFiles(*rows, *group.front()));
      staged.Add(std::move(files));
      for (const TableFilePtr& file : group) {
        staged.request.removes.push_back(file->path);
      }
      Report(group.size());
    }
    staged.request.info = info_;
    staged.request.changes_data = false;
    const auto added = static_cast<std::int64_t>(staged.request.adds.size());
    const auto removed = static_cast<std::int64_t>(staged.request.removes.size());
    const auto committed = staged.Commit();
    if (!committed && committed.error().code == ErrorCode::kConflict) {
      ++result_.partitions_skipped;
      return {};
    }
    if (!committed) {
      return committed.error();
    }
    result_.version = committed->version;
    ++result_.partitions;
    result_.files_added += added;
    result_.files_removed += removed;
    return {};
  }

  void Report(std::size_t files) {
    event_.items_done += files;
    if (control_.progress != nullptr) {
      control_.progress->Report(event_);
    }
  }

  Table& table_;
  const std::shared_ptr<const TableSnapshot> snapshot_;
  CommitInfo info_;
  const RewriteControl& control_;
  ProgressEvent event_{.phase = "compact", .unit = "files"};
  CompactResult result_;
};

}  // namespace

Result<CompactResult> CompactTable(Table& table, const CompactOptions& options,
                                   const CommitInfo& info, const RewriteControl& control) {
  DATALAKE_TRY_ASSIGN(auto snapshot, table.Snapshot());
  DATALAKE_TRY(CheckScopeColumns(*snapshot, options.scope));
  const std::uint64_t target = table.options().target_file_bytes;
  const Limits limits{
      .small_bytes = options.small_file_bytes > 0 ? options.small_file_bytes : target / 2,
      .target_bytes = target};
  Compaction compaction(table, std::move(snapshot), info, control);
  DATALAKE_TRY(compaction.Run(limits, options.scope));
  return compaction.result();
}

}  // namespace datalake::table
