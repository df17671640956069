#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "datalake/assets/digest_set.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

namespace datalake::assets {

/// Held by whoever is about to make rows or a collection that link assets, from before it looks at
/// the first one until its commit is done: while it is held, no asset that was put or kept under it
/// is collected, whether or not anything links it yet (docs/formats/assets.md, "Collection"). Dies
/// with its process. Thread-safe.
class AssetLease {
 public:
  virtual ~AssetLease() = default;

  /// Says that the asset, which is there already, is about to be linked. True when it was
  /// condemned: then look again whether it is there. Costs nothing unless assets are condemned.
  /// Errors: kUnavailable (a sweep holds the lock for long), kIo.
  virtual Result<bool> Keep(std::string_view sha256) = 0;

  /// True when Keep would do anything: some assets are condemned.
  virtual bool anything_condemned() const = 0;
};

/// Takes a lease on the store at `root`. Cost: one small file, nothing synced. `fs` must outlive
/// it.
Result<std::unique_ptr<AssetLease>> TakeAssetLease(io::FileSystem& fs, std::string_view root,
                                                   Random& random);

// Internal to assets/: files below the root of the store.
inline constexpr std::string_view kGcFolder = ".gc";
inline constexpr std::string_view kLeaseFolder = ".gc/leases";
inline constexpr std::string_view kKeptFolder = ".gc/kept";
inline constexpr std::string_view kCondemnedFile = ".gc/condemned";
inline constexpr std::string_view kSweepLock = ".gc/LOCK";

}  // namespace datalake::assets
