#include "datalake/assets/collector.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/checked_lines.h"
#include "datalake/assets/condemned_list.h"
#include "datalake/assets/lease.h"
#include "datalake/base/id.h"
#include "datalake/base/log.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

constexpr std::string_view kTrashFolder = ".trash";
constexpr std::string_view kWaitsPrefix = ".gc/waits-";
constexpr std::uint64_t kMaxWaitsBytes = std::uint64_t{16} << 20;
constexpr std::size_t kDigits = 64;

std::uint32_t HexNumber(std::string_view digits) {
  std::uint32_t number = 0;
  static_cast<void>(std::from_chars(digits.data(), digits.data() + digits.size(), number, 16));
  return number;
}

bool IsHexPair(std::string_view name) {
  return name.size() == 2 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The entries of a folder; none when it is not there.
Result<std::vector<io::DirectoryEntry>> ListIfThere(io::FileSystem& fs, std::string_view path) {
  auto entries = fs.List(path);
  if (!entries && entries.error().code == ErrorCode::kNotFound) {
    return std::vector<io::DirectoryEntry>();
  }
  return entries;
}

Status RemoveIfThere(io::FileSystem& fs, std::string_view path) {
  const Status removed = fs.Remove(path);
  return !removed && removed.error().code == ErrorCode::kNotFound ? Status() : removed;
}

// True while the process that took the lease lives; the file of a dead one is removed.
bool IsAlive(io::FileSystem& fs, const std::string& path) {
  if (!fs.Exists(path).value_or(true)) {
    return false;
  }
  const auto lock = fs.Lock(path);
  if (!lock) {
    return lock.error().code != ErrorCode::kNotFound;
  }
  static_cast<void>(fs.Remove(path));
  return false;
}

}  // namespace

Status RemoveFromTrash(io::FileSystem& fs, std::string_view root, std::string_view sha256) {
  const std::string trash = io::JoinPath(root, kTrashFolder);
  DATALAKE_TRY_ASSIGN(const auto folders, ListIfThere(fs, trash));
  for (const io::DirectoryEntry& folder : folders) {
    const std::string path = io::JoinPath(trash, folder.name);
    DATALAKE_TRY_ASSIGN(const auto files, ListIfThere(fs, path));
    for (const io::DirectoryEntry& file : files) {
      if (file.name.starts_with(sha256)) {
        DATALAKE_TRY(RemoveIfThere(fs, io::JoinPath(path, file.name)));
        DATALAKE_TRY(fs.SyncDirectory(path));
      }
    }
  }
  return {};
}

bool FolderRange::Contains(std::string_view sha256) const {
  const std::uint32_t number = HexNumber(sha256.substr(0, 4));
  return number >= first && number < end;
}

AssetCollector::AssetCollector(io::FileSystem& fs, const Clock& clock, Random& random,
                               std::string root)
    : fs_(fs), clock_(clock), random_(random), root_(std::move(root)) {}

std::string AssetCollector::PathOf(std::string_view file) const {
  return io::JoinPath(root_, file);
}

Status AssetCollector::ForEach(const FolderRange& range, std::stop_token stop,
                               const std::function<Status(const StoredAsset&)>& visit) const {
  DATALAKE_TRY_ASSIGN(const auto uppers, ListIfThere(fs_, root_));
  for (const io::DirectoryEntry& upper : uppers) {
    const std::uint32_t first = IsHexPair(upper.name) ? HexNumber(upper.name) * 256 : 0;
    if (!IsHexPair(upper.name) || first + 255 < range.first || first >= range.end) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(const auto lowers, ListIfThere(fs_, PathOf(upper.name)));
    for (const io::DirectoryEntry& lower : lowers) {
      const std::string folder = io::JoinPath(upper.name, lower.name);
      if (!IsHexPair(lower.name) || !range.Contains(upper.name + lower.name)) {
        continue;
      }
      if (stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "stopped while listing assets"};
      }
      DATALAKE_TRY_ASSIGN(const auto files, ListIfThere(fs_, PathOf(folder)));
      for (const io::DirectoryEntry& file : files) {
        const std::string_view name = file.name;
        if (name.size() > kDigits + 1 && name[kDigits] == '.' &&
            ParseShortDigest(name.substr(0, kDigits))) {
          DATALAKE_TRY(visit({.sha256 = std::string(name.substr(0, kDigits)),
                              .extension = std::string(name.substr(kDigits + 1))}));
        }
      }
    }
  }
  return {};
}

Result<std::uint64_t> AssetCollector::SizeOf(const StoredAsset& asset) const {
  DATALAKE_TRY_ASSIGN(const io::FileInfo facts,
                      fs_.Stat(PathOf(AssetPath(asset.sha256, asset.extension))));
  return facts.size_bytes;
}

Result<std::optional<CondemnedState>> AssetCollector::State() const {
  auto list = ReadCondemnedList(fs_, root_);
  if (!list && list.error().code == ErrorCode::kCorruption) {
    LogWarning("list of condemned assets is damaged, beginning again: " + list.error().message);
    DATALAKE_TRY(RemoveIfThere(fs_, PathOf(kCondemnedFile)));
    return std::optional<CondemnedState>();
  }
  if (!list) {
    return std::move(list).error();
  }
  if (!*list) {
    return std::optional<CondemnedState>();
  }
  CondemnedState state{.id = (*list)->id,
                       .condemned_at = (*list)->condemned_at,
                       .assets = (*list)->assets.size(),
                       .bytes = 0,
                       .waiting_for = 0};
  for (const CondemnedAsset& asset : (*list)->assets) {
    state.bytes += asset.size_bytes;
  }
  DATALAKE_TRY_ASSIGN(const auto live, LiveLeases());
  state.waiting_for = live.size();
  return std::optional<CondemnedState>(std::move(state));
}

Result<std::vector<std::string>> AssetCollector::LiveLeases() const {
  DATALAKE_TRY_ASSIGN(const auto entries, ListIfThere(fs_, PathOf(kLeaseFolder)));
  std::vector<std::string> live;
  for (const io::DirectoryEntry& entry : entries) {
    if (IsAlive(fs_, io::JoinPath(PathOf(kLeaseFolder), entry.name))) {
      live.push_back(entry.name);
    }
  }
  return live;
}

Status AssetCollector::Condemn(const std::vector<StoredAsset>& orphans) {
  CondemnedList list{.id = MakeUuid(random_), .condemned_at = clock_.Now(), .assets = {}};
  for (const StoredAsset& orphan : orphans) {
    const auto size = SizeOf(orphan);
    if (size) {  // else somebody was faster
      list.assets.push_back(
          {.sha256 = orphan.sha256, .extension = orphan.extension, .size_bytes = *size});
    }
  }
  DATALAKE_TRY(fs_.MakeDirectories(PathOf(kGcFolder)));
  DATALAKE_TRY(WriteCondemnedList(fs_, root_, list));
  // Only now: a lease that is not among them was taken later, and knows the list.
  DATALAKE_TRY_ASSIGN(const auto waits, WaitsFor(list.id));
  static_cast<void>(waits);
  return {};
}

// The writers that may not know the list, because they began before it. Asked for again when the
// process that wrote the list died before it had written this.
Result<std::vector<std::string>> AssetCollector::WaitsFor(const std::string& id) {
  const std::string path = PathOf(std::string(kWaitsPrefix) + id);
  const auto text = io::ReadFile(fs_, path, kMaxWaitsBytes);
  if (text) {
    const auto lines = CheckedLines(*text, path);
    if (lines) {
      return std::vector<std::string>(lines->begin(), lines->end());
    }
  } else if (text.error().code != ErrorCode::kNotFound) {
    return text.error();
  }
  DATALAKE_TRY_ASSIGN(std::vector<std::string> live, LiveLeases());
  std::string lines;
  for (const std::string& lease : live) {
    lines += lease + "\n";
  }
  DATALAKE_TRY(io::ReplaceFile(fs_, path, WithChecksum(std::move(lines))));
  return live;
}

Status AssetCollector::CheckReady(std::chrono::seconds grace) {
  ready_id_.clear();
  DATALAKE_TRY_ASSIGN(const auto list, ReadCondemnedList(fs_, root_));
  if (!list) {
    return Error{ErrorCode::kNotFound, "nothing is condemned"};
  }
  const Timestamp due = list->condemned_at + grace;
  if (clock_.Now() < due) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("assets are condemned and wait until {}", FormatTimestamp(due))};
  }
  DATALAKE_TRY_ASSIGN(const auto waits, WaitsFor(list->id));
  std::size_t alive = 0;
  for (const std::string& lease : waits) {
    alive += IsAlive(fs_, io::JoinPath(PathOf(kLeaseFolder), lease)) ? 1 : 0;
  }
  if (alive > 0) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("writers that began before assets were condemned are at work, try "
                             "again: {}",
                             alive)};
  }
  ready_id_ = list->id;
  return {};
}

Result<CondemnedList> AssetCollector::ReadReady() const {
  DATALAKE_TRY_ASSIGN(auto list, ReadCondemnedList(fs_, root_));
  if (!list || ready_id_.empty() || list->id != ready_id_) {
    return Error{ErrorCode::kConflict, "another collector has taken over, try again"};
  }
  return *std::move(list);
}

Result<SweepResult> AssetCollector::Sweep(const FolderRange& range,
                                          const IsReferenced& is_referenced) {
  DATALAKE_TRY_ASSIGN(const auto lock, WaitForStoreLock(fs_, PathOf(kSweepLock)));
  DATALAKE_TRY_ASSIGN(const CondemnedList list, ReadReady());
  DATALAKE_TRY_ASSIGN(const auto entries, ListIfThere(fs_, PathOf(kKeptFolder)));
  std::set<std::string, std::less<>> kept;
  for (const io::DirectoryEntry& entry : entries) {
    kept.insert(entry.name);
  }
  const std::string trash = io::JoinPath(
      PathOf(kTrashFolder), fmt::format("{}-{}", EpochMillis(clock_.Now()), MakeUuid(random_)));
  SweepResult result;
  for (const CondemnedAsset& asset : list.assets) {
    if (!range.Contains(asset.sha256)) {
      continue;
    }
    if (kept.contains(asset.sha256) || is_referenced(asset.sha256)) {
      ++result.spared;
      continue;
    }
    if (result.removed == 0) {
      DATALAKE_TRY(fs_.MakeDirectories(trash));
    }
    const Status moved =
        fs_.Rename(PathOf(AssetPath(asset.sha256, asset.extension)),
                   io::JoinPath(trash, fmt::format("{}.{}", asset.sha256, asset.extension)));
    if (!moved && moved.error().code != ErrorCode::kNotFound) {
      return moved.error();
    }
    if (moved) {
      ++result.removed;
      result.removed_bytes += asset.size_bytes;
    }
  }
  if (result.removed > 0) {
    DATALAKE_TRY(fs_.SyncDirectory(trash));
  }
  return result;
}

Status AssetCollector::Finish() {
  DATALAKE_TRY_ASSIGN(const auto lock, WaitForStoreLock(fs_, PathOf(kSweepLock)));
  DATALAKE_TRY_ASSIGN(const CondemnedList list, ReadReady());
  DATALAKE_TRY(RemoveIfThere(fs_, PathOf(kCondemnedFile)));
  DATALAKE_TRY(RemoveIfThere(fs_, PathOf(std::string(kWaitsPrefix) + list.id)));
  // Writers that still rely on one of these began before the next list, which waits for them.
  DATALAKE_TRY_ASSIGN(const auto kept, ListIfThere(fs_, PathOf(kKeptFolder)));
  for (const io::DirectoryEntry& entry : kept) {
    DATALAKE_TRY(RemoveIfThere(fs_, io::JoinPath(PathOf(kKeptFolder), entry.name)));
  }
  return fs_.SyncDirectory(PathOf(kGcFolder));
}

Result<Trash> AssetCollector::ReadTrash() const {
  Trash trash;
  DATALAKE_TRY_ASSIGN(const auto folders, ListIfThere(fs_, PathOf(kTrashFolder)));
  for (const io::DirectoryEntry& folder : folders) {
    const std::string path = io::JoinPath(PathOf(kTrashFolder), folder.name);
    DATALAKE_TRY_ASSIGN(const auto files, ListIfThere(fs_, path));
    for (const io::DirectoryEntry& file : files) {
      const auto facts = fs_.Stat(io::JoinPath(path, file.name));
      trash.assets += facts ? 1 : 0;
      trash.bytes += facts ? facts->size_bytes : 0;
    }
  }
  return trash;
}

Result<Trash> AssetCollector::EmptyTrash(std::chrono::seconds age) {
  Trash removed;
  const std::int64_t before = EpochMillis(clock_.Now() - age);
  DATALAKE_TRY_ASSIGN(const auto folders, ListIfThere(fs_, PathOf(kTrashFolder)));
  for (const io::DirectoryEntry& folder : folders) {
    std::int64_t put = 0;
    const char* end = folder.name.data() + folder.name.size();
    const auto parsed = std::from_chars(folder.name.data(), end, put);
    if (parsed.ec != std::errc() || put > before) {
      continue;
    }
    const std::string path = io::JoinPath(PathOf(kTrashFolder), folder.name);
    DATALAKE_TRY_ASSIGN(const auto files, ListIfThere(fs_, path));
    for (const io::DirectoryEntry& file : files) {
      const std::string name = io::JoinPath(path, file.name);
      const auto facts = fs_.Stat(name);
      DATALAKE_TRY(RemoveIfThere(fs_, name));
      removed.assets += facts ? 1 : 0;
      removed.bytes += facts ? facts->size_bytes : 0;
    }
    DATALAKE_TRY(fs_.RemoveTree(path));
  }
  return removed;
}

}  // namespace datalake::assets
