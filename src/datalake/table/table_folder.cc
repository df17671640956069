#include "datalake/table/table_folder.h"

#include <vector>

#include "datalake/io/path.h"
#include "datalake/table/log_store.h"

namespace datalake::table {
namespace {

bool IsTemporary(std::string_view name) {
  return name.starts_with('.') && name.ends_with(".tmp");
}

}  // namespace

Status VisitTableFolder(io::FileSystem& fs, std::string_view root,
                        const std::function<Status(const FolderFile&)>& visit) {
  const std::string log = LogFolder(root);
  std::vector<std::string> folders = {std::string(root), log};
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const std::string folder = folders[i];
    auto entries = fs.List(folder);
    if (!entries && entries.error().code == ErrorCode::kNotFound) {
      continue;  // removed meanwhile
    }
    DATALAKE_TRY(entries);
    for (const io::DirectoryEntry& entry : *entries) {
      const std::string path = io::JoinPath(folder, entry.name);
      const bool is_temporary = IsTemporary(entry.name);
      const bool is_hidden = entry.name.starts_with('_') || entry.name.starts_with('.');
      if (entry.is_symlink || (folder == log && !is_temporary)) {
        continue;
      }
      if (entry.is_directory) {
        if (!is_hidden) {
          folders.push_back(path);
        }
        continue;
      }
      DATALAKE_TRY(visit({.path = path, .name = entry.name, .is_temporary = is_temporary}));
    }
  }
  return {};
}

}  // namespace datalake::table
