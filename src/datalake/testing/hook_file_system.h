#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/io/file_system.h"

namespace datalake::testing {

/// A file system that calls back before its k-th call (reads count too), for tests that let another
/// piece of work run at every point of a first one. Thread-safe; the hook runs once, without a
/// lock.
class HookFileSystem final : public io::FileSystem {
 public:
  /// `base` must outlive it.
  explicit HookFileSystem(io::FileSystem& base);

  /// Counts from 0 again and calls `hook` before call number `k`.
  void Arm(std::uint64_t k, std::function<void()> hook);

  std::uint64_t calls() const;

  Result<std::unique_ptr<io::InputStream>> OpenInput(std::string_view path) override;
  Result<std::unique_ptr<io::RandomAccessFile>> OpenRandomAccess(std::string_view path) override;
  Result<std::unique_ptr<io::WritableFile>> Create(std::string_view path) override;
  Status Link(std::string_view from, std::string_view to) override;
  Status MakeSymlink(std::string_view target, std::string_view path) override;
  Status Rename(std::string_view from, std::string_view to) override;
  Status Remove(std::string_view path) override;
  Status RemoveDirectory(std::string_view path) override;
  Status MakeDirectory(std::string_view path) override;
  Result<std::vector<io::DirectoryEntry>> List(std::string_view path) override;
  Result<io::FileInfo> Stat(std::string_view path) override;
  Status SyncDirectory(std::string_view path) override;
  Result<std::unique_ptr<io::BulkSync>> OpenBulkSync(std::string_view folder) override;
  Result<std::unique_ptr<io::FileLock>> Lock(std::string_view path) override;
  Result<std::uint64_t> FreeBytes(std::string_view path) override;

 private:
  void Count();

  io::FileSystem& base_;
  mutable Mutex mutex_;
  std::uint64_t calls_ DATALAKE_GUARDED_BY(mutex_) = 0;
  std::uint64_t at_ DATALAKE_GUARDED_BY(mutex_) = 0;
  std::function<void()> hook_ DATALAKE_GUARDED_BY(mutex_);
};

/// Runs `first` once to count its calls, then again for each of them, with `second` begun on
/// another thread at that call: `first` goes on when `second` is done, or when it seems to wait for
/// `first`. `prepare` begins each run on the file system given; `check` ends it, after both are
/// done.
struct Interleaving {
  std::function<void(io::FileSystem&)> prepare;
  std::function<void(io::FileSystem&)> first;
  std::function<void(io::FileSystem&)> second;
  std::function<void(io::FileSystem&, std::uint64_t k)> check;
};

/// Returns the number of runs.
std::uint64_t ForEachInterleaving(const Interleaving& work);

}  // namespace datalake::testing
