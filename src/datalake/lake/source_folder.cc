#include "datalake/lake/source_folder.h"

#include <utility>

#include <fmt/format.h>

#include "datalake/io/file_system.h"

namespace datalake::lake {

SourceFolder::SourceFolder(io::FileSystem& fs, std::string root) : fs_(fs), root_(std::move(root)) {
  while (root_.size() > 1 && root_.ends_with('/')) {
    root_.pop_back();
  }
}

Result<const SourceFolder::Listing*> SourceFolder::List(const std::string& folder) {
  const auto known = listings_.find(folder);
  if (known != listings_.end()) {
    return &known->second;
  }
  Listing listing;
  auto entries = fs_.List(folder);
  if (!entries && entries.error().code != ErrorCode::kNotFound) {
    return entries.error();
  }
  if (entries) {
    for (io::DirectoryEntry& entry : *entries) {
      const EntryKind kind = entry.is_symlink     ? EntryKind::kLink
                             : entry.is_directory ? EntryKind::kFolder
                                                  : EntryKind::kFile;
      listing.emplace(std::move(entry.name), kind);
    }
  }
  return &listings_.emplace(folder, std::move(listing)).first->second;
}

Result<LocatedFile> SourceFolder::Locate(std::string_view name) {
  const auto problem = [](std::string_view what) {
    return LocatedFile{.path = {}, .problem = std::string(what)};
  };
  if (root_.empty()) {
    return problem("no folder was given for file names");
  }
  if (name.empty() || name.find('\0') != std::string_view::npos) {
    return problem("not a file name");
  }
  if (name.starts_with('/')) {
    if (!name.starts_with(root_ + "/")) {
      return problem("absolute path outside of the upload's folder");
    }
    name.remove_prefix(root_.size() + 1);
  }
  std::string path = root_;
  EntryKind kind = EntryKind::kFolder;
  while (!name.empty()) {
    const std::size_t slash = name.find('/');
    const std::string part(name.substr(0, slash));
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      return problem("path leaves the upload's folder");
    }
    DATALAKE_TRY_ASSIGN(const Listing* listing, List(path));
    const auto entry = listing->find(part);
    if (kind != EntryKind::kFolder || entry == listing->end()) {
      return problem("file not found");
    }
    kind = entry->second;
    if (kind == EntryKind::kLink) {
      return problem("symbolic links are not followed");
    }
    path += '/';
    path += part;
  }
  if (kind != EntryKind::kFile) {
    return problem("not a file");
  }
  return LocatedFile{.path = std::move(path), .problem = {}};
}

}  // namespace datalake::lake
