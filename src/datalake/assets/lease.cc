#include "datalake/assets/lease.h"

#include <utility>

#include "datalake/assets/checked_lines.h"
#include "datalake/assets/condemned_list.h"
#include "datalake/base/id.h"
#include "datalake/base/log.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

constexpr int kMostAttempts = 10;

class LeaseImpl final : public AssetLease {
 public:
  LeaseImpl(io::FileSystem& fs, std::string root, std::string path,
            std::unique_ptr<io::FileLock> lock, CondemnedDigests condemned)
      : fs_(fs),
        root_(std::move(root)),
        path_(std::move(path)),
        lock_(std::move(lock)),
        condemned_(std::move(condemned)) {}

  ~LeaseImpl() override {
    if (Status removed = fs_.Remove(path_); !removed) {
      LogWarning("lease stays behind: " + removed.error().message);
    }
  }

  // The file first, then the lock: a sweep has it either before (then it is over, and the look that
  // follows tells the truth) or after (then it sees the file).
  Result<bool> Keep(std::string_view sha256) override {
    const auto digest = ParseShortDigest(sha256);
    if (!anything_condemned() ||
        (digest && !condemned_.all && !condemned_.digests.Contains(*digest))) {
      return false;
    }
    DATALAKE_TRY(MakeScratchFolder(fs_, root_, kKeptFolder));
    auto kept = fs_.Create(io::JoinPath(io::JoinPath(root_, kKeptFolder), sha256));
    if (!kept && kept.error().code != ErrorCode::kAlreadyExists) {
      return std::move(kept).error();
    }
    if (kept) {
      DATALAKE_TRY((*kept)->Close());
    }
    DATALAKE_TRY_ASSIGN(const auto lock, WaitForStoreLock(fs_, io::JoinPath(root_, kSweepLock)));
    return true;
  }

  bool anything_condemned() const override {
    return condemned_.all || condemned_.digests.size() > 0;
  }

 private:
  io::FileSystem& fs_;
  const std::string root_;
  const std::string path_;
  const std::unique_ptr<io::FileLock> lock_;
  const CondemnedDigests condemned_;
};

}  // namespace

Result<std::unique_ptr<AssetLease>> TakeAssetLease(io::FileSystem& fs, std::string_view root,
                                                   Random& random) {
  const std::string folder = io::JoinPath(root, kLeaseFolder);
  for (int attempt = 1;; ++attempt) {
    std::string path = io::JoinPath(folder, MakeUuid(random));
    auto lock = fs.Lock(path);
    if (!lock && lock.error().code == ErrorCode::kNotFound) {
      DATALAKE_TRY(fs.MakeDirectories(root));
      DATALAKE_TRY(MakeScratchFolder(fs, root, kLeaseFolder));
      lock = fs.Lock(path);
    }
    // A collector may have come between, and taken the file for one of a dead process.
    const bool ours = lock && fs.Exists(path).value_or(false);
    if (ours) {
      // After the lease is there: either the collector sees it, or this sees what is condemned.
      auto condemned = ReadCondemnedDigests(fs, root);
      if (!condemned) {
        static_cast<void>(fs.Remove(path));
        return std::move(condemned).error();
      }
      return std::make_unique<LeaseImpl>(fs, std::string(root), std::move(path), *std::move(lock),
                                         *std::move(condemned));
    }
    if (attempt == kMostAttempts) {
      return lock ? Error{ErrorCode::kUnavailable, "cannot hold a lease in: " + folder}
                  : std::move(lock).error();
    }
  }
}

}  // namespace datalake::assets
