#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "datalake/base/random.h"
#include "datalake/io/file_system.h"

namespace datalake::io {

/// Files in memory, gone with the object; for tests and small scratch work. Thread-safe; open files
/// must not outlive it. The folder "/" exists, relative paths begin there, ".." is refused
/// (kInvalidArgument). Modification times only count changes. It knows what was synced: a file's
/// bytes by WritableFile::Sync, a name by SyncDirectory of its folder.
class MemoryFileSystem final : public FileSystem {
 public:
  MemoryFileSystem();
  ~MemoryFileSystem() override;

  Result<std::unique_ptr<InputStream>> OpenInput(std::string_view path) override;
  Result<std::unique_ptr<RandomAccessFile>> OpenRandomAccess(std::string_view path) override;
  Result<std::unique_ptr<WritableFile>> Create(std::string_view path) override;
  Status Link(std::string_view from, std::string_view to) override;
  Status MakeSymlink(std::string_view target, std::string_view path) override;
  Status Rename(std::string_view from, std::string_view to) override;
  Status Remove(std::string_view path) override;
  Status RemoveDirectory(std::string_view path) override;
  Status MakeDirectory(std::string_view path) override;
  Result<std::vector<DirectoryEntry>> List(std::string_view path) override;
  Result<FileInfo> Stat(std::string_view path) override;
  Status SyncDirectory(std::string_view path) override;
  Result<std::unique_ptr<BulkSync>> OpenBulkSync(std::string_view folder) override;
  Result<std::unique_ptr<FileLock>> Lock(std::string_view path) override;
  Result<std::uint64_t> FreeBytes(std::string_view path) override;

  /// Does to the files what a loss of power may do: each change of a name that was not synced
  /// survives or not, a rename as a whole; of bytes that were not synced any part survives, a lost
  /// part in the middle reads as zeros. `random` chooses. Locks are dropped; open files write into
  /// the void.
  void DropUnsynced(Random& random);

  /// Becomes a copy of `other`, with what is synced there and what is not; locks and open files
  /// stay behind. Meant for a fresh object: what this one held is gone, its open files write into
  /// the void. A test that prepares the same files many times copies them instead.
  void CopyFrom(const MemoryFileSystem& other);

  /// The state behind the files; defined and used by the implementation only.
  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace datalake::io
