#include "datalake/io/file_system.h"

#include <fmt/format.h>

#include "datalake/io/path.h"

namespace datalake::io {

Result<bool> FileSystem::Exists(std::string_view path) {
  auto info = Stat(path);
  if (info) {
    return true;
  }
  if (info.error().code == ErrorCode::kNotFound) {
    return false;
  }
  return std::move(info).error();
}

Status FileSystem::MakeDirectories(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) {
    path.remove_suffix(1);
  }
  if (path.empty()) {
    return {};
  }
  const std::string_view parent = ParentPath(path);
  const auto info = Stat(path);
  if (info && info->is_directory) {
    // It may stem from a call that died before its name was durable; those above it were before.
    const Status synced = parent == path ? Status() : SyncDirectory(parent);
    return !synced && synced.error().code == ErrorCode::kPermissionDenied ? Status() : synced;
  }
  if (info) {
    return Error{ErrorCode::kAlreadyExists,
                 fmt::format("a file is in the way of folder: {}", path)};
  }
  if (info.error().code != ErrorCode::kNotFound) {
    return info.error();
  }
  if (parent != path) {
    DATALAKE_TRY(MakeDirectories(parent));
  }
  // When another process was faster, it syncs the parent, and so do we: it may not be there yet.
  Status made = MakeDirectory(path);
  if (!made && made.error().code != ErrorCode::kAlreadyExists) {
    return made;
  }
  return SyncDirectory(parent);
}

Status FileSystem::RemoveTree(std::string_view path) {
  auto entries = List(path);
  if (!entries) {
    // Not a folder (or not there): remove it as a file.
    Status removed = Remove(path);
    if (!removed && removed.error().code == ErrorCode::kInvalidArgument) {
      return entries.error();  // a folder after all, that cannot be listed
    }
    return !removed && removed.error().code == ErrorCode::kNotFound ? Status() : removed;
  }
  for (const DirectoryEntry& entry : *entries) {
    const std::string child = JoinPath(path, entry.name);
    DATALAKE_TRY(entry.is_directory && !entry.is_symlink ? RemoveTree(child) : Remove(child));
  }
  return RemoveDirectory(path);
}

}  // namespace datalake::io
