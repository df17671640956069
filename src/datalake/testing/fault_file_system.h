#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/io/memory_file_system.h"

namespace datalake::testing {

/// How a call fails.
enum class Fault : std::uint8_t {
  kIoError,     ///< kIo, nothing done
  kNoSpace,     ///< kResourceExhausted, nothing done
  kShortWrite,  ///< kIo after a part of the bytes was written; as kIoError for other calls
};

/// A file system in memory that fails when told, for crash tests. It numbers the mutating calls
/// (Create, Write, Preallocate, Sync, Close of a written file, Link, MakeSymlink, Rename, Remove,
/// RemoveDirectory, MakeDirectory, SyncDirectory, BulkSync::Sync, Lock) from 0. A file whose Sync
/// failed never becomes durable, though later Syncs succeed, as on Linux. Reading calls (OpenInput,
/// OpenRandomAccess, Read, ReadAt, List, Stat, FreeBytes) have numbers of their own. Thread-safe.
///
/// A crash test runs its work once to learn calls(), then for every k: FailCall(k) or
/// CrashAtCall(k), the work, PowerLoss(seed), reopen, check the promise. See ForEachFault.
class FaultFileSystem final : public io::FileSystem {
 public:
  FaultFileSystem();
  ~FaultFileSystem() override;

  /// Call number `k` fails, once.
  void FailCall(std::uint64_t k, Fault fault);

  /// Call number `k` and all after it fail, as if the process had died in it (a write may be done
  /// in part), until PowerLoss.
  void CrashAtCall(std::uint64_t k);

  /// Reading call number `k` fails with kIo, once.
  void FailRead(std::uint64_t k);

  /// Drops what was not synced (`seed` chooses, see MemoryFileSystem::DropUnsynced), then works
  /// again, without faults. Objects opened before must be destroyed or left alone.
  void PowerLoss(std::uint64_t seed);

  /// Works again without faults; all that was written is there, synced or not (the process died,
  /// the machine did not).
  void Restart();

  /// Becomes a copy of the files of `prepared`, as MemoryFileSystem::CopyFrom.
  void CopyFrom(const io::MemoryFileSystem& prepared);

  /// Mutating calls so far.
  std::uint64_t calls() const;

  /// Reading calls so far.
  std::uint64_t reads() const;

  /// "link /a/.x /a/x": the call that failed last, for messages of tests.
  std::string failed_call() const;

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

  /// Defined and used by the implementation only.
  struct Plan;

 private:
  io::MemoryFileSystem base_;
  std::shared_ptr<Plan> plan_;
};

/// Runs `work` without faults to count its calls, then again on a fresh file system for every call
/// k: failing with each Fault, and crashing there with `seeds` different losses of power and once
/// without one. After each run `check` reopens and asserts the promise; it may be told by the
/// test's own state what was acknowledged. `prepare` runs before the counting begins (may be
/// empty).
void ForEachFault(const std::function<void(FaultFileSystem&)>& prepare,
                  const std::function<void(FaultFileSystem&)>& work,
                  const std::function<void(FaultFileSystem&)>& check, int seeds = 4);

/// The same for reading calls: `work` runs once without faults to count them, then again for every
/// one of them, which fails with kIo. `work` asserts that what it is told is right or an error;
/// `check` then looks at what is left.
void ForEachReadFault(const std::function<void(FaultFileSystem&)>& prepare,
                      const std::function<void(FaultFileSystem&)>& work,
                      const std::function<void(FaultFileSystem&)>& check);

}  // namespace datalake::testing
