#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include <isa-l/igzip_lib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "datalake/base/ordered_work.h"
#include "datalake/io/frame_encoder_internal.h"
#include "datalake/io/frame_reader_internal.h"

namespace datalake::io {
namespace {

constexpr std::size_t kReadBytes = std::size_t{512} << 10;
constexpr std::size_t kMaxFrameBytes = std::size_t{16} << 20;  // decompressed; bounds memory
constexpr std::size_t kGzipTrailerBytes = 8;

struct Frame {
  std::string in;
  std::vector<std::byte> out;
  bool is_good = false;
};

// What is known of the frame at the beginning of some bytes.
struct FrameSizes {
  enum class Kind : std::uint8_t { kWhole, kNeedsMore, kUnusual };

  Kind kind = Kind::kUnusual;
  std::size_t in = 0;   // kWhole; of kNeedsMore how many bytes are needed, 0: not known
  std::size_t out = 0;  // kWhole
};

std::uint32_t GetUint32(const char* from) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) {
    value = value << 8 | static_cast<std::uint8_t>(from[i]);
  }
  return value;
}

FrameSizes ZstdSizes(std::string_view bytes) {
  const unsigned long long content = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  const std::size_t size = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
  const bool is_short =
      ZSTD_isError(size) != 0U && ZSTD_getErrorCode(size) == ZSTD_error_srcSize_wrong;
  if (content == ZSTD_CONTENTSIZE_ERROR && is_short) {
    return {FrameSizes::Kind::kNeedsMore};  // the header is cut
  }
  if (content > kMaxFrameBytes || (ZSTD_isError(size) != 0U && !is_short)) {
    return {};  // also the two values for an unknown size
  }
  if (is_short) {
    return {FrameSizes::Kind::kNeedsMore};
  }
  return {FrameSizes::Kind::kWhole, size, static_cast<std::size_t>(content)};
}

FrameSizes GzipSizes(std::string_view bytes) {
  if (bytes.size() < kGzipHeaderBytes) {
    return {FrameSizes::Kind::kNeedsMore, kGzipHeaderBytes};
  }
  const std::string_view extra = bytes.substr(10, 6);
  const bool is_ours = bytes.starts_with(std::string_view("\x1f\x8b\x08\x04", 4)) &&
                       extra == std::string_view("\x08\0DL\x04\0", 6);
  const std::size_t size = is_ours ? GetUint32(bytes.data() + kGzipHeaderBytes - 4) : 0;
  if (size < kGzipHeaderBytes + kGzipTrailerBytes || size > kMaxFrameBytes) {
    return {};
  }
  if (bytes.size() < size) {
    return {FrameSizes::Kind::kNeedsMore, size};
  }
  const std::size_t content = GetUint32(bytes.data() + size - 4);
  return content > kMaxFrameBytes ? FrameSizes{}
                                  : FrameSizes{FrameSizes::Kind::kWhole, size, content};
}

bool DecodeZstd(std::string_view in, std::span<std::byte> out) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     &ZSTD_freeDCtx);
  return ZSTD_decompressDCtx(context.get(), out.data(), out.size(), in.data(), in.size()) ==
         out.size();
}

// `in` is only read; ISA-L wants to be able to write there.
bool DecodeGzip(std::string& in, std::span<std::byte> out) {
  const auto state = std::make_unique<inflate_state>();
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_GZIP;
  state->next_in = reinterpret_cast<std::uint8_t*>(in.data());
  state->avail_in = static_cast<std::uint32_t>(in.size());
  state->next_out = reinterpret_cast<std::uint8_t*>(out.data());
  state->avail_out = static_cast<std::uint32_t>(out.size());
  return isal_inflate(state.get()) == ISAL_DECOMP_OK && state->avail_in == 0 &&
         state->avail_out == 0 && state->block_state == ISAL_BLOCK_FINISH;
}

class FrameReader final : public InputStream {
 public:
  FrameReader(std::unique_ptr<InputStream> input, std::string head, Compression compression,
              ThreadPool* pool, SerialReaderFactory make_serial)
      : input_(std::move(input)),
        compression_(compression),
        make_serial_(std::move(make_serial)),
        buffer_(std::move(head)),
        work_(pool) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    while (serial_ == nullptr) {
      if (current_ != nullptr && at_ < current_->out.size()) {
        const std::size_t n = std::min(out.size(), current_->out.size() - at_);
        std::memcpy(out.data(), current_->out.data() + at_, n);
        at_ += n;
        return n;
      }
      while (work_.size() < work_.capacity() && Split()) {
      }
      if (work_.size() == 0) {
        if (error_) {
          return *error_;
        }
        if (input_ended_ && begin_ == buffer_.size()) {
          return std::size_t{0};
        }
        LeaveRest({});
      } else {
        TakeFrame();
      }
    }
    return serial_->Read(out);
  }

 private:
  // Hands in the next frame; false when there is none to be handed in.
  bool Split() {
    while (!error_) {
      const std::string_view rest = std::string_view(buffer_).substr(begin_);
      if (rest.empty() && input_ended_) {
        return false;
      }
      FrameSizes sizes{FrameSizes::Kind::kNeedsMore};
      if (!rest.empty()) {
        sizes = compression_ == Compression::kZstd ? ZstdSizes(rest) : GzipSizes(rest);
      }
      if (sizes.kind == FrameSizes::Kind::kWhole) {
        Push(rest.substr(0, sizes.in), sizes.out);
        begin_ += sizes.in;
        return true;
      }
      if (sizes.kind == FrameSizes::Kind::kUnusual || input_ended_) {
        return false;
      }
      ReadMore(std::max(kReadBytes, std::max(sizes.in, rest.size() * 2) - rest.size()));
    }
    return false;
  }

  void ReadMore(std::size_t bytes) {
    buffer_.erase(0, begin_);
    offset_ += begin_;
    begin_ = 0;
    const std::size_t old_size = buffer_.size();
    buffer_.resize(old_size + bytes);
    std::size_t filled = old_size;
    while (filled < buffer_.size() && !input_ended_ && !error_) {
      const Result<std::size_t> n =
          input_->Read(std::as_writable_bytes(std::span(buffer_).subspan(filled)));
      if (!n) {
        error_ = n.error();
      } else {
        input_ended_ = *n == 0;
        filled += *n;
      }
    }
    buffer_.resize(filled);
  }

  void Push(std::string_view in, std::size_t out_bytes) {
    std::unique_ptr<Frame> frame = std::make_unique<Frame>();
    if (!free_.empty()) {
      frame = std::move(free_.back());
      free_.pop_back();
    }
    frame->in.assign(in);
    frame->out.resize(out_bytes);
    frames_.push_back(std::move(frame));
    work_.Push([this, frame = frames_.back().get()] {
      frame->is_good = compression_ == Compression::kZstd ? DecodeZstd(frame->in, frame->out)
                                                          : DecodeGzip(frame->in, frame->out);
    });
  }

  void TakeFrame() {
    work_.TakeFront();
    std::unique_ptr<Frame> frame = std::move(frames_.front());
    frames_.pop_front();
    if (!frame->is_good) {
      LeaveRest(std::move(frame->in));
      return;
    }
    if (current_ != nullptr) {
      free_.push_back(std::move(current_));
    }
    current_ = std::move(frame);
    at_ = 0;
  }

  // The serial reader goes on with `bytes`, the frames behind them and what was not split.
  void LeaveRest(std::string bytes) {
    while (!frames_.empty()) {
      work_.TakeFront();
      bytes += frames_.front()->in;
      frames_.pop_front();
    }
    const std::uint64_t offset = offset_ + begin_ - bytes.size();
    bytes.append(buffer_, begin_);
    serial_ = make_serial_(std::move(input_), std::move(bytes), offset);
    current_.reset();
    buffer_.clear();
  }

  std::unique_ptr<InputStream> input_;
  const Compression compression_;
  const SerialReaderFactory make_serial_;
  std::unique_ptr<InputStream> serial_;
  std::string buffer_;
  std::size_t begin_ = 0;     // of what is not split in buffer_
  std::uint64_t offset_ = 0;  // of buffer_ in the file
  bool input_ended_ = false;
  std::optional<Error> error_;  // of input_, comes behind the frames that were whole
  std::unique_ptr<Frame> current_;
  std::size_t at_ = 0;                         // in current_
  std::deque<std::unique_ptr<Frame>> frames_;  // handed in
  std::vector<std::unique_ptr<Frame>> free_;
  OrderedWork work_;  // last: it ends before what it uses
};

}  // namespace

std::unique_ptr<InputStream> MakeFrameReader(std::unique_ptr<InputStream> input, std::string head,
                                             Compression compression, ThreadPool* pool,
                                             SerialReaderFactory make_serial) {
  return std::make_unique<FrameReader>(std::move(input), std::move(head), compression, pool,
                                       std::move(make_serial));
}

}  // namespace datalake::io
