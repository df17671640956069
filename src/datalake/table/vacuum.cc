#include "datalake/table/vacuum.h"

#include <filesystem>
#include <limits>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/file_system.h"
#include "datalake/table/log_store.h"
#include "datalake/table/partition_path.h"
#include "datalake/table/table_folder.h"
#include "datalake/table/table_properties.h"

namespace datalake::table {
namespace {

constexpr int kWriterVersion = 2;

// Without "." and doubled slashes, which another writer may have put into a path of the log.
std::string Normal(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

class Vacuum {
 public:
  Vacuum(Table& table, const VacuumOptions& options)
      : table_(table), fs_(table.environment().fs), options_(options) {}

  Result<VacuumResult> Run(const RewriteControl& control) {
    now_ms_ = EpochMillis(table_.environment().clock.Now());
    // The folder first: what is committed after the listing was not there, or is young.
    DATALAKE_TRY(FindFiles());
    DATALAKE_TRY(FindNeeded());
    for (VacuumFile& file : found_) {
      DATALAKE_TRY(Judge(std::move(file)));
    }
    if (options_.mode == VacuumMode::kDelete) {
      DATALAKE_TRY(Delete(control));
    }
    return std::move(result_);
  }

 private:
  Status FindFiles() {
    return VisitTableFolder(fs_, table_.root(), [&](const FolderFile& file) -> Status {
      const bool is_ours =
          file.is_temporary || (file.name.ends_with(".parquet") && !file.name.starts_with('_') &&
                                !file.name.starts_with('.'));
      if (is_ours) {
        found_.push_back(
            {.path = file.path,
             .reason = file.is_temporary ? VacuumReason::kTemporary : VacuumReason::kLeftover});
      }
      return {};
    });
  }

  Status FindNeeded() {
    DATALAKE_TRY_ASSIGN(const LogState state, LoadLog(fs_, table_.root(), std::nullopt));
    if (state.protocol().min_writer_version > kWriterVersion) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("table needs Delta writer version {}, this program has {}: {}",
                               state.protocol().min_writer_version, kWriterVersion, table_.root())};
    }
    const auto retention =
        options_.retention.value_or(DeletedFileRetention(state.metadata().configuration));
    const std::int64_t cutoff_ms = now_ms_ - retention.count();
    const CommitActions all = state.Reconciled(std::numeric_limits<std::int64_t>::min());
    for (const AddAction& add : all.adds) {
      // Whether such a path leads into this folder cannot be told for sure.
      if (add.file->path.find(':') != std::string::npos || add.file->path.starts_with('/')) {
        return Error{ErrorCode::kUnsupported,
                     fmt::format("table with absolute paths cannot be vacuumed: {}: {}",
                                 table_.root(), add.file->path)};
      }
      Need(add.file->os_path);
    }
    for (const RemoveAction& remove : all.removes) {
      DATALAKE_TRY_ASSIGN(std::string path, DataFilePath(table_.root(), remove.path));
      path = Normal(path);
      removed_.insert(path);
      if (remove.deleted_ms.value_or(0) >= cutoff_ms) {
        needed_.insert(path);
      }
    }
    DATALAKE_TRY(NeedRecentCommits(state.version(), cutoff_ms));
    for (const std::int64_t version : options_.keep_versions) {
      DATALAKE_TRY_ASSIGN(const LogState kept, LoadLog(fs_, table_.root(), version));
      for (const AddAction& add : kept.Reconciled(now_ms_).adds) {
        Need(add.file->os_path);
      }
    }
    return {};
  }

  // Checkpoints forget removals after the table's own time, which may be shorter than ours.
  Status NeedRecentCommits(std::int64_t newest, std::int64_t cutoff_ms) {
    for (std::int64_t version = newest; version >= 0; --version) {
      auto actions = ReadLogFile(fs_, table_.root(), version);
      if (!actions && actions.error().code == ErrorCode::kNotFound) {
        return {};  // cleaned up
      }
      DATALAKE_TRY(actions);
      const auto time_ms = ParseCommitInfo(actions->commit_info).timestamp_ms;
      if (time_ms.has_value() && *time_ms < cutoff_ms) {
        return {};
      }
      for (const AddAction& add : actions->adds) {
        Need(add.file->os_path);
      }
      for (const RemoveAction& remove : actions->removes) {
        DATALAKE_TRY_ASSIGN(const std::string path, DataFilePath(table_.root(), remove.path));
        Need(path);
      }
    }
    return {};
  }

  void Need(const std::string& path) { needed_.insert(Normal(path)); }

  Status Judge(VacuumFile file) {
    const std::string normal = Normal(file.path);
    if (needed_.contains(normal)) {
      return {};
    }
    const auto info = fs_.Stat(file.path);
    if (!info) {
      return info.error().code == ErrorCode::kNotFound ? Status() : Status(info.error());
    }
    file.size_bytes = info->size_bytes;
    if (removed_.contains(normal)) {
      file.reason = VacuumReason::kRemoved;
    } else if (EpochMillis(info->modified) > now_ms_ - options_.leftover_grace.count()) {
      return {};
    }
    result_.size_bytes += file.size_bytes;
    result_.files.push_back(std::move(file));
    return {};
  }

  Status Delete(const RewriteControl& control) {
    ProgressEvent event{.phase = "vacuum", .items_total = result_.files.size(), .unit = "files"};
    for (const VacuumFile& file : result_.files) {
      if (control.stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "vacuum was cancelled"};
      }
      Status status = fs_.Remove(file.path);
      if (!status && status.error().code != ErrorCode::kNotFound) {
        return status;
      }
      ++event.items_done;
      if (control.progress != nullptr) {
        control.progress->Report(event);
      }
    }
    return {};
  }

  Table& table_;
  io::FileSystem& fs_;
  const VacuumOptions& options_;
  std::int64_t now_ms_ = 0;
  std::vector<VacuumFile> found_;
  std::unordered_set<std::string> needed_;
  std::unordered_set<std::string> removed_;
  VacuumResult result_;
};

}  // namespace

std::string_view ToString(VacuumReason reason) {
  switch (reason) {
    case VacuumReason::kRemoved:
      return "removed";
    case VacuumReason::kLeftover:
      return "leftover";
    case VacuumReason::kTemporary:
      return "temporary";
  }
  return "";
}

Result<VacuumResult> VacuumTable(Table& table, const VacuumOptions& options,
                                 const RewriteControl& control) {
  return Vacuum(table, options).Run(control);
}

}  // namespace datalake::table
