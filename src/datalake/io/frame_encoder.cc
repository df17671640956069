// gzip members through ISA-L (levels 1 to 3) and libdeflate (4 to 12), zstd frames through libzstd.
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "datalake/io/frame_encoder_internal.h"

namespace datalake::io {
namespace {

constexpr int kIsalLevels = 3;
constexpr int kLibdeflateLevels = 12;
constexpr std::size_t kGzipTrailerBytes = 8;

void PutUint32(std::byte* to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) {
    to[i] = static_cast<std::byte>(value >> (8 * i));
  }
}

// Deflate data of level-dependent making, between a header that tells the member's size and the
// checksum.
class GzipEncoder : public FrameEncoder {
 public:
  Status Encode(std::span<std::byte> in, std::vector<std::byte>& out) final {
    out.resize(kGzipHeaderBytes + Bound(in.size()) + kGzipTrailerBytes);
    DATALAKE_TRY_ASSIGN(
        const std::size_t deflated,
        Deflate(in, std::span(out).subspan(kGzipHeaderBytes,
                                           out.size() - kGzipHeaderBytes - kGzipTrailerBytes)));
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
    PutUint32(trailer,
              crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(in.data()), in.size()));
    PutUint32(trailer + 4, static_cast<std::uint32_t>(in.size()));
    return {};
  }

 private:
  virtual std::size_t Bound(std::size_t input_bytes) const = 0;
  virtual Result<std::size_t> Deflate(std::span<std::byte> in, std::span<std::byte> out) = 0;
};

class IsalEncoder final : public GzipEncoder {
 public:
  explicit IsalEncoder(int level)
      : stream_(std::make_unique<isal_zstream>()),
        level_(static_cast<std::uint32_t>(level)),
        level_buffer_(level == 1 ? ISAL_DEF_LVL1_DEFAULT
                                 : (level == 2 ? ISAL_DEF_LVL2_DEFAULT : ISAL_DEF_LVL3_DEFAULT)) {}

 private:
  // Stored blocks have 5 bytes for at most 65535; the rest is for short inputs and block ends.
  std::size_t Bound(std::size_t input_bytes) const override {
    return input_bytes + input_bytes / 1024 + 1024;
  }

  Result<std::size_t> Deflate(std::span<std::byte> in, std::span<std::byte> out) override {
    isal_deflate_init(stream_.get());
    stream_->level = level_;
    stream_->level_buf = level_buffer_.data();
    stream_->level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    stream_->gzip_flag = IGZIP_DEFLATE;
    stream_->next_in = reinterpret_cast<std::uint8_t*>(in.data());
    stream_->avail_in = static_cast<std::uint32_t>(in.size());
    stream_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_->avail_out = static_cast<std::uint32_t>(out.size());
    stream_->end_of_stream = 1;
    const int code = isal_deflate(stream_.get());
    if (code != COMP_OK || stream_->avail_in != 0 || stream_->internal_state.state != ZSTATE_END) {
      return Error{ErrorCode::kInternal, fmt::format("gzip compressor failed: code {}", code)};
    }
    return out.size() - stream_->avail_out;
  }

  std::unique_ptr<isal_zstream> stream_;
  std::uint32_t level_;
  std::vector<std::uint8_t> level_buffer_;
};

class LibdeflateEncoder final : public GzipEncoder {
 public:
  explicit LibdeflateEncoder(int level) : compressor_(libdeflate_alloc_compressor(level)) {}

 private:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const {
      libdeflate_free_compressor(compressor);
    }
  };

  std::size_t Bound(std::size_t input_bytes) const override {
    return libdeflate_deflate_compress_bound(compressor_.get(), input_bytes);
  }

  Result<std::size_t> Deflate(std::span<std::byte> in, std::span<std::byte> out) override {
    const std::size_t size = libdeflate_deflate_compress(compressor_.get(), in.data(), in.size(),
                                                         out.data(), out.size());
    if (size == 0) {
      return Error{ErrorCode::kInternal, "gzip compressor failed"};
    }
    return size;
  }

  std::unique_ptr<libdeflate_compressor, Free> compressor_;
};

class ZstdEncoder final : public FrameEncoder {
 public:
  explicit ZstdEncoder(int level) : context_(ZSTD_createCCtx()) {
    // Both take any value they are given here; the frame says its size because it is written whole.
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  Status Encode(std::span<std::byte> in, std::vector<std::byte>& out) override {
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
    if (level < 0 || level > kLibdeflateLevels) {
      return LevelError("gzip", kLibdeflateLevels, level);
    }
    if (level > kIsalLevels) {
      return std::make_unique<LibdeflateEncoder>(level);
    }
    return std::make_unique<IsalEncoder>(std::max(level, 1));
  }
  if (level < 0 || level > ZSTD_maxCLevel()) {
    return LevelError("zstd", ZSTD_maxCLevel(), level);
  }
  return std::make_unique<ZstdEncoder>(std::max(level, 1));
}

}  // namespace datalake::io
