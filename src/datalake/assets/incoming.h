#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

// Internal to assets/.
namespace datalake::assets {

/// A folder of this process for files that have no name in the store yet:
/// `<root>/.incoming/<uuid>/`, marked as in use by a lock in it. Thread-compatible.
class Incoming {
 public:
  /// `fs` must outlive it.
  static Result<std::unique_ptr<Incoming>> Make(io::FileSystem& fs, std::string_view root,
                                                Random& random);

  /// Removes the folder with all in it.
  ~Incoming();
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  const std::string& path() const { return path_; }

  /// Removes the folders of processes that have died. What cannot be removed stays, with a warning.
  static void Clean(io::FileSystem& fs, std::string_view root);

 private:
  Incoming(io::FileSystem& fs, std::string path, std::unique_ptr<io::FileLock> lock);

  io::FileSystem& fs_;
  const std::string path_;
  std::unique_ptr<io::FileLock> lock_;
};

}  // namespace datalake::assets
