#pragma once

#include <memory>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/io/compression.h"

namespace datalake::io {
class AtomicFile;
class FileSystem;
class OutputStream;
}  // namespace datalake::io

namespace datalake::curate {

/// A result file that appears whole under its name when published, replacing what was there, and
/// is compressed on the way. Without Publish nothing is left behind. Single-threaded.
class OutputFile {
 public:
  /// `fs` must outlive the file. Errors: kIo, kPermissionDenied, kResourceExhausted.
  static Result<OutputFile> Make(io::FileSystem& fs, std::string_view path,
                                 io::Compression compression);

  /// Compressed as the name says.
  static Result<OutputFile> Make(io::FileSystem& fs, std::string_view path);

  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  Status Write(std::string_view bytes);

  /// Ends the stream, makes the file durable and gives it its name.
  Status Publish();

 private:
  OutputFile();

  std::unique_ptr<io::AtomicFile> file_;
  std::unique_ptr<io::OutputStream> stream_;  // behind file_, so it goes first
};

}  // namespace datalake::curate
