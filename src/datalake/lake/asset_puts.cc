#include "datalake/lake/asset_puts.h"

#include <utility>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/lease.h"

namespace datalake::lake {
namespace {

// A batch is worth its two syncs, and no more than this waits to be written at once.
constexpr std::uint64_t kNewPutsPerBatch = 2'500;
constexpr std::uint64_t kBytesPerBatch = std::uint64_t{128} << 20;
constexpr std::uint64_t kPutsPerBatch = 250'000;  // of known bytes; some 60 bytes of memory each
constexpr std::size_t kCommitsAtOnce = 2;

}  // namespace

Result<std::unique_ptr<AssetPuts>> AssetPuts::Open(assets::AssetStore& store) {
  DATALAKE_TRY_ASSIGN(auto lease, store.TakeLease());
  return std::unique_ptr<AssetPuts>(new AssetPuts(store, std::move(lease)));
}

AssetPuts::AssetPuts(assets::AssetStore& store, std::unique_ptr<assets::AssetLease> lease)
    : store_(store), lease_(std::move(lease)), committers_(kCommitsAtOnce) {}

AssetPuts::~AssetPuts() = default;

Result<assets::AssetBatch*> AssetPuts::Batch() {
  if (batch_ == nullptr) {
    DATALAKE_TRY_ASSIGN(batch_, store_.NewBatch());
  }
  return batch_.get();
}

Status AssetPuts::Add(const PutCounts& puts) {
  puts_.all += puts.all;
  puts_.were_new += puts.were_new;
  puts_.new_bytes += puts.new_bytes;
  const bool is_full = puts_.were_new >= kNewPutsPerBatch || puts_.new_bytes >= kBytesPerBatch ||
                       puts_.all >= kPutsPerBatch;
  return is_full ? GiveAway() : Status();
}

Status AssetPuts::GiveAway() {
  puts_ = {};
  if (batch_ == nullptr) {
    return {};
  }
  while (commits_.size() >= kCommitsAtOnce) {
    DATALAKE_TRY(FinishOldest());
  }
  auto promise = std::make_shared<std::promise<Status>>();
  commits_.push_back(promise->get_future());
  return committers_.Submit([promise, batch = std::exchange(batch_, nullptr)]() mutable {
    Status committed = batch->Commit();
    batch.reset();  // its folder goes here, not where the next one is filled
    promise->set_value(std::move(committed));
  });
}

Status AssetPuts::FinishOldest() {
  Status done = commits_.front().get();
  commits_.pop_front();
  return done;
}

Status AssetPuts::Commit() {
  DATALAKE_TRY(GiveAway());
  while (!commits_.empty()) {
    DATALAKE_TRY(FinishOldest());
  }
  return {};
}

}  // namespace datalake::lake
