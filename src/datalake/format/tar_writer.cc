#include "datalake/format/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "datalake/io/stream.h"

namespace datalake::format {
namespace {

constexpr std::size_t kBlockBytes = 512;
constexpr std::size_t kMaxNameBytes = 100;
constexpr std::uint64_t kMaxMemberBytes = std::uint64_t{1} << 33;  // eleven octal digits
constexpr std::size_t kCopyBytes = std::size_t{1} << 18;

using Block = std::array<char, kBlockBytes>;

// Places of the fields of a ustar header.
constexpr std::size_t kMode = 100;
constexpr std::size_t kOwner = 108;
constexpr std::size_t kGroup = 116;
constexpr std::size_t kSize = 124;
constexpr std::size_t kTime = 136;
constexpr std::size_t kChecksum = 148;
constexpr std::size_t kType = 156;
constexpr std::size_t kMagic = 257;

void Put(Block& block, std::size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

TarWriter::TarWriter(io::OutputStream& sink) : sink_(sink) {}

Status TarWriter::WriteHeader(std::string_view name, std::uint64_t size_bytes) {
  if (name.empty() || name.size() > kMaxNameBytes || name.front() == '/') {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no name for a file in a tar archive: \"{}\"", name)};
  }
  if (size_bytes >= kMaxMemberBytes) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("file too large for a tar archive: {}: {} bytes", name, size_bytes)};
  }
  Block block{};
  Put(block, 0, name);
  Put(block, kMode, "0000644");
  Put(block, kOwner, "0000000");
  Put(block, kGroup, "0000000");
  Put(block, kSize, fmt::format("{:011o}", size_bytes));
  Put(block, kTime, "00000000000");
  Put(block, kChecksum, "        ");  // counts as spaces while it is summed up
  Put(block, kType, "0");
  Put(block, kMagic, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char byte : block) {
    sum += static_cast<unsigned char>(byte);
  }
  Put(block, kChecksum, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  size_bytes_ += kBlockBytes;
  return sink_.Write(std::string_view(block.data(), block.size()));
}

Status TarWriter::Pad(std::uint64_t size_bytes) {
  const std::size_t rest = size_bytes % kBlockBytes;
  size_bytes_ += size_bytes + (rest == 0 ? 0 : kBlockBytes - rest);
  return rest == 0 ? Status() : sink_.Write(std::string(kBlockBytes - rest, '\0'));
}

Status TarWriter::Add(std::string_view name, std::string_view bytes) {
  DATALAKE_TRY(WriteHeader(name, bytes.size()));
  DATALAKE_TRY(sink_.Write(bytes));
  return Pad(bytes.size());
}

Status TarWriter::AddStream(std::string_view name, std::uint64_t size_bytes,
                            io::InputStream& content) {
  DATALAKE_TRY(WriteHeader(name, size_bytes));
  std::vector<std::byte> buffer(kCopyBytes);
  std::uint64_t copied = 0;
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::size_t read, content.Read(buffer));
    copied += read;
    if (read == 0 || copied > size_bytes) {
      break;
    }
    DATALAKE_TRY(sink_.Write(std::span<const std::byte>(buffer).first(read)));
  }
  if (copied != size_bytes) {
    return Error{ErrorCode::kCorruption, fmt::format("file changed while it was copied: {}", name)};
  }
  return Pad(size_bytes);
}

Status TarWriter::Finish() {
  size_bytes_ += 2 * kBlockBytes;
  return sink_.Write(std::string(2 * kBlockBytes, '\0'));
}

}  // namespace datalake::format
