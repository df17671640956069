#pragma once

#include <bitset>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "datalake/assets/asset_folders.h"
#include "datalake/assets/asset_store.h"
#include "datalake/assets/blocklist.h"
#include "datalake/assets/incoming.h"
#include "datalake/assets/lease.h"
#include "datalake/assets/media_facts.h"
#include "datalake/base/mutex.h"

// Internal to assets/.
namespace datalake::assets {

// Larger assets are written while they are hashed; smaller ones only once they are known to be new.
inline constexpr std::size_t kInMemoryBytes = std::size_t{256} << 10;

AssetInfo MakeInfo(std::string sha256, std::uint64_t size, MediaFacts facts);

/// The folders that this store has seen durable under their parents. Thread-safe.
class KnownFolders {
 public:
  /// By number, 0x0000 for "00/00" to 0xffff.
  bool Contains(std::size_t folder) const;
  void Add(const std::set<std::size_t>& folders);

 private:
  static constexpr std::size_t kFolders = 65'536;  // ab/cd

  mutable Mutex mutex_;
  std::bitset<kFolders> known_ DATALAKE_GUARDED_BY(mutex_);
};

/// What batches share with their store, which outlives them.
struct StoreParts {
  io::FileSystem& fs;
  std::string root;
  KnownFolders known_folders;
  AssetFolders folders;
  Blocklist blocklist;
};

/// Makes a batch; see AssetStore::NewBatch.
Result<std::unique_ptr<AssetBatch>> MakeAssetBatch(StoreParts& parts, Random& random);

/// "not a SHA-256 …" unless it is one.
Status CheckSha256(std::string_view sha256);

/// The facts of an asset that is there; kNotFound names it.
Result<AssetInfo> StatAsset(StoreParts& parts, std::string_view sha256);

/// "ab/cd/<sha256>.<ext>" of an asset that is there. Errors: kNotFound, saying when it was taken
/// down; kInvalidArgument.
Result<std::string> FindAssetPath(StoreParts& parts, std::string_view sha256);

}  // namespace datalake::assets
