#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <memory>

#include "datalake/base/result.h"
#include "datalake/base/thread_pool.h"

namespace datalake::assets {
class AssetBatch;
class AssetLease;
class AssetStore;
}  // namespace datalake::assets

namespace datalake::lake {

/// What has gone into a batch.
struct PutCounts {
  std::uint64_t all = 0;       ///< puts that found their bytes in the store included
  std::uint64_t were_new = 0;  ///< those that did not
  std::uint64_t new_bytes = 0;
};

/// Puts any number of assets in batches: full ones are synced and published while the next is
/// filled. What was put or referenced is safe from collection as long as this lives: keep it until
/// the rows that link it are committed or staged. Single-threaded, but for the batch itself.
class AssetPuts {
 public:
  /// `store` must outlive it. Errors: those of AssetStore::TakeLease.
  static Result<std::unique_ptr<AssetPuts>> Open(assets::AssetStore& store);
  ~AssetPuts();

  /// To put into until the next Add or Commit, on any number of threads. Errors: those of
  /// AssetStore::NewBatch.
  Result<assets::AssetBatch*> Batch();

  /// Says what has gone into the batch since the last call, and gives a full batch away. Nobody may
  /// be putting meanwhile. Errors: those of AssetBatch::Commit, of a batch that was given away
  /// before; after one nothing is promised of all that was put.
  Status Add(const PutCounts& puts);

  /// Begins to make all that was put durable, for Commit to wait for. Errors as Add.
  Status BeginCommit() { return GiveAway(); }

  /// Makes all that was put durable. Errors as Add.
  Status Commit();

 private:
  AssetPuts(assets::AssetStore& store, std::unique_ptr<assets::AssetLease> lease);

  Status GiveAway();
  Status FinishOldest();

  assets::AssetStore& store_;
  const std::unique_ptr<assets::AssetLease> lease_;
  std::shared_ptr<assets::AssetBatch> batch_;  // null: the next one is made when it is asked for
  PutCounts puts_;                             // in batch_
  std::deque<std::future<Status>> commits_;
  ThreadPool committers_;  // last: it ends before what its tasks work on
};

}  // namespace datalake::lake
