#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/io/local_file_system.h"
#include "datalake/query/relation.h"

namespace datalake::query {

/// Compares small data files with their checksums before DuckDB scans them: it reads footers, page
/// headers and statistics without looking for damage, which may hide rows in silence. (What pages
/// hold is guarded by checksums of its own, in files of every size.) A file is read once as long as
/// its size and time stay. Thread-safe.
class FileChecker {
 public:
  static constexpr std::uint64_t kMaxFileBytes = std::uint64_t{8} << 20;  ///< larger: not looked at
  static constexpr std::size_t kMaxFiles = 20'000;  ///< a scan of more begins without looking

  /// Errors: kCorruption naming the file. What cannot be read is left to the scan to tell.
  Status Check(const Relation& relation);

 private:
  struct Known {
    std::uint64_t size_bytes = 0;
    Timestamp modified;
  };

  Status CheckFile(const DataFile& file);

  io::LocalFileSystem fs_;
  Mutex mutex_;
  std::unordered_map<std::string, Known> known_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace datalake::query
