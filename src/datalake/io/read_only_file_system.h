#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/io/file_system.h"

namespace datalake::io {

/// A view of another file system that changes nothing: every call that would gives
/// kPermissionDenied with `reason`. Locks are refused too, since they make files. Thread-safe.
class ReadOnlyFileSystem final : public FileSystem {
 public:
  /// `base` must outlive it.
  ReadOnlyFileSystem(FileSystem& base, std::string reason);

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

 private:
  Error Refused(std::string_view path) const;

  FileSystem& base_;
  const std::string reason_;
};

}  // namespace datalake::io
