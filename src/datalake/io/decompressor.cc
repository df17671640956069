// Reading gzip (RFC 1952) through ISA-L and zstd (RFC 8878) through libzstd.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "datalake/io/compression.h"
#include "datalake/io/frame_reader_internal.h"

namespace datalake::io {
namespace {

constexpr std::size_t kInputBytes = std::size_t{256} << 10;
constexpr std::size_t kMagicBytes = 4;

// The compressed side of a decompressor: a buffer over the file, that knows its offset.
class Source {
 public:
  // `head` holds the bytes that were read from `input` already, `base` is its offset in the file.
  Source(std::unique_ptr<InputStream> input, std::string path, std::string_view head,
         std::uint64_t base)
      : input_(std::move(input)),
        path_(std::move(path)),
        buffer_(std::max(kInputBytes, head.size())),
        end_(head.size()),
        base_(base) {
    if (!head.empty()) {  // an empty view may have no address
      std::memcpy(buffer_.data(), head.data(), head.size());
    }
  }

  std::span<std::byte> rest() { return std::span(buffer_).subspan(begin_, end_ - begin_); }

  void Consume(std::size_t n) { begin_ += n; }

  bool at_end() const { return file_ended_ && begin_ == end_; }

  // Reads more when nothing is left.
  Status Fill() {
    if (begin_ < end_ || file_ended_) {
      return {};
    }
    base_ += end_;
    begin_ = end_ = 0;
    DATALAKE_TRY_ASSIGN(end_, input_->Read(buffer_));
    file_ended_ = end_ == 0;
    return {};
  }

  Error Corrupt(std::string_view what) const {
    return Error{ErrorCode::kCorruption, fmt::format("{}: {}: byte {}", what, path_, offset())};
  }

  std::uint64_t offset() const { return base_ + begin_; }

  const std::string& path() const { return path_; }

 private:
  std::unique_ptr<InputStream> input_;
  std::string path_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_;
  std::uint64_t base_;  // offset in the file of the buffer's first byte
  bool file_ended_ = false;
};

// What is common: after an error every read gives it again, but the bytes before it come first.
class Decompressor : public InputStream {
 public:
  explicit Decompressor(Source source) : source_(std::move(source)) {}

  Result<std::size_t> Read(std::span<std::byte> out) final {
    if (failed_) {
      return *failed_;
    }
    std::size_t produced = 0;
    while (produced == 0 && !out.empty()) {
      Status filled = source_.Fill();
      if (!filled) {
        failed_ = filled.error();
        return *failed_;
      }
      if (between_units_ && source_.at_end()) {
        return std::size_t{0};
      }
      const std::size_t left = source_.rest().size();
      if (Status step = Step(out, produced); !step) {
        failed_ = step.error();
        break;
      }
      if (produced == 0 && !between_units_ && source_.at_end() && left == 0) {
        failed_ = source_.Corrupt("compressed data is cut off");
        break;
      }
    }
    return produced == 0 && failed_ ? Result<std::size_t>(*failed_) : produced;
  }

 protected:
  // Decodes from source_ into `out`; sets `produced` and between_units_.
  virtual Status Step(std::span<std::byte> out, std::size_t& produced) = 0;

  Source source_;
  bool between_units_ = false;  // of members or frames: the file may end here

 private:
  std::optional<Error> failed_;
};

class GzipReader final : public Decompressor {
 public:
  explicit GzipReader(Source source)
      : Decompressor(std::move(source)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

 private:
  Status Step(std::span<std::byte> out, std::size_t& produced) override {
    const std::span<std::byte> in = source_.rest();
    if (between_units_) {
      if (in[0] != std::byte{0x1f}) {
        return source_.Corrupt("bytes behind the end of the gzip data");
      }
      isal_inflate_reset(state_.get());
      state_->crc_flag = ISAL_GZIP;
      between_units_ = false;
    }
    constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
    state_->next_in = reinterpret_cast<std::uint8_t*>(in.data());
    state_->avail_in = static_cast<std::uint32_t>(in.size());
    state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_->avail_out = static_cast<std::uint32_t>(std::min(out.size(), kMost));
    const std::uint32_t room = state_->avail_out;
    const int code = isal_inflate(state_.get());
    produced = room - state_->avail_out;
    source_.Consume(in.size() - state_->avail_in);
    if (code == ISAL_INCORRECT_CHECKSUM) {
      return source_.Corrupt("gzip checksum does not match");
    }
    if (code < 0 || code == ISAL_NEED_DICT) {
      return source_.Corrupt("gzip data is damaged");
    }
    between_units_ = state_->block_state == ISAL_BLOCK_FINISH;
    return {};
  }

  std::unique_ptr<inflate_state> state_;
};

class ZstdReader final : public Decompressor {
 public:
  // `window_log` bounds the memory that a frame may ask for; 0: as the library does.
  explicit ZstdReader(Source source, int window_log = 0)
      : Decompressor(std::move(source)), stream_(ZSTD_createDStream()) {
    if (window_log > 0) {
      ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, window_log);
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };

  Status Step(std::span<std::byte> out, std::size_t& produced) override {
    const std::span<std::byte> rest = source_.rest();
    ZSTD_inBuffer in{rest.data(), rest.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t code = ZSTD_decompressStream(stream_.get(), &to, &in);
    produced = to.pos;
    source_.Consume(in.pos);
    if (ZSTD_isError(code) != 0U) {
      return source_.Corrupt(fmt::format("zstd data is damaged ({})", ZSTD_getErrorName(code)));
    }
    between_units_ = code == 0;
    return {};
  }

  std::unique_ptr<ZSTD_DStream, Free> stream_;
};

// Bytes in memory, which must outlive it.
class ViewInput final : public InputStream {
 public:
  explicit ViewInput(std::string_view bytes) : bytes_(bytes) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t n = std::min(out.size(), bytes_.size());
    std::memcpy(out.data(), bytes_.data(), n);
    bytes_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view bytes_;
};

class PlainReader final : public InputStream {
 public:
  PlainReader(std::unique_ptr<InputStream> input, std::string head)
      : input_(std::move(input)), head_(std::move(head)) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (head_.empty()) {
      return input_->Read(out);
    }
    const std::size_t n = std::min(out.size(), head_.size());
    std::memcpy(out.data(), head_.data(), n);
    head_.erase(0, n);
    return n;
  }

 private:
  std::unique_ptr<InputStream> input_;
  std::string head_;
};

constexpr std::string_view kGzipMagic("\x1f\x8b", 2);
constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);

// True when `head` is `magic` as far as both go and not empty: a cut file still counts.
bool BeginsAs(std::string_view head, std::string_view magic) {
  const std::size_t n = std::min(head.size(), magic.size());
  return n > 0 && head.substr(0, n) == magic.substr(0, n);
}

// RFC 8878 §3.1.2: 0x184D2A50 to 0x184D2A5F, little endian.
bool IsSkippableFrame(std::string_view head) {
  return head.size() == kMagicBytes && (head[0] & 0xf0) == 0x50 &&
         head.substr(1) == std::string_view("\x2a\x4d\x18", 3);
}

std::string_view NameOf(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
    case Compression::kNone:
      break;
  }
  return "plain";
}

Status CheckContent(std::string_view path, Compression expected, std::string_view head) {
  if (head.empty() && expected != Compression::kNone) {
    return Error{ErrorCode::kCorruption, fmt::format("compressed file is empty: {}: byte 0", path)};
  }
  Compression found = Compression::kNone;
  if (expected == Compression::kGzip ? BeginsAs(head, kGzipMagic) : head.starts_with(kGzipMagic)) {
    found = Compression::kGzip;
  } else if (IsSkippableFrame(head) ||
             (expected == Compression::kZstd ? BeginsAs(head, kZstdMagic)
                                             : head.starts_with(kZstdMagic))) {
    found = Compression::kZstd;
  }
  if (found != expected) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("content is {}, its name says {}: {}",
                                                          NameOf(found), NameOf(expected), path)};
  }
  return {};
}

}  // namespace

Compression CompressionOfPath(std::string_view path) {
  if (path.ends_with(".gz")) {
    return Compression::kGzip;
  }
  if (path.ends_with(".zst") || path.ends_with(".zstd")) {
    return Compression::kZstd;
  }
  return Compression::kNone;
}

Result<std::unique_ptr<InputStream>> OpenCompressed(FileSystem& fs, std::string_view path,
                                                    ThreadPool* pool) {
  DATALAKE_TRY_ASSIGN(auto input, fs.OpenInput(path));
  std::array<char, kMagicBytes> bytes{};
  std::size_t size = 0;
  while (size < bytes.size()) {
    DATALAKE_TRY_ASSIGN(const std::size_t n,
                        input->Read(std::as_writable_bytes(std::span(bytes).subspan(size))));
    if (n == 0) {
      break;
    }
    size += n;
  }
  const std::string_view head(bytes.data(), size);
  const Compression compression = CompressionOfPath(path);
  DATALAKE_TRY(CheckContent(path, compression, head));
  if (compression != Compression::kNone) {
    return MakeFrameReader(std::move(input), std::string(head), compression, pool,
                           [compression, name = std::string(path)](
                               std::unique_ptr<InputStream> rest, std::string begin,
                               std::uint64_t offset) -> std::unique_ptr<InputStream> {
                             Source source(std::move(rest), name, begin, offset);
                             if (compression == Compression::kGzip) {
                               return std::make_unique<GzipReader>(std::move(source));
                             }
                             return std::make_unique<ZstdReader>(std::move(source));
                           });
  }
  return std::make_unique<PlainReader>(std::move(input), std::string(head));
}

Result<std::string> Inflate(std::string_view bytes, Compression compression,
                            std::uint64_t max_bytes, std::string_view what) {
  constexpr int kHttpWindowLog = 23;  // RFC 9659 §3
  constexpr std::size_t kStepBytes = std::size_t{256} << 10;
  if (compression == Compression::kNone) {
    return std::string(bytes);
  }
  if (bytes.empty()) {
    return Error{ErrorCode::kCorruption, fmt::format("compressed data is empty: {}", what)};
  }
  Source source(std::make_unique<ViewInput>(bytes), std::string(what), {}, 0);
  std::unique_ptr<InputStream> stream;
  if (compression == Compression::kGzip) {
    stream = std::make_unique<GzipReader>(std::move(source));
  } else {
    stream = std::make_unique<ZstdReader>(std::move(source), kHttpWindowLog);
  }
  std::string out;
  while (true) {
    const std::size_t size = out.size();
    out.resize(std::min<std::uint64_t>(size + std::max(kStepBytes, size / 2), max_bytes + 1));
    DATALAKE_TRY_ASSIGN(
        const std::size_t n,
        stream->Read(std::as_writable_bytes(std::span(out.data(), out.size()).subspan(size))));
    out.resize(size + n);
    if (n == 0) {
      return out;
    }
    if (out.size() > max_bytes) {
      return Error{ErrorCode::kResourceExhausted,
                   fmt::format("uncompressed data is larger than {} bytes: {}", max_bytes, what)};
    }
  }
}

}  // namespace datalake::io
