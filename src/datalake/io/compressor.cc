// Output in frames that stand alone, each made on any thread (base/ordered_work.h) and written in
// order. Where they are cut depends on the bytes alone.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/base/ordered_work.h"
#include "datalake/io/compression.h"
#include "datalake/io/frame_encoder_internal.h"

namespace datalake::io {
namespace {

constexpr std::size_t kFrameBytes = std::size_t{2} << 20;  // of input

// Encoders are lent out, one a running piece of work: making one costs more than a frame. The
// first is made with the stream, so that a bad level is an error then.
class EncoderStore {
 public:
  EncoderStore(Compression compression, int level, std::unique_ptr<FrameEncoder> first)
      : compression_(compression), level_(level) {
    free_.push_back(std::move(first));
  }

  Result<std::unique_ptr<FrameEncoder>> Take() {
    {
      MutexLock lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<FrameEncoder> encoder = std::move(free_.back());
        free_.pop_back();
        return encoder;
      }
    }
    return MakeFrameEncoder(compression_, level_);
  }

  void GiveBack(std::unique_ptr<FrameEncoder> encoder) {
    MutexLock lock(mutex_);
    free_.push_back(std::move(encoder));
  }

 private:
  const Compression compression_;
  const int level_;
  Mutex mutex_;
  std::vector<std::unique_ptr<FrameEncoder>> free_ DATALAKE_GUARDED_BY(mutex_);
};

struct Frame {
  std::vector<std::byte> in;
  std::vector<std::byte> out;
  Status status;
};

// zstd's own format for random access (contrib/seekable_format/zstd_seekable_compression_format.md
// of its sources): a skippable frame at the end with the sizes of all frames, without checksums,
// which the frames have themselves.
class SeekTable {
 public:
  void Add(std::size_t compressed_bytes, std::size_t bytes) {
    PutUint32(static_cast<std::uint32_t>(compressed_bytes));
    PutUint32(static_cast<std::uint32_t>(bytes));
    ++frames_;
  }

  // The skippable frame. Call once.
  std::vector<std::byte> Finish() {
    std::vector<std::byte> entries = std::move(bytes_);
    bytes_.clear();
    PutUint32(0x184D2A5E);
    PutUint32(static_cast<std::uint32_t>(entries.size() + kFooterBytes));
    bytes_.insert(bytes_.end(), entries.begin(), entries.end());
    PutUint32(frames_);
    bytes_.push_back(std::byte{0});  // entries without checksums
    PutUint32(0x8F92EAB1);
    return std::move(bytes_);
  }

 private:
  static constexpr std::size_t kFooterBytes = 9;

  void PutUint32(std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) {
      bytes_.push_back(static_cast<std::byte>(value >> shift));
    }
  }

  std::vector<std::byte> bytes_;
  std::uint32_t frames_ = 0;
};

class FrameCompressor final : public OutputStream {
 public:
  FrameCompressor(std::unique_ptr<OutputStream> sink, Compression compression, int level,
                  std::unique_ptr<FrameEncoder> encoder, ThreadPool* pool)
      : sink_(std::move(sink)),
        compression_(compression),
        encoders_(compression, level, std::move(encoder)),
        filling_(std::make_unique<Frame>()),
        work_(pool) {}

  using OutputStream::Write;

  Status Write(std::span<const std::byte> bytes) override {
    if (failed_) {
      return *failed_;
    }
    while (!bytes.empty()) {
      std::vector<std::byte>& in = filling_->in;
      const std::size_t n = std::min(bytes.size(), kFrameBytes - in.size());
      in.insert(in.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      bytes = bytes.subspan(n);
      if (in.size() == kFrameBytes) {
        DATALAKE_TRY(Keep(EncodeFilling(Cut(in))));
      }
    }
    return {};
  }

  Status Close() override {
    if (failed_ || closed_) {
      return failed_ ? Status(*failed_) : Status();
    }
    closed_ = true;
    return Keep(Finish());
  }

 private:
  // Behind the last line end, if there is one in the second half.
  static std::size_t Cut(std::span<const std::byte> block) {
    for (std::size_t end = block.size(); end > block.size() / 2; --end) {
      if (block[end - 1] == std::byte{'\n'}) {
        return end;
      }
    }
    return block.size();
  }

  // Hands in the first `size` bytes as a frame; the rest begins the next one.
  Status EncodeFilling(std::size_t size) {
    if (work_.size() >= work_.capacity()) {
      DATALAKE_TRY(WriteFront());
    }
    std::unique_ptr<Frame> next = std::make_unique<Frame>();
    if (!free_.empty()) {
      next = std::move(free_.back());
      free_.pop_back();
    }
    const auto rest = filling_->in.begin() + static_cast<std::ptrdiff_t>(size);
    next->in.assign(rest, filling_->in.end());
    filling_->in.erase(rest, filling_->in.end());
    frames_.push_back(std::exchange(filling_, std::move(next)));
    work_.Push([this, frame = frames_.back().get()] { Encode(*frame); });
    while (work_.size() > 0 && work_.FrontIsDone()) {
      DATALAKE_TRY(WriteFront());
    }
    return {};
  }

  void Encode(Frame& frame) {
    Result<std::unique_ptr<FrameEncoder>> encoder = encoders_.Take();
    frame.status = encoder ? (*encoder)->Encode(frame.in, frame.out) : encoder.error();
    if (encoder) {
      encoders_.GiveBack(*std::move(encoder));
    }
  }

  Status WriteFront() {
    work_.TakeFront();
    std::unique_ptr<Frame> frame = std::move(frames_.front());
    frames_.pop_front();
    DATALAKE_TRY(frame->status);
    DATALAKE_TRY(sink_->Write(frame->out));
    seek_table_.Add(frame->out.size(), frame->in.size());
    has_written_ = true;
    free_.push_back(std::move(frame));
    return {};
  }

  Status Finish() {
    if (!filling_->in.empty() || (work_.size() == 0 && !has_written_)) {
      DATALAKE_TRY(EncodeFilling(filling_->in.size()));  // also the one of an empty file
    }
    while (work_.size() > 0) {
      DATALAKE_TRY(WriteFront());
    }
    if (compression_ == Compression::kZstd) {
      DATALAKE_TRY(sink_->Write(seek_table_.Finish()));
    }
    return sink_->Close();
  }

  Status Keep(Status status) {
    if (!status) {
      failed_ = status.error();
    }
    return status;
  }

  const std::unique_ptr<OutputStream> sink_;
  const Compression compression_;
  EncoderStore encoders_;
  SeekTable seek_table_;
  std::unique_ptr<Frame> filling_;
  std::deque<std::unique_ptr<Frame>> frames_;  // handed in
  std::vector<std::unique_ptr<Frame>> free_;
  std::optional<Error> failed_;
  bool has_written_ = false;
  bool closed_ = false;
  OrderedWork work_;  // last: it ends before what it uses
};

}  // namespace

Result<std::unique_ptr<OutputStream>> MakeCompressor(std::unique_ptr<OutputStream> sink,
                                                     Compression compression, int level,
                                                     ThreadPool* pool) {
  if (compression == Compression::kNone) {
    return sink;
  }
  DATALAKE_TRY_ASSIGN(auto encoder, MakeFrameEncoder(compression, level));
  return std::make_unique<FrameCompressor>(std::move(sink), compression, level, std::move(encoder),
                                           pool);
}

}  // namespace datalake::io
