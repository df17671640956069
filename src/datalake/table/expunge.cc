#include "datalake/table/expunge.h"

#include <charconv>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/table/checkpoint.h"
#include "datalake/table/log_action.h"
#include "datalake/table/log_store.h"

namespace datalake::table {
namespace {

constexpr std::size_t kVersionDigits = 20;
constexpr std::string_view kCheckpointSuffix = ".checkpoint.parquet";
constexpr std::string_view kMarkerPrefix = "_expunged-";
constexpr std::string_view kMarkerSuffix = ".json";
constexpr std::string_view kScratch = ".expunge";
constexpr std::uint64_t kMaxMarkerBytes = std::uint64_t{1} << 16;

using PathSet = std::set<std::string, std::less<>>;

// The text of a log file without the statistics of files in `gone`; nothing when it has none.
Result<std::optional<std::string>> WithoutStatistics(std::string_view text, std::string_view root,
                                                     std::string_view where, const PathSet& gone) {
  DATALAKE_TRY_ASSIGN(const CommitActions actions, ParseCommit(text, root, where));
  PathSet paths;
  for (const AddAction& add : actions.adds) {
    if (gone.contains(add.file->os_path) && !add.file->stats_json.empty()) {
      paths.insert(add.file->path);
    }
  }
  if (paths.empty()) {
    return std::optional<std::string>();
  }
  std::string rewritten;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find("\"add\"") == std::string_view::npos) {
      rewritten.append(line).append("\n");
      continue;
    }
    DATALAKE_TRY_ASSIGN(json::Value action, json::ParseValue(line, where));
    const auto add = action.find("add");
    if (add != action.end() && add->is_object()) {
      const auto path = add->find("path");
      if (path != add->end() && path->is_string() &&
          paths.contains(path->get_ref<const std::string&>())) {
        add->erase("stats");
        add->erase("stats_parsed");
        add->erase("tags");
      }
    }
    rewritten.append(json::DumpValue(action)).append("\n");
  }
  return std::optional<std::string>(RenewChecksum(std::move(rewritten)));
}

// The checkpoint is written anew beside the log, then takes the place of the old one.
Status ScrubCheckpoint(io::FileSystem& fs, std::string_view root, std::int64_t version,
                       const PathSet& gone) {
  const std::string path = CheckpointPath(root, version);
  const std::string paths[] = {path};
  auto actions = ReadCheckpoint(fs, root, paths);
  if (!actions) {
    return actions.error().code == ErrorCode::kCorruption ? fs.Remove(path) : actions.error();
  }
  bool has_any = false;
  for (AddAction& add : actions->adds) {
    if (gone.contains(add.file->os_path) && !add.file->stats_json.empty()) {
      TableFile bare = *add.file;
      bare.stats_json.clear();
      add.file = std::make_shared<const TableFile>(std::move(bare));
      add.tags.clear();
      has_any = true;
    }
  }
  if (!has_any) {
    return {};
  }
  const std::string scratch = io::JoinPath(LogFolder(root), kScratch);
  DATALAKE_TRY(fs.RemoveTree(scratch));
  DATALAKE_TRY(fs.MakeDirectories(LogFolder(scratch)));
  DATALAKE_TRY(WriteCheckpoint(fs, scratch, version, *actions));
  DATALAKE_TRY(fs.Rename(CheckpointPath(scratch, version), path));
  DATALAKE_TRY(fs.SyncDirectory(LogFolder(root)));
  return fs.RemoveTree(scratch);
}

Status ScrubLog(io::FileSystem& fs, std::string_view root, const PathSet& gone) {
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(LogFolder(root)));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string_view name = entry.name;
    if (name.size() < kVersionDigits ||
        name.substr(0, kVersionDigits).find_first_not_of("0123456789") != std::string_view::npos) {
      continue;
    }
    const std::string path = io::JoinPath(LogFolder(root), name);
    if (name.substr(kVersionDigits) == ".json") {
      DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, path, kMaxLogFileBytes));
      DATALAKE_TRY_ASSIGN(const auto rewritten, WithoutStatistics(text, root, path, gone));
      if (rewritten) {
        DATALAKE_TRY(io::ReplaceFile(fs, path, *rewritten));
      }
    } else if (name.substr(kVersionDigits) == kCheckpointSuffix) {
      std::int64_t version = -1;
      std::from_chars(name.data(), name.data() + kVersionDigits, version);
      DATALAKE_TRY(ScrubCheckpoint(fs, root, version, gone));
    }
  }
  return {};
}

}  // namespace

std::string ExpungedMarkerPath(std::string_view os_path) {
  return io::JoinPath(io::ParentPath(os_path),
                      fmt::format("{}{}{}", kMarkerPrefix, io::BaseName(os_path), kMarkerSuffix));
}

std::optional<std::string> ExpungedDataPath(std::string_view path) {
  std::string_view name = io::BaseName(path);
  if (!name.starts_with(kMarkerPrefix) || !name.ends_with(kMarkerSuffix) ||
      name.size() <= kMarkerPrefix.size() + kMarkerSuffix.size()) {
    return std::nullopt;
  }
  name.remove_prefix(kMarkerPrefix.size());
  name.remove_suffix(kMarkerSuffix.size());
  return io::JoinPath(io::ParentPath(path), name);
}

Status ExpungeFiles(io::FileSystem& fs, std::string_view root,
                    std::span<const std::string> os_paths, const Expunging& why) {
  if (os_paths.empty()) {
    return {};
  }
  DATALAKE_TRY(ScrubLog(fs, root, PathSet(os_paths.begin(), os_paths.end())));
  std::set<std::string> folders;
  for (const std::string& path : os_paths) {
    const json::Value marker = {{"takedown", why.id}, {"time", why.time}};
    DATALAKE_TRY(io::ReplaceFile(fs, ExpungedMarkerPath(path), json::DumpValue(marker) + "\n"));
    const Status removed = fs.Remove(path);
    if (!removed && removed.error().code != ErrorCode::kNotFound) {
      return removed;
    }
    folders.insert(std::string(io::ParentPath(path)));
  }
  for (const std::string& folder : folders) {
    DATALAKE_TRY(fs.SyncDirectory(folder));
  }
  return {};
}

Result<std::set<std::string>> ListLoggedFiles(io::FileSystem& fs, std::string_view root) {
  std::set<std::string> files;
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(LogFolder(root)));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = io::JoinPath(LogFolder(root), entry.name);
    CommitActions actions;
    if (entry.name.ends_with(kCheckpointSuffix)) {
      const std::string paths[] = {path};
      DATALAKE_TRY_ASSIGN(actions, ReadCheckpoint(fs, root, paths));
    } else if (entry.name.ends_with(".json") && entry.name.size() == kVersionDigits + 5) {
      DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, path, kMaxLogFileBytes));
      DATALAKE_TRY_ASSIGN(actions, ParseCommit(text, root, path));
    }
    for (const AddAction& add : actions.adds) {
      files.insert(add.file->os_path);
    }
  }
  return files;
}

Error MissingFileError(io::FileSystem& fs, std::string_view os_path, Error missing) {
  const std::string marker = ExpungedMarkerPath(os_path);
  const auto text = io::ReadFile(fs, marker, kMaxMarkerBytes);
  if (!text) {
    return missing;
  }
  std::string id;
  std::string time;
  if (const auto value = json::ParseValue(*text, marker)) {
    id = json::FindString(*value, "takedown", marker).value_or(std::nullopt).value_or("");
    time = json::FindString(*value, "time", marker).value_or(std::nullopt).value_or("");
  }
  return {ErrorCode::kNotFound,
          fmt::format("rows of this version were taken down, read a newer version: takedown {} of "
                      "{}: {}",
                      id, time, os_path)};
}

}  // namespace datalake::table
