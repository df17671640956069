#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/io/file_system.h"

namespace datalake::io {

/// The files of another file system; counts the bytes that are read of some of them and those that
/// are written to any, as they are stored. Thread-safe.
class MeteredFileSystem final : public FileSystem {
 public:
  /// `inner` must outlive this; reads of the files `inputs` are counted.
  MeteredFileSystem(FileSystem& inner, const std::vector<std::string>& inputs);

  /// Bytes read of the inputs; of a file that is read twice, twice.
  std::uint64_t read_bytes() const { return read_bytes_; }

  std::uint64_t written_bytes() const { return written_bytes_; }

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
  FileSystem& inner_;
  const std::set<std::string, std::less<>> inputs_;
  std::atomic<std::uint64_t> read_bytes_{0};
  std::atomic<std::uint64_t> written_bytes_{0};
};

}  // namespace datalake::io
