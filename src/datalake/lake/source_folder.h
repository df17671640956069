#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::lake {

/// Where a file name leads: a file below the folder, or what is wrong with it.
struct LocatedFile {
  std::string path;     ///< empty when there is a problem
  std::string problem;  ///< for people and the `problem` member of an asset link
};

/// Finds files by names that others wrote: only real files below one folder, never through `..`, an
/// absolute path that leads elsewhere, or a symbolic link. Listings are kept, so each folder is
/// read once. Single-threaded.
class SourceFolder {
 public:
  /// `fs` must outlive it. With an empty `root` every name is a problem.
  SourceFolder(io::FileSystem& fs, std::string root);

  /// Errors: kIo; all else is a problem of the name.
  Result<LocatedFile> Locate(std::string_view name);

 private:
  enum class EntryKind : std::uint8_t { kFile = 1, kFolder = 2, kLink = 3 };
  using Listing = std::unordered_map<std::string, EntryKind>;

  Result<const Listing*> List(const std::string& folder);

  io::FileSystem& fs_;
  std::string root_;
  std::unordered_map<std::string, Listing> listings_;
};

}  // namespace datalake::lake
