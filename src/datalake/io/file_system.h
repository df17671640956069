#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/io/stream.h"

namespace datalake::io {

struct FileInfo {
  std::uint64_t size_bytes = 0;
  Timestamp modified;
  bool is_directory = false;
  bool is_symlink = false;  ///< only from List: Stat follows links
};

struct DirectoryEntry {
  std::string name;  ///< one component, never "." or ".."
  bool is_directory = false;
  bool is_symlink = false;
};

/// Held until destroyed; the system drops it when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Makes many files durable together, cheaper than one by one. Opened before they are written, so
/// that no write error is missed. Single-threaded.
class BulkSync {
 public:
  virtual ~BulkSync() = default;

  /// Blocks until the bytes of `files` and the names in `folders` are durable. All are of the
  /// storage of the folder it was opened for, written since then and closed. An error means that
  /// the state of all of them is unknown.
  virtual Status Sync(std::span<const std::string> files, std::span<const std::string> folders) = 0;
};

/// Files of one storage by path ('/' between components; relative paths from the working folder).
/// Thread-safe. Every error names the path. Beyond those listed, all calls give kIo,
/// kPermissionDenied and, where they write, kResourceExhausted (no space, no descriptors).
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// Errors: kNotFound, kInvalidArgument (a directory).
  virtual Result<std::unique_ptr<InputStream>> OpenInput(std::string_view path) = 0;
  virtual Result<std::unique_ptr<RandomAccessFile>> OpenRandomAccess(std::string_view path) = 0;

  /// Makes a new file (O_EXCL) in an existing folder. Errors: kAlreadyExists, kNotFound.
  virtual Result<std::unique_ptr<WritableFile>> Create(std::string_view path) = 0;

  /// A second name for a file; the atomic create-if-absent. Errors: kAlreadyExists, kNotFound.
  virtual Status Link(std::string_view from, std::string_view to) = 0;

  /// Makes the symbolic link `path` to `target`, which is taken as it is: relative to the folder of
  /// `path`, and need not exist. Errors: kAlreadyExists, kNotFound (the folder), kUnsupported.
  virtual Status MakeSymlink(std::string_view target, std::string_view path) = 0;

  /// Renames a file or folder (a symbolic link itself, not what it points at); replaces a file (or
  /// an empty folder) at `to`. Errors: kNotFound.
  virtual Status Rename(std::string_view from, std::string_view to) = 0;

  /// Removes a file or symbolic link. Errors: kNotFound.
  virtual Status Remove(std::string_view path) = 0;

  /// Removes an empty folder. Errors: kNotFound, kIo (not empty).
  virtual Status RemoveDirectory(std::string_view path) = 0;

  /// Makes one folder in an existing one; durable once that one is synced.
  /// Errors: kAlreadyExists, kNotFound.
  virtual Status MakeDirectory(std::string_view path) = 0;

  /// The entries of a folder, sorted by name. Errors: kNotFound.
  virtual Result<std::vector<DirectoryEntry>> List(std::string_view path) = 0;

  /// Errors: kNotFound.
  virtual Result<FileInfo> Stat(std::string_view path) = 0;

  /// Makes the names in a folder durable (fsync of the folder).
  virtual Status SyncDirectory(std::string_view path) = 0;

  /// `folder` exists; see BulkSync.
  virtual Result<std::unique_ptr<BulkSync>> OpenBulkSync(std::string_view folder) = 0;

  /// Takes an exclusive lock on the file `path`, made if absent and never removed; who holds it is
  /// written in it. Does not wait. Errors: kUnavailable naming the holder.
  virtual Result<std::unique_ptr<FileLock>> Lock(std::string_view path) = 0;

  /// Bytes that may still be written below `path`.
  virtual Result<std::uint64_t> FreeBytes(std::string_view path) = 0;

  /// Makes the folder and those above it, each durable (the parents are synced). An existing folder
  /// is fine; its name is synced too, as a call that died may have made it. Errors: kAlreadyExists
  /// (a file is in the way).
  Status MakeDirectories(std::string_view path);

  /// False when nothing is there.
  Result<bool> Exists(std::string_view path);

  /// Removes a file, or a folder with all below it; symbolic links are removed, not followed.
  /// Nothing there is fine. Not atomic.
  Status RemoveTree(std::string_view path);
};

}  // namespace datalake::io
