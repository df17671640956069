#include "datalake/assets/asset_folders.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "datalake/assets/digest_set.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

constexpr std::size_t kShards = 64;
constexpr std::size_t kNameDigits = 64;
// A change within the clock tick of the last one leaves the folder's time as it is; so does one on
// a share whose clock is a little behind.
constexpr std::chrono::seconds kUnsettled{5};

unsigned HexValue(char c) {
  return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
}

// The four digits of a folder's path as a number.
std::uint32_t FolderNumber(std::string_view sha256) {
  std::uint32_t number = 0;
  for (const char c : sha256.substr(0, 4)) {
    number = number * 16 + HexValue(c);
  }
  return number;
}

}  // namespace

std::string FolderOf(std::string_view sha256) {
  return fmt::format("{}/{}", sha256.substr(0, 2), sha256.substr(2, 2));
}

struct AssetFolders::Entry {
  ShortDigest digest;
  std::uint32_t extension = 0;
};

struct AssetFolders::Folder {
  Timestamp modified;
  std::vector<Entry> entries;  // sorted by digest
  std::vector<std::string> extensions;
};

// Where an asset is noted: `entry` of `folder`; null when the store lacks it.
struct AssetFolders::Found {
  std::shared_ptr<const Folder> folder;
  const Entry* entry = nullptr;
};

Result<AssetFolders::Found> AssetFolders::NothingIfNotFound(Error error) {
  return error.code == ErrorCode::kNotFound ? Result<Found>(Found()) : std::move(error);
}

struct AssetFolders::Shard {
  Mutex mutex;
  // By the four digits of their path.
  std::unordered_map<std::uint32_t, std::shared_ptr<const Folder>> folders
      DATALAKE_GUARDED_BY(mutex);
  std::size_t entries DATALAKE_GUARDED_BY(mutex) = 0;
};

AssetFolders::AssetFolders(io::FileSystem& fs, std::string root, std::size_t max_entries)
    : fs_(fs),
      root_(std::move(root)),
      max_entries_(max_entries),
      shards_(std::make_unique<Shard[]>(kShards)) {}

AssetFolders::~AssetFolders() = default;

Result<std::shared_ptr<const AssetFolders::Folder>> AssetFolders::Read(std::string_view folder,
                                                                       Timestamp modified) {
  DATALAKE_TRY_ASSIGN(const auto entries, fs_.List(folder));
  auto read = std::make_shared<Folder>();
  read->modified = modified;
  read->entries.reserve(entries.size());
  for (const io::DirectoryEntry& entry : entries) {  // in order of names, so of digests
    const std::string_view name = entry.name;
    if (name.size() < kNameDigits + 2 || name[kNameDigits] != '.') {
      continue;
    }
    const auto digest = ParseShortDigest(name.substr(0, kNameDigits));
    if (!digest) {
      continue;
    }
    const std::string_view extension = name.substr(kNameDigits + 1);
    const auto known = std::find(read->extensions.begin(), read->extensions.end(), extension);
    read->entries.push_back(
        {*digest, static_cast<std::uint32_t>(known - read->extensions.begin())});
    if (known == read->extensions.end()) {
      read->extensions.emplace_back(extension);
    }
  }
  return read;
}

// Lists the folder and notes it, unless it is young.
Result<std::shared_ptr<const AssetFolders::Folder>> AssetFolders::ReadAgain(
    Shard& shard, std::uint32_t number, const std::string& path) {
  const Timestamp now = clock_.Now();  // before the folder is looked at
  DATALAKE_TRY_ASSIGN(const auto facts, fs_.Stat(path));
  DATALAKE_TRY_ASSIGN(auto folder, Read(path, facts.modified));
  if (facts.modified + kUnsettled < now) {
    const MutexLock lock(shard.mutex);
    if (shard.entries + folder->entries.size() > max_entries_ / kShards) {
      shard.folders.clear();
      shard.entries = 0;
    }
    std::shared_ptr<const Folder>& kept = shard.folders[number];
    shard.entries -= kept == nullptr ? 0 : kept->entries.size();
    shard.entries += folder->entries.size();
    kept = folder;
  }
  return folder;
}

Result<AssetFolders::Found> AssetFolders::Find(std::string_view sha256) {
  std::string path;
  path.reserve(root_.size() + 6);
  path.append(root_).append(1, '/').append(sha256, 0, 2).append(1, '/').append(sha256, 2, 2);
  auto facts = fs_.Stat(path);
  if (!facts) {
    return NothingIfNotFound(std::move(facts).error());
  }
  const std::uint32_t number = FolderNumber(sha256);
  Shard& shard = shards_[number % kShards];
  Found found;
  {
    const MutexLock lock(shard.mutex);
    const auto known = shard.folders.find(number);
    if (known != shard.folders.end() && known->second->modified == facts->modified) {
      found.folder = known->second;
    }
  }
  if (found.folder == nullptr) {
    auto read = ReadAgain(shard, number, path);
    if (!read) {
      return NothingIfNotFound(std::move(read).error());
    }
    found.folder = *std::move(read);
  }
  const auto digest = ParseShortDigest(sha256);
  const std::vector<Entry>& entries = found.folder->entries;
  const auto entry =
      std::lower_bound(entries.begin(), entries.end(), *digest,
                       [](const Entry& a, const ShortDigest& b) { return a.digest < b; });
  if (entry != entries.end() && entry->digest == *digest) {
    found.entry = &*entry;
  }
  return found;
}

Result<std::string> AssetFolders::FindExtension(std::string_view sha256) {
  DATALAKE_TRY_ASSIGN(const Found found, Find(sha256));
  if (found.entry == nullptr) {
    return Error{ErrorCode::kNotFound, "no such asset"};
  }
  return found.folder->extensions[found.entry->extension];
}

Result<bool> AssetFolders::Contains(std::string_view sha256) {
  DATALAKE_TRY_ASSIGN(const Found found, Find(sha256));
  return found.entry != nullptr;
}

}  // namespace datalake::assets
