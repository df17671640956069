#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

namespace datalake::table {

/// A file in the folder of a table.
struct FolderFile {
  std::string path;  ///< with the root in front
  std::string name;
  bool is_temporary = false;  ///< an unfinished file of io::AtomicFile
};

/// Calls `visit` for every file below `root`, the log's own left out (but its temporary files are
/// told), in the order of their names. Links and folders that begin with "_" or "." are passed
/// over. Errors: those of `visit`, kIo.
Status VisitTableFolder(io::FileSystem& fs, std::string_view root,
                        const std::function<Status(const FolderFile&)>& visit);

}  // namespace datalake::table
