#include "datalake/io/window.h"

#include <algorithm>

namespace datalake::io {

Window::Window(const RandomAccessFile& file, std::uint64_t limit, std::size_t piece_bytes)
    : file_(file), limit_(limit), piece_bytes_(piece_bytes) {}

Result<std::span<const std::byte>> Window::At(std::uint64_t offset, std::uint64_t size) {
  if (offset >= limit_) {
    return std::span<const std::byte>();
  }
  size = std::min(size, limit_ - offset);
  if (offset < base_ || offset + size > base_ + size_) {
    const std::uint64_t wanted =
        std::min<std::uint64_t>(std::max<std::uint64_t>(size, piece_bytes_), limit_ - offset);
    buffer_.resize(std::max<std::size_t>(buffer_.size(), wanted));
    base_ = offset;
    size_ = 0;
    DATALAKE_TRY_ASSIGN(size_, file_.ReadAt(offset, std::span(buffer_).first(wanted)));
    size = std::min<std::uint64_t>(size, size_);
  }
  return std::span<const std::byte>(buffer_).subspan(offset - base_, size);
}

}  // namespace datalake::io
