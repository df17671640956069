#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "datalake/base/clock.h"
#include "datalake/base/mutex.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

// Internal to assets/.
namespace datalake::assets {

/// "ab/cd" of a SHA-256.
std::string FolderOf(std::string_view sha256);

/// Finds the file names of assets. A folder that was listed is remembered and asked again only when
/// its modification time has moved (or is so young that a change may hide behind it), so a look-up
/// costs one stat, and sees what other processes do. Holds at most `max_entries` names, 24 bytes
/// each. Thread-safe.
class AssetFolders {
 public:
  static constexpr std::size_t kDefaultEntries = std::size_t{4} << 20;

  /// `fs` must outlive it.
  AssetFolders(io::FileSystem& fs, std::string root, std::size_t max_entries = kDefaultEntries);
  ~AssetFolders();

  /// The extension of the asset's file; kNotFound (a plain error text) when the store lacks it.
  /// `sha256` is valid.
  Result<std::string> FindExtension(std::string_view sha256);

  /// True when the store has the asset. `sha256` is valid.
  Result<bool> Contains(std::string_view sha256);

 private:
  struct Entry;
  struct Folder;
  struct Shard;
  struct Found;

  static Result<Found> NothingIfNotFound(Error error);
  Result<Found> Find(std::string_view sha256);
  Result<std::shared_ptr<const Folder>> Read(std::string_view folder, Timestamp modified);
  Result<std::shared_ptr<const Folder>> ReadAgain(Shard& shard, std::uint32_t number,
                                                  const std::string& path);

  io::FileSystem& fs_;
  const std::string root_;
  const std::size_t max_entries_;
  const SystemClock clock_;  // compared with the times of files
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace datalake::assets
