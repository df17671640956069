#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

namespace datalake::assets {

/// A part of the store: the assets whose folder number (the first four digits of the SHA-256) is at
/// least `first` and below `end`.
struct FolderRange {
  static constexpr std::uint32_t kAll = 65'536;
  std::uint32_t first = 0;
  std::uint32_t end = kAll;

  bool Contains(std::string_view sha256) const;
};

struct StoredAsset {
  std::string sha256;
  std::string extension;
};

/// What is condemned and waits for its time.
struct CondemnedState {
  std::string id;
  Timestamp condemned_at;
  std::uint64_t assets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t waiting_for = 0;  ///< writers that began before and have not ended
};

struct Trash {
  std::uint64_t assets = 0;
  std::uint64_t bytes = 0;
};

struct SweepResult {
  std::uint64_t removed = 0;  ///< moved to the trash
  std::uint64_t removed_bytes = 0;
  std::uint64_t spared = 0;  ///< linked again, or kept by a writer
};

using IsReferenced = std::function<bool(std::string_view sha256)>;

/// Removes an asset from the trash for good. Errors: kIo.
Status RemoveFromTrash(io::FileSystem& fs, std::string_view root, std::string_view sha256);

/// Collects assets that nothing links, in two phases with time between (specs: mark, condemn, sweep
/// as in rustic): Condemn writes the list of them; after a grace period Sweep moves those into the
/// trash that are still not linked; the trash is emptied later. Writers hold an AssetLease, so an
/// asset that a commit is about to link is never moved (docs/formats/assets.md, "Collection"). What
/// links an asset is the caller's to tell. Thread-compatible; any number of processes may try.
class AssetCollector {
 public:
  /// The store at `root`; the arguments must outlive it.
  AssetCollector(io::FileSystem& fs, const Clock& clock, Random& random, std::string root);

  /// Calls `visit` for every asset of the range. Memory: one folder. Errors: of `visit`;
  /// kCancelled.
  Status ForEach(const FolderRange& range, std::stop_token stop,
                 const std::function<Status(const StoredAsset&)>& visit) const;

  Result<std::uint64_t> SizeOf(const StoredAsset& asset) const;

  /// Nothing when there is no list. A damaged one is removed: nothing is lost by beginning again.
  Result<std::optional<CondemnedState>> State() const;

  /// The writers at work now: names of their leases.
  Result<std::vector<std::string>> LiveLeases() const;

  /// Writes the list; durable. Errors: kAlreadyExists (another list waits), kIo.
  Status Condemn(const std::vector<StoredAsset>& orphans);

  /// Checks that the list is older than `grace` and that no writer that began before it is left;
  /// call before looking what links the assets. Errors: kUnavailable (not yet; says why),
  /// kNotFound.
  Status CheckReady(std::chrono::seconds grace);

  /// Moves those of the list in `range` that are not referenced into the trash. `is_referenced`
  /// must have been made after CheckReady said yes. Call Finish after the last range. Errors:
  /// kConflict (another collector has taken the list over), kUnavailable, kIo.
  Result<SweepResult> Sweep(const FolderRange& range, const IsReferenced& is_referenced);

  /// Removes the list; durable. Errors: as Sweep.
  Status Finish();

  /// What is in the trash, and Empty: removes what was put there more than `age` ago.
  Result<Trash> ReadTrash() const;
  Result<Trash> EmptyTrash(std::chrono::seconds age);

 private:
  Result<std::vector<std::string>> WaitsFor(const std::string& id);
  Result<struct CondemnedList> ReadReady() const;
  std::string PathOf(std::string_view file) const;

  io::FileSystem& fs_;
  const Clock& clock_;
  Random& random_;
  const std::string root_;
  std::string ready_id_;  // of the list that CheckReady has looked at
};

}  // namespace datalake::assets
