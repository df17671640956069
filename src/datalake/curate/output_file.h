#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/io/compression.h"

namespace datalake {
class ThreadPool;
}  // namespace datalake

namespace datalake::io {
class AtomicFile;
class FileSystem;
class OutputStream;
}  // namespace datalake::io

namespace datalake::curate {

/// How a result file is written.
struct OutputOptions {
  std::optional<io::Compression> compression = {};  ///< none: as the name says
  int level = 0;                                    ///< 0: the default of io::MakeCompressor
  ThreadPool* pool = nullptr;  ///< its free threads compress; null: the writing thread does
};

/// A result file that appears whole under its name when published, replacing what was there, and
/// is compressed on the way, in frames (io::MakeCompressor): its bytes depend on what is written
/// and on the level alone. Without Publish nothing is left behind. Single-threaded, and may be
/// used by a task of the pool.
class OutputFile {
 public:
  /// `fs` and the pool must outlive the file. Errors: kInvalidArgument (level), kIo,
  /// kPermissionDenied, kResourceExhausted.
  static Result<OutputFile> Make(io::FileSystem& fs, std::string_view path,
                                 const OutputOptions& options = {});

  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  /// Errors: kIo, kResourceExhausted (the disk is full), also of bytes written before.
  Status Write(std::string_view bytes);

  /// Bytes that reached the file so far, compressed. Without a pool a number that depends on what
  /// was written alone; the compressor holds back what does not fill a frame.
  std::uint64_t size_bytes() const;

  /// Ends the stream, makes the file durable and gives it its name. Errors: as Write; the name is
  /// then not there, or what it was.
  Status Publish();

 private:
  OutputFile();

  std::unique_ptr<io::AtomicFile> file_;
  std::unique_ptr<io::OutputStream> stream_;  // behind file_, so it goes first
};

}  // namespace datalake::curate
