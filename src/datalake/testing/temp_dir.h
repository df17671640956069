#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace datalake::testing {

/// A new empty folder on the real disk, removed with all below it. Single-threaded.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

  /// `name` below the folder.
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace datalake::testing
