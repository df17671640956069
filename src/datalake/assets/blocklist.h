#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "datalake/assets/digest_set.h"
#include "datalake/base/clock.h"
#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

namespace datalake::assets {

/// The assets that a store does not take in again, because they were taken down: the file
/// `.blocked` of its root, one SHA-256 a line with a checksum at its end. Grows only. Thread-safe;
/// other processes may add to it.
class Blocklist {
 public:
  /// `fs` must outlive it.
  Blocklist(io::FileSystem& fs, std::string root);

  /// The list as it is on disk now. Cost: one stat when it has not changed.
  /// Errors: kCorruption (damaged: nothing may be put until it is whole again), kIo.
  Result<std::shared_ptr<const DigestSet>> Load();

  /// Adds to the list; durable when it returns. Errors: kInvalidArgument (not a SHA-256),
  /// kUnavailable (locked by another for long), kCorruption, kIo.
  Status Add(std::span<const std::string> sha256s);

  /// Writes the list anew, of these alone: the cure of a damaged one. Errors: as Add.
  Status Replace(std::span<const std::string> sha256s);

 private:
  Status Write(std::span<const std::string> sha256s);

  io::FileSystem& fs_;
  const std::string root_;
  const std::string path_;
  Mutex mutex_;
  std::shared_ptr<const DigestSet> known_ DATALAKE_GUARDED_BY(mutex_);
  Timestamp modified_ DATALAKE_GUARDED_BY(mutex_);
  std::uint64_t size_bytes_ DATALAKE_GUARDED_BY(mutex_) = 0;
};

}  // namespace datalake::assets
