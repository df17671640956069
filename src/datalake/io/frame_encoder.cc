// gzip members through libdeflate, zstd frames through libzstd.
//
// ISA-L 2.30 would deflate twice as fast at its lowest levels, but what it makes is not settled by
// the input: levels 1 and 2 (isal_deflate_icf_body_hash_hist_*) hash a register that still holds
// the address of the stream when they start, so that about one stream address in 4,000 gives other
// matches; level 3 differs between AVX2 and AVX-512.
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <zstd.h>

#include "datalake/io/frame_encoder_internal.h"

namespace datalake::io {
namespace {

constexpr int kGzipLevels = 12;
constexpr std::size_t kGzipTrailerBytes = 8;

void PutUint32(std::byte* to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) {
    to[i] = static_cast<std::byte>(value >> (8 * i));
  }
}

// Deflate data between a header that tells the member's size and the checksum.
class GzipEncoder final : public FrameEncoder {
 public:
  explicit GzipEncoder(int level) : compressor_(libdeflate_alloc_compressor(level)) {}

  Status Encode(std::span<const std::byte> in, std::vector<std::byte>& out) override {
    out.resize(kGzipHeaderBytes + libdeflate_deflate_compress_bound(compressor_.get(), in.size()) +
               kGzipTrailerBytes);
    const std::size_t deflated = libdeflate_deflate_compress(
        compressor_.get(), in.data(), in.size(), out.data() + kGzipHeaderBytes,
        out.size() - kGzipHeaderBytes - kGzipTrailerBytes);
    if (deflated == 0) {
      return Error{ErrorCode::kInternal, "gzip compressor failed"};
    }
    out.resize(kGzipHeaderBytes + deflated + kGzipTrailerBytes);
    constexpr std::array<std::uint8_t, kGzipHeaderBytes> kHeader = {
        0x1f,
        0x8b,
        8,  // deflate
        4,  // there is an extra field
        0,
        0,
        0,
        0,  // no time
        0,
        255,  // no system
        8,
        0,  // size of the extra field
        static_cast<std::uint8_t>(kGzipSizeId[0]),
        static_cast<std::uint8_t>(kGzipSizeId[1]),
        4,
        0};
    std::memcpy(out.data(), kHeader.data(), kHeader.size());
    PutUint32(out.data() + kGzipHeaderBytes - 4, static_cast<std::uint32_t>(out.size()));
    std::byte* const trailer = out.data() + out.size() - kGzipTrailerBytes;
    PutUint32(trailer, libdeflate_crc32(0, in.data(), in.size()));
    PutUint32(trailer + 4, static_cast<std::uint32_t>(in.size()));
    return {};
  }

 private:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const {
      libdeflate_free_compressor(compressor);
    }
  };

  std::unique_ptr<libdeflate_compressor, Free> compressor_;
};

class ZstdEncoder final : public FrameEncoder {
 public:
  explicit ZstdEncoder(int level) : context_(ZSTD_createCCtx()) {
    // Both take any value they are given here; the frame says its size because it is written whole.
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  Status Encode(std::span<const std::byte> in, std::vector<std::byte>& out) override {
    out.resize(ZSTD_compressBound(in.size()));
    const std::size_t size =
        ZSTD_compress2(context_.get(), out.data(), out.size(), in.data(), in.size());
    if (ZSTD_isError(size) != 0U) {
      return Error{ErrorCode::kInternal,
                   fmt::format("zstd compressor failed: {}", ZSTD_getErrorName(size))};
    }
    out.resize(size);
    return {};
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

Error LevelError(std::string_view name, int most, int level) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} level must be 0 to {}: {}", name, most, level)};
}

}  // namespace

Result<std::unique_ptr<FrameEncoder>> MakeFrameEncoder(Compression compression, int level) {
  if (compression == Compression::kGzip) {
    if (level < 0 || level > kGzipLevels) {
      return LevelError("gzip", kGzipLevels, level);
    }
    return std::make_unique<GzipEncoder>(std::max(level, 1));
  }
  if (level < 0 || level > ZSTD_maxCLevel()) {
    return LevelError("zstd", ZSTD_maxCLevel(), level);
  }
  return std::make_unique<ZstdEncoder>(std::max(level, 1));
}

}  // namespace datalake::io
