#include "datalake/io/file_system.h"

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

Status FileSystem::RemoveTree(std::string_view path) {
  auto entries = List(path);
  if (!entries) {
    // Not a folder (or not there): remove it as a file.
    Status removed = Remove(path);
    return !removed && removed.error().code == ErrorCode::kNotFound ? Status() : removed;
  }
  for (const DirectoryEntry& entry : *entries) {
    const std::string child = JoinPath(path, entry.name);
    DATALAKE_TRY(entry.is_directory && !entry.is_symlink ? RemoveTree(child) : Remove(child));
  }
  return RemoveDirectory(path);
}

}  // namespace datalake::io
