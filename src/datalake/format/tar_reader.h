#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

// Internal to format/.
namespace datalake::format {

/// One file of a tar.
struct TarMember {
  std::string name;
  std::uint64_t size_bytes = 0;
};

/// The files of one tar, from front to back, by libarchive; folders are passed over. Guards against
/// names that lead out, against links, and against bombs. Single-threaded.
class TarReader {
 public:
  /// Errors: kNotFound, kIo. `fs` must outlive the reader.
  static Result<std::unique_ptr<TarReader>> Open(io::FileSystem& fs, std::string_view path);
  virtual ~TarReader() = default;

  /// The next file, or nothing at the end. Errors: as tar_rows.h says.
  virtual Result<std::optional<TarMember>> Next() = 0;

  /// The content of the file that Next gave. Errors: as tar_rows.h says.
  virtual Result<std::string> Content() = 0;
};

}  // namespace datalake::format
