#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "datalake/io/stream.h"

namespace datalake::io {

/// A moving view of a file, read in large pieces; for parsers that go mostly forward.
/// Single-threaded.
class Window {
 public:
  /// Shows bytes below `limit` only; reads at least `piece_bytes` at once. `file` must outlive it.
  Window(const RandomAccessFile& file, std::uint64_t limit, std::size_t piece_bytes);

  std::uint64_t limit() const { return limit_; }

  /// `size` bytes at `offset`, fewer at the limit or the end of the file; valid until the next
  /// call. The caller bounds `size`. Errors: kIo.
  Result<std::span<const std::byte>> At(std::uint64_t offset, std::uint64_t size);

 private:
  const RandomAccessFile& file_;
  std::uint64_t limit_;
  std::size_t piece_bytes_;
  std::vector<std::byte> buffer_;
  std::uint64_t base_ = 0;
  std::size_t size_ = 0;
};

}  // namespace datalake::io
