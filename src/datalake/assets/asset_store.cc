#include "datalake/assets/asset_store.h"

#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/assets/asset_batch_internal.h"
#include "datalake/assets/collector.h"
#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/io/path.h"

namespace datalake::assets {
namespace {

class StoreImpl final : public AssetStore {
 public:
  StoreImpl(io::FileSystem& fs, const std::string& root, Random& random)
      : fs_(fs),
        random_(random),
        parts_{.fs = fs,
               .root = root,
               .known_folders = {},
               .folders = AssetFolders(fs, root),
               .blocklist = Blocklist(fs, root)} {}

  Result<PutResult> Put(io::InputStream& source) override {
    DATALAKE_TRY_ASSIGN(const auto batch, NewBatch());
    DATALAKE_TRY_ASSIGN(PutResult put, batch->Put(source));
    DATALAKE_TRY(batch->Commit());
    return put;
  }

  Result<PutResult> PutBytes(std::string_view bytes) override {
    DATALAKE_TRY_ASSIGN(const auto batch, NewBatch());
    DATALAKE_TRY_ASSIGN(PutResult put, batch->PutBytes(bytes));
    DATALAKE_TRY(batch->Commit());
    return put;
  }

  Result<std::unique_ptr<AssetBatch>> NewBatch() override {
    return MakeAssetBatch(parts_, random_);
  }

  Result<std::unique_ptr<AssetLease>> TakeLease() override {
    return TakeAssetLease(fs_, parts_.root, random_);
  }

  Result<std::unique_ptr<io::InputStream>> OpenAsset(std::string_view sha256) const override {
    DATALAKE_TRY_ASSIGN(const std::string path, FindPath(sha256));
    return fs_.OpenInput(io::JoinPath(root(), path));
  }

  Result<AssetInfo> Stat(std::string_view sha256) const override {
    return StatAsset(parts_, sha256);
  }

  Result<bool> Contains(std::string_view sha256) const override {
    DATALAKE_TRY(CheckSha256(sha256));
    return parts_.folders.Contains(sha256);
  }

  Status Remove(std::string_view sha256) override {
    DATALAKE_TRY(RemoveFromTrash(fs_, root(), sha256));
    const auto path = FindAssetPath(parts_, sha256);
    if (!path) {
      return path.error().code == ErrorCode::kNotFound ? Status() : path.error();
    }
    const Status removed = fs_.Remove(io::JoinPath(root(), *path));
    if (!removed && removed.error().code != ErrorCode::kNotFound) {
      return removed;
    }
    return fs_.SyncDirectory(io::JoinPath(root(), FolderOf(sha256)));
  }

  Blocklist& blocklist() override { return parts_.blocklist; }

  Status Verify(std::string_view sha256) const override {
    DATALAKE_TRY_ASSIGN(const std::string path, FindPath(sha256));
    DATALAKE_TRY_ASSIGN(const auto file, fs_.OpenInput(io::JoinPath(root(), path)));
    Sha256 hash;
    std::vector<std::byte> buffer(kInMemoryBytes);
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::size_t n, file->Read(buffer));
      if (n == 0) {
        break;
      }
      hash.Update(std::span(buffer).first(n));
    }
    const std::string found = ToHex(hash.Finish());
    if (found != sha256) {
      return Error{ErrorCode::kCorruption, fmt::format("asset is damaged, its bytes hash to {}: {}",
                                                       found, io::JoinPath(root(), path))};
    }
    return {};
  }

  Result<std::string> FindPath(std::string_view sha256) const override {
    return FindAssetPath(parts_, sha256);
  }

  const std::string& root() const override { return parts_.root; }

 private:
  io::FileSystem& fs_;
  Random& random_;
  mutable StoreParts parts_;  // caches, each with its own lock
};

}  // namespace

Status CheckSha256(std::string_view sha256) {
  if (IsSha256Hex(sha256)) {
    return {};
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("not a SHA-256 (64 lower-case hexadecimal digits): {}", sha256)};
}

Result<std::string> FindAssetPath(StoreParts& parts, std::string_view sha256) {
  DATALAKE_TRY(CheckSha256(sha256));
  const auto extension = parts.folders.FindExtension(sha256);
  if (extension) {
    return AssetPath(sha256, *extension);
  }
  if (extension.error().code != ErrorCode::kNotFound) {
    return extension.error();
  }
  const auto blocked = parts.blocklist.Load();
  if (blocked && (*blocked)->Contains(*ParseShortDigest(sha256))) {
    return Error{ErrorCode::kNotFound, fmt::format("asset was taken down: {}", sha256)};
  }
  return Error{ErrorCode::kNotFound, fmt::format("no such asset: {}", sha256)};
}

Result<AssetInfo> StatAsset(StoreParts& parts, std::string_view sha256) {
  DATALAKE_TRY_ASSIGN(const std::string path, FindAssetPath(parts, sha256));
  DATALAKE_TRY_ASSIGN(const auto file, parts.fs.OpenRandomAccess(io::JoinPath(parts.root, path)));
  DATALAKE_TRY_ASSIGN(MediaFacts facts, ReadMediaFacts(*file));
  return MakeInfo(std::string(sha256), file->size_bytes(), std::move(facts));
}

Result<std::unique_ptr<AssetStore>> AssetStore::Open(io::FileSystem& fs, std::string_view root,
                                                     Random& random) {
  Incoming::Clean(fs, root);
  return std::make_unique<StoreImpl>(fs, std::string(root), random);
}

std::string AssetPath(const AssetInfo& info) {
  return AssetPath(info.sha256, info.extension);
}

std::string AssetPath(std::string_view sha256, std::string_view extension) {
  std::string path;
  path.reserve(sha256.size() + extension.size() + 7);
  path.append(sha256, 0, 2).append(1, '/').append(sha256, 2, 2).append(1, '/');
  return path.append(sha256).append(1, '.').append(extension);
}

}  // namespace datalake::assets
