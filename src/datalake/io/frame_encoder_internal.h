#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/io/compression.h"

namespace datalake::io {

/// The subfield of a gzip member's extra field (RFC 1952 §2.3.1.1) in which the size of the whole
/// member stands (4 bytes, little endian), so that readers find the next one without inflating.
inline constexpr char kGzipSizeId[2] = {'D', 'L'};

/// Bytes before the deflate data of the members that FrameEncoder writes: the fixed header and the
/// extra field with that subfield alone.
inline constexpr std::size_t kGzipHeaderBytes = 10 + 2 + 4 + 4;

/// Makes pieces of output that stand alone: zstd frames, gzip members. Single-threaded; what it
/// makes depends on nothing but the input.
class FrameEncoder {
 public:
  virtual ~FrameEncoder() = default;

  /// Puts the frame of `in` (at most 1 GiB, may be empty) into `out`. Errors: kInternal.
  virtual Status Encode(std::span<const std::byte> in, std::vector<std::byte>& out) = 0;
};

/// `compression` is not kNone. Errors: kInvalidArgument (level).
Result<std::unique_ptr<FrameEncoder>> MakeFrameEncoder(Compression compression, int level);

}  // namespace datalake::io
