#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/server/http.h"

namespace datalake::io {
class FileSystem;
class RandomAccessFile;
}  // namespace datalake::io

namespace datalake::server {

/// Bytes `first` to `first + size - 1` of something.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t size = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// Reads a Range header (RFC 9110 §14.2) for `total` bytes: "bytes=0-99", "bytes=100-",
/// "bytes=-100". Nothing for what has to be ignored: other units, bad syntax, several ranges.
/// Errors: kInvalidArgument (no byte of it is there: 416).
Result<std::optional<ByteRange>> ParseRange(std::string_view header, std::uint64_t total);

/// True when an If-None-Match or If-Match list names `etag`, or is "*". `etag` with its quotes;
/// compared weakly (RFC 9110 §8.8.3.2).
bool MatchesEtag(std::string_view list, std::string_view etag);

/// How a file is sent.
struct FileFacts {
  std::string content_type = "application/octet-stream";
  std::string etag{};           ///< with its quotes, of exactly these bytes; empty: none
  std::string download_name{};  ///< for Content-Disposition; empty: none
  std::string cache_control{};  ///< empty: the server's "no-store"
};

/// The answer to a GET or HEAD of a file: 200, 206 with Content-Range, 304 (If-None-Match), 416, or
/// the problem of opening it. If-Range is honoured. The body is streamed from the pool; `fs` must
/// outlive the answer. Blocks while it opens the file: for routes that run on the pool.
Response FileResponse(const Request& request, io::FileSystem& fs, std::string_view path,
                      const FileFacts& facts);

/// As FileResponse for bytes in memory, of which the answer has a copy.
Response BytesResponse(const Request& request, std::string_view bytes, const FileFacts& facts);

}  // namespace datalake::server
