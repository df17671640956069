// The assets of a lake of the KDL program: found by one walk, since where a file lies depends on
// the size of the upload that brought it.
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/blocklist.h"
#include "datalake/assets/lease.h"
#include "datalake/assets/media_facts.h"
#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/mutex.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/lake/kdl_catalog.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kDigits = 64;
constexpr int kMostDepth = 4;  // provider, dataset, ab, cd
constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

Error ReadOnly() {
  return {ErrorCode::kPermissionDenied,
          "a lake of the KDL program is read-only, copy it with `datalake import-kdl`"};
}

class KdlAssetStore final : public assets::AssetStore {
 public:
  KdlAssetStore(io::FileSystem& fs, std::string root)
      : fs_(fs), root_(std::move(root)), blocklist_(fs, root_) {}

  Result<assets::PutResult> Put(io::InputStream&) override { return ReadOnly(); }

  Result<assets::PutResult> PutBytes(std::string_view) override { return ReadOnly(); }

  Result<std::unique_ptr<assets::AssetBatch>> NewBatch() override { return ReadOnly(); }

  Result<std::unique_ptr<assets::AssetLease>> TakeLease() override { return ReadOnly(); }

  Status Remove(std::string_view) override { return ReadOnly(); }

  assets::Blocklist& blocklist() override { return blocklist_; }

  Result<bool> Contains(std::string_view sha256) const override {
    const auto path = FindPath(sha256);
    if (!path && path.error().code != ErrorCode::kNotFound) {
      return path.error();
    }
    return path.has_value();
  }

  Result<std::unique_ptr<io::InputStream>> OpenAsset(std::string_view sha256) const override {
    DATALAKE_TRY_ASSIGN(const std::string path, FindPath(sha256));
    return fs_.OpenInput(io::JoinPath(root_, path));
  }

  Result<assets::AssetInfo> Stat(std::string_view sha256) const override {
    DATALAKE_TRY_ASSIGN(const std::string path, FindPath(sha256));
    DATALAKE_TRY_ASSIGN(const auto file, fs_.OpenRandomAccess(io::JoinPath(root_, path)));
    DATALAKE_TRY_ASSIGN(assets::MediaFacts facts, assets::ReadMediaFacts(*file));
    return assets::AssetInfo{.sha256 = std::string(sha256),
                             .media_type = std::move(facts.media_type),
                             .extension = std::move(facts.extension),
                             .size_bytes = file->size_bytes(),
                             .width = facts.width,
                             .height = facts.height,
                             .orientation = facts.orientation,
                             .frames = facts.frames,
                             .problem = std::move(facts.problem)};
  }

  Status Verify(std::string_view sha256) const override {
    DATALAKE_TRY_ASSIGN(const auto file, OpenAsset(sha256));
    Sha256 hash;
    std::vector<std::byte> buffer(kBufferBytes);
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::size_t n, file->Read(buffer));
      if (n == 0) {
        break;
      }
      hash.Update(std::span(buffer).first(n));
    }
    const std::string found = ToHex(hash.Finish());
    return found == sha256 ? Status()
                           : Status(Error{ErrorCode::kCorruption,
                                          fmt::format("asset is damaged, its bytes hash to {}: {}",
                                                      found, sha256)});
  }

  Result<std::string> FindPath(std::string_view sha256) const override {
    if (!IsSha256Hex(sha256)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("not a SHA-256 (64 lower-case hexadecimal digits): {}", sha256)};
    }
    const MutexLock lock(mutex_);
    if (!walked_) {
      DATALAKE_TRY(Walk("", 0));
      walked_ = true;
    }
    const auto found = folders_.find(sha256);
    if (found == folders_.end()) {
      return Error{ErrorCode::kNotFound, fmt::format("no such asset: {}", sha256)};
    }
    return fmt::format("{}/{}.jpg", *found->second, sha256);
  }

  const std::string& root() const override { return root_; }

 private:
  Status Walk(const std::string& folder, int depth) const DATALAKE_REQUIRES(mutex_) {
    auto entries = fs_.List(io::JoinPath(root_, folder));
    if (!entries) {
      return entries.error().code == ErrorCode::kNotFound ? Status() : Status(entries.error());
    }
    std::shared_ptr<const std::string> shared;
    for (const io::DirectoryEntry& entry : *entries) {
      const std::string_view name = entry.name;
      if (entry.is_directory && depth < kMostDepth) {
        DATALAKE_TRY(Walk(io::JoinPath(folder, name), depth + 1));
      } else if (!entry.is_directory && name.size() == kDigits + 4 && name.ends_with(".jpg") &&
                 IsSha256Hex(name.substr(0, kDigits))) {
        if (shared == nullptr) {
          shared = std::make_shared<const std::string>(folder);
        }
        folders_.emplace(name.substr(0, kDigits), shared);
      }
    }
    return {};
  }

  io::FileSystem& fs_;
  const std::string root_;
  assets::Blocklist blocklist_;
  mutable Mutex mutex_;
  mutable bool walked_ DATALAKE_GUARDED_BY(mutex_) = false;
  mutable std::map<std::string, std::shared_ptr<const std::string>, std::less<>> folders_
      DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<assets::AssetStore> OpenKdlAssets(io::FileSystem& fs, std::string root) {
  return std::make_unique<KdlAssetStore>(fs, std::move(root));
}

}  // namespace datalake::lake
