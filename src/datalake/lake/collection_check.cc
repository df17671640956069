#include "datalake/lake/collection_check.h"

#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxSideFileBytes = std::uint64_t{16} << 20;  // larger: data, not notes
constexpr std::string_view kMetadataFile = "metadata.json";
constexpr std::uint64_t kMaxStateBytes = std::uint64_t{64} << 20;
constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

Status AddFile(io::FileSystem& fs, const std::string& path, Sha256& hash) {
  std::vector<std::byte> buffer(kBufferBytes);
  DATALAKE_TRY_ASSIGN(const auto input, fs.OpenInput(path));
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::size_t n, input->Read(buffer));
    if (n == 0) {
      return {};
    }
    hash.Update(std::span(buffer).first(n));
  }
}

// The data files of one folder, in the order of its state.json.
Status AddFolder(io::FileSystem& fs, const std::string& folder, Sha256& hash) {
  const std::string path = io::JoinPath(folder, "state.json");
  DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, path, kMaxStateBytes));
  DATALAKE_TRY_ASSIGN(const json::Value state, json::ParseValue(text, path));
  const json::Value* files = json::Find(state, "_data_files");
  if (files == nullptr || !files->is_array()) {
    return Error{ErrorCode::kCorruption, "no list of data files: " + path};
  }
  for (const json::Value& file : *files) {
    DATALAKE_TRY_ASSIGN(const std::string name, json::GetString(file, "filename", path));
    DATALAKE_TRY(AddFile(fs, io::JoinPath(folder, io::BaseName(name)), hash));
  }
  return {};
}

Status AddSideFiles(io::FileSystem& fs, std::string_view folder, const std::string& prefix,
                    FileHashes& hashes) {
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(io::JoinPath(folder, prefix)));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = prefix.empty() ? entry.name : io::JoinPath(prefix, entry.name);
    if (entry.is_symlink || entry.name.ends_with(".arrow") || entry.name.starts_with('.') ||
        path == kMetadataFile) {
      continue;
    }
    if (entry.is_directory) {
      if (prefix.empty()) {  // of a split
        DATALAKE_TRY(AddSideFiles(fs, folder, entry.name, hashes));
      }
      continue;
    }
    DATALAKE_TRY_ASSIGN(const io::FileInfo facts, fs.Stat(io::JoinPath(folder, path)));
    if (facts.size_bytes > kMaxSideFileBytes) {
      continue;
    }
    Sha256 hash;
    DATALAKE_TRY(AddFile(fs, io::JoinPath(folder, path), hash));
    hashes[path] = ToHex(hash.Finish());
  }
  return {};
}

}  // namespace

Result<FileHashes> HashSideFiles(io::FileSystem& fs, std::string_view folder) {
  FileHashes hashes;
  DATALAKE_TRY(AddSideFiles(fs, folder, "", hashes));
  return hashes;
}

Status CheckSideFiles(io::FileSystem& fs, const CollectionInfo& info) {
  const std::string path = io::JoinPath(info.path, kMetadataFile);
  DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, path, kMaxStateBytes));
  DATALAKE_TRY_ASSIGN(const FileHashes wanted, ParseFileHashes(text, path));
  DATALAKE_TRY_ASSIGN(const FileHashes found, HashSideFiles(fs, info.path));
  for (const auto& [name, sha256] : wanted) {
    const auto file = found.find(name);
    if (file == found.end() || file->second != sha256) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("file of a collection {}: {}",
                               file == found.end() ? "is missing" : "was changed",
                               io::JoinPath(info.path, name))};
    }
  }
  return {};
}

Status CheckCollectionContent(io::FileSystem& fs, const CollectionInfo& info,
                              std::uint64_t max_bytes) {
  if (info.content_sha256.empty() || info.size_bytes > max_bytes) {
    return {};
  }
  Sha256 hash;
  DATALAKE_TRY_ASSIGN(std::vector<std::string> parts, format::HfDatasetSplits(fs, info.path));
  if (parts.empty()) {
    parts.emplace_back();
  }
  for (const std::string& part : parts) {
    DATALAKE_TRY(AddFolder(fs, part.empty() ? info.path : io::JoinPath(info.path, part), hash));
  }
  if (ToHex(hash.Finish()) != info.content_sha256) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("collection was changed, its content hash is not that of its files: "
                             "{}/{}",
                             info.name, info.version)};
  }
  return {};
}

}  // namespace datalake::lake
