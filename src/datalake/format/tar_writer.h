#pragma once

#include <cstdint>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::io {
class InputStream;
class OutputStream;
}  // namespace datalake::io

namespace datalake::format {

/// Writes a tar archive (POSIX.1-1988 ustar, IEEE Std 1003.1 "pax", ustar Interchange Format): a
/// function of names and bytes alone, as every member has owner 0, mode 0644 and time 0.
/// Single-threaded. After an error only destruction is left.
class TarWriter {
 public:
  /// `sink` must outlive the writer.
  explicit TarWriter(io::OutputStream& sink);

  /// Adds a file. Errors: kInvalidArgument (a name that is empty, absolute, over 100 bytes), those
  /// of the sink.
  Status Add(std::string_view name, std::string_view bytes);

  /// Adds a file of exactly `size_bytes` bytes of `content`. Errors: as above; kCorruption (the
  /// stream has another size), kResourceExhausted (8 GiB and more), those of `content`.
  Status AddStream(std::string_view name, std::uint64_t size_bytes, io::InputStream& content);

  /// Writes the end of the archive; the sink stays open. Call once.
  Status Finish();

  /// Bytes written so far.
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  Status WriteHeader(std::string_view name, std::uint64_t size_bytes);
  Status Pad(std::uint64_t size_bytes);

  io::OutputStream& sink_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace datalake::format
