#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/lake/feed_index.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/id_index.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

/// The keys of a feed's maps are hashes already.
struct KeyHasher {
  std::size_t operator()(const Hash128& key) const { return key.low; }
};

/// What a feed knows of the records that it has taken: which ids there are, on the disk or on their
/// way to it, which submissions were seen, which contents; in bounded memory (IdIndex).
/// Single-threaded (the feed's lock).
class FeedLedger {
 public:
  using Waiter = std::function<void(const Status&)>;

  /// Idempotency keys are remembered for so long.
  static constexpr std::int64_t kKeyWindowUs = std::int64_t{7} * 24 * 3600 * 1'000'000;

  /// `context` must outlive it.
  explicit FeedLedger(const LakeContext& context);

  /// The newest version known, on its way or durable; null when there is none. Valid until the
  /// next call. Errors: kIo.
  Result<const IdEntry*> Find(const Hash128& key);

  /// The newest durable version. Errors: kIo.
  Result<std::optional<IdEntry>> FindDurable(const Hash128& key) const;

  /// Calls `waiter` when `entry`, which Find gave and which is on its way, is durable or failed.
  /// False when it is not on its way.
  bool Await(const Hash128& key, const IdEntry& entry, Waiter waiter);

  /// An append of `entry` was queued; Find was asked for it before.
  void Begin(const Hash128& key, const IdEntry& entry);

  /// It is durable at `sequence`, or failed (no sequence). Adds those that wait for it to
  /// `waiters`.
  void End(const Hash128& key, const IdEntry& entry, std::optional<std::uint64_t> sequence,
           std::vector<Waiter>& waiters);

  /// A record found when the feed was opened. Errors: kIo.
  Status AddSealed(const IndexedRow& row, bool remember_content);
  Status AddUnsealed(std::uint64_t sequence, const Hash128& key, const IdEntry& entry);

  /// Forgets what the withdrawal takes away; returns how many ids. What is on its way stands behind
  /// it in the log and stays. After an error every call fails with it.
  Result<std::size_t> Withdraw(const Withdrawal& withdrawal);

  /// Forgets durable records received before `day` (IdEntry::day). Errors as Withdraw.
  Status ForgetBefore(std::int32_t day);

  /// Everything up to this number is in the table.
  void DropUnsealed(std::uint64_t last_sequence);

  /// True when the entry is not in the table yet.
  bool IsUnsealed(const IdEntry& entry) const { return entry.sequence > sealed_; }

  /// The body that was sent with this Idempotency-Key, if it is remembered. Errors: kIo.
  Result<std::optional<std::uint64_t>> FindKey(std::uint64_t key, std::int64_t now_us) const;
  Status AddKey(const SubmissionHash& submission, std::int64_t received_us);

  /// Errors: kIo.
  Result<bool> HasContent(std::uint64_t hash) const;
  Status AddContent(std::uint64_t hash);

  /// The error after which nothing is known any more, if there was one.
  const Status& health() const { return health_; }

  /// What moves entries from memory to the disk when there are many, if any is due: run its
  /// IdIndex::RunUpkeep without the lock, then give it back. One at a time.
  struct Upkeep {
    IdIndex* index = nullptr;
    IdUpkeep work;
  };

  bool WantsUpkeep() const;
  std::optional<Upkeep> BeginUpkeep(std::int64_t now_us);
  static void EndUpkeep(Upkeep upkeep);

  std::size_t size() const { return index_.size(); }

  /// Versions not in the table, up to a thousand too many while it is being filled.
  std::size_t unsealed() const { return unsealed_; }

 private:
  struct Waiting {
    std::uint32_t version;
    Waiter waiter;
  };

  // Versions of a stretch of the log.
  struct Stretch {
    std::uint64_t last_sequence;
    std::size_t versions;
  };

  void CountUnsealed(std::uint64_t sequence);
  Status KeepUp(IdIndex& index, std::int64_t now_us);

  io::FileSystem& fs_;
  Status health_;
  IdIndex index_;
  // Of ids whose newest version is on its way: the durable one before it, and who waits.
  std::unordered_map<Hash128, IdEntry, KeyHasher> before_;
  std::unordered_map<Hash128, std::vector<Waiting>, KeyHasher> waiting_;
  std::uint64_t sealed_ = 0;
  std::size_t unsealed_ = 0;
  std::deque<Stretch> stretches_;
  IdIndex keys_;      // body_hash; sequence is the time of receipt in microseconds
  IdIndex contents_;  // nothing but the key
};

}  // namespace datalake::lake
