#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "datalake/io/file_system.h"

namespace datalake {
class ThreadPool;
}  // namespace datalake

namespace datalake::io {

enum class Compression : std::uint8_t { kNone, kGzip, kZstd };

/// By suffix: .gz is gzip, .zst and .zstd are zstd, all else plain.
Compression CompressionOfPath(std::string_view path);

/// Reads a file uncompressed: gzip with any number of members (RFC 1952), zstd with any number of
/// frames (RFC 8878), or plain, told by its first bytes, which must agree with the suffix. Frames
/// of at most 16 MiB that tell their size (all that MakeCompressor writes) are decompressed ahead
/// by free threads of `pool`, of which the reader may be a task; bytes and errors do not depend on
/// it. Memory: about 5 MiB a thread for such frames. `fs` is only used now, `pool` must outlive the
/// stream. Errors: kInvalidArgument (content and suffix disagree); from Read: kCorruption naming
/// file and byte offset (truncated, damaged, trailing garbage).
Result<std::unique_ptr<InputStream>> OpenCompressed(FileSystem& fs, std::string_view path,
                                                    ThreadPool* pool = nullptr);

/// The uncompressed bytes of a message body (Content-Encoding gzip, RFC 9110 §8.4.1.3, or zstd, RFC
/// 9659: windows of at most 8 MiB). Never makes more than `max_bytes` and a small buffer, whatever
/// `bytes` claims. Thread-safe. Errors: kResourceExhausted (would be larger than `max_bytes`),
/// kCorruption naming `what` and the byte offset (damaged, cut off, empty).
Result<std::string> Inflate(std::string_view bytes, Compression compression,
                            std::uint64_t max_bytes, std::string_view what);

/// Compresses what is written into `sink`, which is closed with it. `level` 0 is the default (gzip
/// and zstd: 1); gzip has 1 to 12 (libdeflate), zstd has 1 to 22.
/// Both are written in frames (gzip: members) of at most 2 MiB of input that end behind a line end
/// where there is one, each with its size and checksum, so that readers can use them in parallel
/// and copy them untouched; zstd in its seekable format, with the table of frames at the end.
/// Frames are made on threads of `pool` and by the caller, who may be one of its tasks; `pool`
/// must outlive the stream. Output depends only on input and level: not on threads, not on how it
/// was cut into writes. Memory: about 5 MiB a thread. Errors:
/// kInvalidArgument (level); from Write and Close those of `sink`.
Result<std::unique_ptr<OutputStream>> MakeCompressor(std::unique_ptr<OutputStream> sink,
                                                     Compression compression, int level = 0,
                                                     ThreadPool* pool = nullptr);

}  // namespace datalake::io
