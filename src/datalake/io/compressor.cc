// Writing gzip through ISA-L (levels 1 to 3) and libdeflate (4 to 12), zstd through libzstd.
#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "datalake/io/compression.h"

namespace datalake::io {
namespace {

constexpr int kIsalLevels = 3;
constexpr int kLibdeflateLevels = 12;
constexpr std::size_t kStreamBlockBytes = std::size_t{256} << 10;
constexpr std::size_t kUnitBytes = std::size_t{4} << 20;  // of input, a frame or member

// Gathers input into blocks of one size, so that the output does not depend on how it was cut into
// writes.
class BlockCompressor : public OutputStream {
 public:
  BlockCompressor(std::unique_ptr<OutputStream> sink, std::size_t block_bytes)
      : sink_(std::move(sink)), block_bytes_(block_bytes) {
    block_.reserve(block_bytes);
  }

  using OutputStream::Write;

  Status Write(std::span<const std::byte> bytes) final {
    if (failed_) {
      return *failed_;
    }
    while (!bytes.empty()) {
      const std::size_t n = std::min(bytes.size(), block_bytes_ - block_.size());
      block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      bytes = bytes.subspan(n);
      if (block_.size() == block_bytes_) {
        const std::size_t used = Cut(block_);
        DATALAKE_TRY(Keep(Encode(std::span<const std::byte>(block_).first(used), Last::kNo)));
        block_.erase(block_.begin(), block_.begin() + static_cast<std::ptrdiff_t>(used));
      }
    }
    return {};
  }

  Status Close() final {
    if (failed_ || closed_) {
      return failed_ ? Status(*failed_) : Status();
    }
    closed_ = true;
    DATALAKE_TRY(Keep(Encode(block_, Last::kYes)));
    block_.clear();
    return Keep(sink_->Close());
  }

 protected:
  enum class Last : std::uint8_t { kNo, kYes };

  // How much of a full block to encode now.
  virtual std::size_t Cut(std::span<const std::byte> block) const { return block.size(); }

  // Compresses `block` into sink(); the last one may be empty.
  virtual Status Encode(std::span<const std::byte> block, Last last) = 0;

  OutputStream& sink() { return *sink_; }

 private:
  Status Keep(Status status) {
    if (!status) {
      failed_ = status.error();
    }
    return status;
  }

  std::unique_ptr<OutputStream> sink_;
  std::size_t block_bytes_;
  std::vector<std::byte> block_;
  std::optional<Error> failed_;
  bool closed_ = false;
};

// One gzip member.
class IsalCompressor final : public BlockCompressor {
 public:
  IsalCompressor(std::unique_ptr<OutputStream> sink, int level)
      : BlockCompressor(std::move(sink), kStreamBlockBytes),
        stream_(std::make_unique<isal_zstream>()),
        level_buffer_(LevelBufferBytes(level)),
        out_(kStreamBlockBytes) {
    isal_deflate_init(stream_.get());
    stream_->level = static_cast<std::uint32_t>(level);
    stream_->level_buf = level_buffer_.data();
    stream_->level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    stream_->gzip_flag = IGZIP_GZIP;
  }

 private:
  static std::size_t LevelBufferBytes(int level) {
    return level == 1 ? ISAL_DEF_LVL1_DEFAULT
                      : (level == 2 ? ISAL_DEF_LVL2_DEFAULT : ISAL_DEF_LVL3_DEFAULT);
  }

  Status Encode(std::span<const std::byte> block, Last last) override {
    // ISA-L only reads through next_in.
    stream_->next_in =
        const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(block.data()));
    stream_->avail_in = static_cast<std::uint32_t>(block.size());
    stream_->end_of_stream = last == Last::kYes ? 1 : 0;
    do {
      stream_->next_out = out_.data();
      stream_->avail_out = static_cast<std::uint32_t>(out_.size());
      if (const int code = isal_deflate(stream_.get()); code != COMP_OK) {
        return Error{ErrorCode::kInternal, fmt::format("gzip compressor failed: code {}", code)};
      }
      DATALAKE_TRY(
          sink().Write(std::as_bytes(std::span(out_)).first(out_.size() - stream_->avail_out)));
    } while (stream_->avail_out == 0);
    return {};
  }

  std::unique_ptr<isal_zstream> stream_;
  std::vector<std::uint8_t> level_buffer_;
  std::vector<std::uint8_t> out_;
};

// Output in units that stand alone, cut behind a line end where there is one.
class UnitCompressor : public BlockCompressor {
 public:
  explicit UnitCompressor(std::unique_ptr<OutputStream> sink)
      : BlockCompressor(std::move(sink), kUnitBytes) {}

 protected:
  virtual std::size_t Bound(std::size_t input_bytes) const = 0;
  virtual Result<std::size_t> EncodeUnit(std::span<const std::byte> unit,
                                         std::span<std::byte> out) = 0;

 private:
  std::size_t Cut(std::span<const std::byte> block) const final {
    for (std::size_t end = block.size(); end > block.size() / 2; --end) {
      if (block[end - 1] == std::byte{'\n'}) {
        return end;
      }
    }
    return block.size();
  }

  Status Encode(std::span<const std::byte> block, Last last) final {
    if (block.empty() && (last == Last::kNo || wrote_)) {
      return {};
    }
    out_.resize(std::max(out_.size(), Bound(block.size())));
    DATALAKE_TRY_ASSIGN(const std::size_t size, EncodeUnit(block, out_));
    wrote_ = true;
    return sink().Write(std::span<const std::byte>(out_).first(size));
  }

  std::vector<std::byte> out_;
  bool wrote_ = false;
};

class LibdeflateCompressor final : public UnitCompressor {
 public:
  LibdeflateCompressor(std::unique_ptr<OutputStream> sink, int level)
      : UnitCompressor(std::move(sink)), compressor_(libdeflate_alloc_compressor(level)) {}

 private:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const {
      libdeflate_free_compressor(compressor);
    }
  };

  std::size_t Bound(std::size_t input_bytes) const override {
    return libdeflate_gzip_compress_bound(compressor_.get(), input_bytes);
  }

  Result<std::size_t> EncodeUnit(std::span<const std::byte> unit,
                                 std::span<std::byte> out) override {
    const std::size_t size = libdeflate_gzip_compress(compressor_.get(), unit.data(), unit.size(),
                                                      out.data(), out.size());
    if (size == 0) {
      return Error{ErrorCode::kInternal, "gzip compressor failed"};
    }
    return size;
  }

  std::unique_ptr<libdeflate_compressor, Free> compressor_;
};

class ZstdCompressor final : public UnitCompressor {
 public:
  ZstdCompressor(std::unique_ptr<OutputStream> sink, int level)
      : UnitCompressor(std::move(sink)), context_(ZSTD_createCCtx()) {
    // Both take any value they are given here; the frame says its size because it is written whole.
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  std::size_t Bound(std::size_t input_bytes) const override {
    return ZSTD_compressBound(input_bytes);
  }

  Result<std::size_t> EncodeUnit(std::span<const std::byte> unit,
                                 std::span<std::byte> out) override {
    const std::size_t size =
        ZSTD_compress2(context_.get(), out.data(), out.size(), unit.data(), unit.size());
    if (ZSTD_isError(size) != 0U) {
      return Error{ErrorCode::kInternal,
                   fmt::format("zstd compressor failed: {}", ZSTD_getErrorName(size))};
    }
    return size;
  }

  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

Error LevelError(std::string_view name, int most, int level) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} level must be 0 to {}: {}", name, most, level)};
}

}  // namespace

Result<std::unique_ptr<OutputStream>> MakeCompressor(std::unique_ptr<OutputStream> sink,
                                                     Compression compression, int level) {
  switch (compression) {
    case Compression::kGzip:
      if (level < 0 || level > kLibdeflateLevels) {
        return LevelError("gzip", kLibdeflateLevels, level);
      }
      if (level > kIsalLevels) {
        return std::make_unique<LibdeflateCompressor>(std::move(sink), level);
      }
      return std::make_unique<IsalCompressor>(std::move(sink), std::max(level, 1));
    case Compression::kZstd:
      if (level < 0 || level > ZSTD_maxCLevel()) {
        return LevelError("zstd", ZSTD_maxCLevel(), level);
      }
      return std::make_unique<ZstdCompressor>(std::move(sink), std::max(level, 1));
    case Compression::kNone:
      break;
  }
  return sink;
}

}  // namespace datalake::io
