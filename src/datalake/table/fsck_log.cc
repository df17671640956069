// The part of fsck that reads the log.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/table/checkpoint.h"
#include "datalake/table/fsck_internal.h"

namespace datalake::table {
namespace {

// What a checkpoint must say of its version, in a form that compares.
std::map<std::string, std::string> Facts(const CommitActions& actions) {
  std::map<std::string, std::string> facts;
  for (const AddAction& add : actions.adds) {
    std::string values;
    for (const auto& [column, value] : add.file->partition_values) {
      values += fmt::format("{}={};", column, value.value_or("\x01null"));
    }
    facts["file " + add.file->path] =
        fmt::format("{} {} {}", add.file->size_bytes, values, add.file->stats_json);
  }
  for (const TransactionAction& transaction : actions.transactions) {
    facts["txn " + transaction.app_id] = std::to_string(transaction.version);
  }
  if (actions.metadata.has_value()) {
    facts["table id"] = actions.metadata->id;
    facts["schema"] = actions.metadata->schema_json;
    for (const auto& [key, value] : actions.metadata->configuration) {
      facts["property " + key] = value;
    }
  }
  if (actions.protocol.has_value()) {
    facts["protocol"] = fmt::format("{} {}", actions.protocol->min_reader_version,
                                    actions.protocol->min_writer_version);
  }
  return facts;
}

// The first fact in which they differ, or "". Statistics may be written as structs, so a checkpoint
// of another writer may have none as text.
std::string Difference(const std::map<std::string, std::string>& log,
                       const std::map<std::string, std::string>& checkpoint) {
  for (const auto& [key, value] : log) {
    const auto found = checkpoint.find(key);
    if (found == checkpoint.end()) {
      return key + " is missing";
    }
    if (found->second != value && !value.starts_with(found->second)) {
      return key + " differs";
    }
  }
  for (const auto& [key, value] : checkpoint) {
    if (!log.contains(key)) {
      return key + " is too much";
    }
  }
  return "";
}

class LogCheck {
 public:
  LogCheck(io::FileSystem& fs, std::string_view root, const LogListing& listing,
           const RewriteControl& control, FsckReport& report)
      : fs_(fs), root_(root), listing_(listing), control_(control), report_(report) {}

  Status Run() {
    report_.log_files = static_cast<std::int64_t>(listing_.commits.size());
    report_.checkpoints = static_cast<std::int64_t>(listing_.checkpoints.size());
    CheckHint();
    ProgressEvent event{.phase = "check log",
                        .items_total = listing_.commits.size() + listing_.checkpoints.size(),
                        .unit = "files"};
    const std::int64_t first = listing_.commits.empty() ? 0 : *listing_.commits.begin();
    const std::int64_t first_checkpoint =
        listing_.checkpoints.empty() ? first : listing_.checkpoints.begin()->first;
    for (std::int64_t version = std::min(first, first_checkpoint); version <= listing_.newest();
         ++version) {
      if (control_.stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "check was cancelled"};
      }
      CheckCommit(version, first);
      CheckCheckpoint(version);
      ++event.items_done;
      if (control_.progress != nullptr) {
        control_.progress->Report(event);
      }
    }
    return {};
  }

 private:
  void CheckHint() {
    const std::string path = CheckpointHintPath(root_);
    const std::int64_t hinted = HintedVersion(fs_, root_);
    if (hinted >= 0 && !listing_.checkpoints.contains(hinted)) {
      Tell(FsckSeverity::kWarning, "checkpoint_hint", path,
           fmt::format("names a checkpoint that is not there: {}", hinted));
    } else if (hinted < 0 && !listing_.checkpoints.empty()) {
      Tell(FsckSeverity::kNote, "checkpoint_hint", path,
           "is not there or cannot be read; readers list the log instead");
    }
  }

  void CheckCommit(std::int64_t version, std::int64_t first) {
    const std::string path = LogFilePath(root_, version);
    if (!listing_.commits.contains(version)) {
      // Before the first log file only checkpoints tell.
      if (version > first || first > listing_.newest()) {
        const bool has_later_start =
            listing_.checkpoints.lower_bound(version) != listing_.checkpoints.end();
        Tell(has_later_start ? FsckSeverity::kWarning : FsckSeverity::kError, "log_gap", path,
             has_later_start ? "log file is missing: versions between it and the next checkpoint "
                               "cannot be read; a clean-up of the log that died may have left this"
                             : "log file is missing: newer versions cannot be read");
      }
      state_ = LogState(std::string(root_));
      return;
    }
    auto actions = ReadLogFile(fs_, root_, version);
    if (!actions) {
      Tell(FsckSeverity::kError, "log_file", path, actions.error().message);
      state_ = LogState(std::string(root_));
      return;
    }
    if (state_.version() == version - 1) {
      Status applied = state_.Apply(std::move(*actions), version, path);
      if (!applied) {
        Tell(FsckSeverity::kError, "log_file", path, applied.error().message);
        state_ = LogState(std::string(root_));
      }
    }
  }

  void CheckCheckpoint(std::int64_t version) {
    const auto found = listing_.checkpoints.find(version);
    if (found == listing_.checkpoints.end()) {
      return;
    }
    std::vector<std::string> paths;
    for (const std::string& name : found->second) {
      paths.push_back(io::JoinPath(LogFolder(root_), name));
    }
    auto actions = ReadCheckpoint(fs_, root_, paths);
    if (!actions) {
      Tell(FsckSeverity::kError, "checkpoint", paths.front(), actions.error().message);
      return;
    }
    if (state_.version() == version) {
      const std::string difference =
          Difference(Facts(state_.Reconciled(INT64_MAX)), Facts(*actions));
      if (!difference.empty()) {
        Tell(FsckSeverity::kError, "checkpoint", paths.front(),
             fmt::format("does not say what the log says: {}", difference));
      }
      return;
    }
    // The log before it was cleaned up: from here on it is the truth.
    state_ = LogState(std::string(root_));
    if (Status applied = state_.Apply(std::move(*actions), version, paths.front()); !applied) {
      Tell(FsckSeverity::kError, "checkpoint", paths.front(), applied.error().message);
      state_ = LogState(std::string(root_));
    }
  }

  void Tell(FsckSeverity severity, std::string kind, std::string path, std::string message) {
    report_.findings.push_back({severity, std::move(kind), std::move(path), std::move(message)});
  }

  io::FileSystem& fs_;
  const std::string_view root_;
  const LogListing& listing_;
  const RewriteControl& control_;
  FsckReport& report_;
  LogState state_{std::string(root_)};
};

}  // namespace

Status CheckLog(io::FileSystem& fs, std::string_view root, const LogListing& listing,
                const RewriteControl& control, FsckReport& report) {
  return LogCheck(fs, root, listing, control, report).Run();
}

}  // namespace datalake::table
