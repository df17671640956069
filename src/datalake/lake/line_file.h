#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/stream.h"

namespace datalake::lake {

/// A file of text on its way out of the lake, compressed as its suffix says (.gz, .zst): it appears
/// under its name whole and durable, or not at all. Single-threaded.
class LineFile {
 public:
  /// `fs` must outlive the file. Errors: those of io::AtomicFile::Make.
  static Result<std::unique_ptr<LineFile>> Make(io::FileSystem& fs, std::string_view path,
                                                io::PublishMode mode);

  /// Errors: kIo, kResourceExhausted.
  Status Write(std::string_view text);

  /// Makes the file appear; call once. Returns its size on disk. Errors: kAlreadyExists, kIo,
  /// kResourceExhausted.
  Result<std::uint64_t> Publish();

 private:
  explicit LineFile(std::unique_ptr<io::AtomicFile> file) : file_(std::move(file)) {}

  std::unique_ptr<io::AtomicFile> file_;
  std::unique_ptr<io::OutputStream> out_;  // into file_, so destroyed first
};

}  // namespace datalake::lake
