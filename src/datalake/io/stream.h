#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::io {

/// Bytes read once, from front to back. Single-threaded; the destructor closes.
class InputStream {
 public:
  virtual ~InputStream() = default;

  /// Reads up to `out.size()` bytes; 0 means the end (of a non-empty `out`).
  /// Errors: kIo; a decompressor's also kCorruption.
  virtual Result<std::size_t> Read(std::span<std::byte> out) = 0;
};

/// Bytes written once, from front to back. Single-threaded. After the first error every call
/// returns it. Close() must be called to know that all was written; the destructor only frees.
class OutputStream {
 public:
  virtual ~OutputStream() = default;

  /// Writes all of `bytes`. Errors: kIo, kResourceExhausted (the disk is full).
  virtual Status Write(std::span<const std::byte> bytes) = 0;

  Status Write(std::string_view text) {
    return Write(std::as_bytes(std::span(text.data(), text.size())));
  }

  /// Flushes what is buffered and ends the stream; a second call does nothing.
  virtual Status Close() = 0;
};

/// A file that is being written. Nothing is durable before Sync(), and its name not before
/// FileSystem::SyncDirectory.
class WritableFile : public OutputStream {
 public:
  using OutputStream::Write;

  /// Blocks until everything written so far is on the disk (fdatasync). An error means that the
  /// state of the file is unknown: never sync again, never acknowledge.
  virtual Status Sync() = 0;

  /// Reserves `bytes` more on the disk, so that later syncs have less to do; costs as much as
  /// writing them. Until written they read as zeros at the end of the file, after a crash too.
  /// Close() gives back what was not written. Errors: kResourceExhausted, kIo.
  virtual Status Preallocate(std::uint64_t bytes) = 0;

  /// Bytes written so far.
  virtual std::uint64_t size_bytes() const = 0;
};

/// A file read anywhere. Thread-safe; the destructor closes.
class RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;

  /// Reads up to `out.size()` bytes at `offset`; fewer only at the end of the file. Errors: kIo.
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const = 0;

  /// Size when it was opened.
  virtual std::uint64_t size_bytes() const = 0;
};

}  // namespace datalake::io
