#include "datalake/table/log_store.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/log.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/table/checkpoint.h"
#include "datalake/table/rewrite_internal.h"

namespace datalake::table {
namespace {

constexpr std::size_t kVersionDigits = 20;

std::optional<std::int64_t> ParseDigits(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return is_whole && value >= 0 ? std::optional(value) : std::nullopt;
}

// "checkpoint.0000000001.0000000003.parquet" says 3.
std::optional<std::int64_t> PartsOfCheckpoint(std::string_view suffix) {
  constexpr std::string_view kStart = ".checkpoint.";
  constexpr std::string_view kEnd = ".parquet";
  constexpr std::size_t kPartDigits = 10;
  if (suffix == ".checkpoint.parquet") {
    return 1;
  }
  const bool is_part = suffix.size() == kStart.size() + 2 * kPartDigits + 1 + kEnd.size() &&
                       suffix.starts_with(kStart) && suffix.ends_with(kEnd) &&
                       suffix[kStart.size() + kPartDigits] == '.';
  return is_part ? ParseDigits(suffix.substr(kStart.size() + kPartDigits + 1, kPartDigits))
                 : std::nullopt;
}

// True when every log file of (after, target] is there.
bool HasCommits(const LogListing& listing, std::int64_t after, std::int64_t target) {
  for (std::int64_t version = after + 1; version <= target; ++version) {
    if (!listing.commits.contains(version)) {
      return false;
    }
  }
  return true;
}

Status ApplyLogFile(io::FileSystem& fs, LogState& state, std::int64_t version,
                    const PartitionValues* scope) {
  DATALAKE_TRY_ASSIGN(auto actions, ReadLogFile(fs, state.root(), version));
  if (scope != nullptr) {
    std::erase_if(actions.adds, [&](const AddAction& add) {
      return !IsInScope(add.file->partition_values, *scope);
    });
  }
  return state.Apply(std::move(actions), version, LogFilePath(state.root(), version));
}

Result<LogState> LoadCheckpoint(io::FileSystem& fs, std::string_view root, std::int64_t version,
                                const std::vector<std::string>& names,
                                const PartitionValues* scope) {
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    paths.push_back(io::JoinPath(LogFolder(root), name));
  }
  DATALAKE_TRY_ASSIGN(auto actions, ReadCheckpoint(fs, root, paths, scope));
  LogState state{std::string(root)};
  DATALAKE_TRY(state.Apply(std::move(actions), version, paths.front()));
  return state;
}

// The newest checkpoint at or below `target` from which the log goes on without a gap, or an empty
// state when the log itself goes back to version 0.
Result<LogState> LoadStart(io::FileSystem& fs, std::string_view root, const LogListing& listing,
                           std::int64_t target, const PartitionValues* scope) {
  std::optional<Error> first_error;
  for (auto it = listing.checkpoints.rbegin(); it != listing.checkpoints.rend(); ++it) {
    if (it->first > target || !HasCommits(listing, it->first, target)) {
      continue;
    }
    auto state = LoadCheckpoint(fs, root, it->first, it->second, scope);
    if (state || state.error().code == ErrorCode::kUnsupported) {
      return state;
    }
    LogWarning(fmt::format("passing over a checkpoint: {}", state.error().message));
    if (!first_error.has_value()) {
      first_error = std::move(state).error();
    }
  }
  if (HasCommits(listing, -1, target)) {
    return LogState{std::string(root)};
  }
  if (first_error.has_value()) {
    return *first_error;
  }
  for (std::int64_t version = target; version >= 0; --version) {
    if (!listing.commits.contains(version)) {
      const bool is_cleaned_up =
          !listing.checkpoints.empty() && listing.checkpoints.rbegin()->first > target;
      if (is_cleaned_up) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("version is no longer kept: {}: {}", root, target)};
      }
      return Error{ErrorCode::kCorruption,
                   fmt::format("log file is missing: {}", LogFilePath(root, version))};
    }
  }
  return Error{ErrorCode::kCorruption, fmt::format("log cannot be read: {}", root)};
}

// The newest version by the checkpoint that `_last_checkpoint` names, without a listing. Nothing
// when there is any doubt: a listing then tells more, also what is wrong.
std::optional<LogState> LoadFromHint(io::FileSystem& fs, std::string_view root,
                                     const PartitionValues* scope) {
  const std::int64_t hinted = HintedVersion(fs, root);
  if (hinted < 0) {
    return std::nullopt;
  }
  const std::string name(io::BaseName(CheckpointPath(root, hinted)));
  auto state = LoadCheckpoint(fs, root, hinted, {name}, scope);
  if (!state) {
    return std::nullopt;
  }
  while (true) {
    const Status applied = ApplyLogFile(fs, *state, state->version() + 1, scope);
    if (!applied && applied.error().code != ErrorCode::kNotFound) {
      return std::nullopt;
    }
    if (!applied) {
      // The end of the log, or a gap in it.
      const auto has_next = fs.Exists(LogFilePath(root, state->version() + 2));
      return has_next && !*has_next ? std::optional(std::move(*state)) : std::nullopt;
    }
  }
}

}  // namespace

std::string LogFolder(std::string_view root) {
  return io::JoinPath(root, "_delta_log");
}

std::string LogFilePath(std::string_view root, std::int64_t version) {
  return fmt::format("{}/{:020}.json", LogFolder(root), version);
}

std::string CheckpointPath(std::string_view root, std::int64_t version) {
  return fmt::format("{}/{:020}.checkpoint.parquet", LogFolder(root), version);
}

std::string CheckpointHintPath(std::string_view root) {
  return io::JoinPath(LogFolder(root), "_last_checkpoint");
}

std::int64_t LogListing::newest() const {
  const std::int64_t commit = commits.empty() ? -1 : *commits.rbegin();
  return checkpoints.empty() ? commit : std::max(commit, checkpoints.rbegin()->first);
}

Result<LogListing> ListLog(io::FileSystem& fs, std::string_view root) {
  auto entries = fs.List(LogFolder(root));
  if (!entries) {
    if (entries.error().code == ErrorCode::kNotFound) {
      return Error{ErrorCode::kNotFound, fmt::format("no table here: {}", root)};
    }
    return std::move(entries).error();
  }
  LogListing listing;
  std::map<std::int64_t, std::size_t> parts;
  for (const io::DirectoryEntry& entry : *entries) {
    const std::string_view name = entry.name;
    const auto version =
        name.size() > kVersionDigits ? ParseDigits(name.substr(0, kVersionDigits)) : std::nullopt;
    if (!version.has_value()) {
      continue;
    }
    const std::string_view suffix = name.substr(kVersionDigits);
    if (suffix == ".json") {
      listing.commits.insert(*version);
    } else if (const auto count = PartsOfCheckpoint(suffix)) {
      auto& names = listing.checkpoints[*version];
      if (*count == 1) {
        names = {entry.name};
        parts[*version] = 1;
      } else if (parts[*version] != 1) {
        names.push_back(entry.name);
        parts[*version] = static_cast<std::size_t>(*count);
      }
    }
  }
  std::erase_if(listing.checkpoints, [&](const auto& checkpoint) {
    return checkpoint.second.size() != parts[checkpoint.first];
  });
  return listing;
}

std::int64_t HintedVersion(io::FileSystem& fs, std::string_view root) {
  const auto text = io::ReadFile(fs, CheckpointHintPath(root), 1 << 20);
  if (!text) {
    return -1;
  }
  const auto hint = json::ParseValue(*text, "_last_checkpoint");
  if (!hint) {
    return -1;
  }
  return json::GetInt(*hint, "version", "_last_checkpoint").value_or(-1);
}

Result<CommitActions> ReadLogFile(io::FileSystem& fs, std::string_view root, std::int64_t version) {
  const std::string path = LogFilePath(root, version);
  DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, path, kMaxLogFileBytes));
  return ParseCommit(text, root, path);
}

Result<std::int64_t> OldestLogFile(io::FileSystem& fs, std::string_view root) {
  DATALAKE_TRY_ASSIGN(const LogListing listing, ListLog(fs, root));
  if (listing.commits.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("no log file is kept: {}", root)};
  }
  return *listing.commits.begin();
}

Result<Timestamp> CommitTime(io::FileSystem& fs, std::string_view root, std::int64_t version) {
  const auto actions = ReadLogFile(fs, root, version);
  if (actions) {
    const auto said = ParseCommitInfo(actions->commit_info).timestamp_ms;
    if (said.has_value()) {
      return Timestamp(std::chrono::milliseconds(*said));
    }
  } else if (actions.error().code != ErrorCode::kNotFound) {
    return actions.error();
  }
  const std::string path = actions ? LogFilePath(root, version) : CheckpointPath(root, version);
  DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs.Stat(path));
  return info.modified;
}

Result<LogState> LoadLog(io::FileSystem& fs, std::string_view root,
                         std::optional<std::int64_t> version, const PartitionValues* scope) {
  if (!version.has_value()) {
    if (auto hinted = LoadFromHint(fs, root, scope)) {
      return std::move(*hinted);
    }
  }
  DATALAKE_TRY_ASSIGN(const LogListing listing, ListLog(fs, root));
  const std::int64_t newest = listing.newest();
  if (newest < 0) {
    return Error{ErrorCode::kNotFound, fmt::format("no table here: {}", root)};
  }
  const std::int64_t target = version.value_or(newest);
  if (target > newest || target < 0) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("no such version, the newest is {}: {}: {}", newest, root, target)};
  }
  DATALAKE_TRY_ASSIGN(LogState state, LoadStart(fs, root, listing, target, scope));
  while (state.version() < target) {
    DATALAKE_TRY(ApplyLogFile(fs, state, state.version() + 1, scope));
  }
  return state;
}

Status RefreshLog(io::FileSystem& fs, LogState& state) {
  while (true) {
    auto actions = ReadLogFile(fs, state.root(), state.version() + 1);
    if (!actions) {
      if (actions.error().code != ErrorCode::kNotFound) {
        return std::move(actions).error();
      }
      break;
    }
    const std::int64_t version = state.version() + 1;
    const std::string where = LogFilePath(state.root(), version);
    if (Status status = state.Apply(std::move(*actions), version, where); !status) {
      state = LogState(state.root());
      return status;
    }
  }
  if (state.version() >= 0 && HintedVersion(fs, state.root()) <= state.version()) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(state, LoadLog(fs, state.root(), std::nullopt));
  return {};
}

}  // namespace datalake::table
