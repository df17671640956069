#include "datalake/assets/hashed_copy.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "datalake/base/mutex.h"

namespace datalake::assets {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::size_t kPieces = 4;

// A ring of pieces: filled and written by one thread, hashed by another.
class Ring {
 public:
  Ring(io::InputStream& source, io::OutputStream& file)
      : source_(source), file_(file), bytes_(kPieces * kPieceBytes) {}

  // On the helper's thread, until the source ends, something fails or nobody hashes any more.
  void Fill(const std::stop_token& stop) {
    Status status;
    while (status) {
      {
        const MutexLock lock(mutex_);
        if (!changed_.Wait(mutex_, stop, [this] { return filled_ - hashed_ < kPieces; })) {
          break;
        }
      }
      const std::size_t slot = filled_ % kPieces;
      const std::span<std::byte> piece(&bytes_[slot * kPieceBytes], kPieceBytes);
      std::size_t size = 0;
      status = ReadPiece(piece, size);
      if (!status || size == 0) {
        break;
      }
      {
        const MutexLock lock(mutex_);
        sizes_[slot] = size;
        ++filled_;
      }
      changed_.NotifyAll();
      status = file_.Write(piece.first(size));
    }
    const MutexLock lock(mutex_);
    status_ = status;
    is_done_ = true;
    changed_.NotifyAll();
  }

  // On the caller's thread, to the end.
  Status Hash(Sha256& hash) {
    while (true) {
      std::size_t slot = 0;
      std::size_t size = 0;
      {
        const MutexLock lock(mutex_);
        changed_.Wait(mutex_, {}, [this] { return filled_ > hashed_ || is_done_; });
        if (filled_ == hashed_) {
          return status_;
        }
        slot = hashed_ % kPieces;
        size = sizes_[slot];
      }
      hash.Update(std::span(&bytes_[slot * kPieceBytes], size));
      const MutexLock lock(mutex_);
      ++hashed_;
      changed_.NotifyAll();
    }
  }

 private:
  Status ReadPiece(std::span<std::byte> piece, std::size_t& size) {
    while (size < piece.size()) {
      DATALAKE_TRY_ASSIGN(const std::size_t n, source_.Read(piece.subspan(size)));
      if (n == 0) {
        break;
      }
      size += n;
    }
    return {};
  }

  io::InputStream& source_;
  io::OutputStream& file_;
  std::vector<std::byte> bytes_;

  Mutex mutex_;
  CondVar changed_;
  std::array<std::size_t, kPieces> sizes_ DATALAKE_GUARDED_BY(mutex_) = {};
  std::uint64_t filled_ = 0;  // changed by the helper alone, under the mutex
  std::uint64_t hashed_ DATALAKE_GUARDED_BY(mutex_) = 0;
  bool is_done_ DATALAKE_GUARDED_BY(mutex_) = false;
  Status status_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace

Status CopyHashed(io::InputStream& source, io::OutputStream& file, Sha256& hash) {
  Ring ring(source, file);
  const std::jthread helper([&ring](const std::stop_token& stop) { ring.Fill(stop); });
  return ring.Hash(hash);
}

}  // namespace datalake::assets
