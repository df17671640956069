#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/lake/feed_index.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/id_index.h"

namespace datalake::lake {

/// The keys of a feed's maps are hashes already.
struct KeyHasher {
  std::size_t operator()(const Hash128& key) const { return key.low; }
};

/// What a feed knows of the records that it has taken: which ids there are, on the disk or on their
/// way to it, which submissions were seen, which contents. Single-threaded (the feed's lock).
class FeedLedger {
 public:
  using Waiter = std::function<void(const Status&)>;

  /// The newest version known, on its way or durable; null when there is none. Valid until the
  /// next change.
  const IdEntry* Find(const Hash128& key) const { return index_.Find(key); }

  /// The newest durable version.
  const IdEntry* FindDurable(const Hash128& key) const;

  /// Calls `waiter` when `entry`, which Find gave and which is on its way, is durable or failed.
  /// False when it is not on its way.
  bool Await(const Hash128& key, const IdEntry& entry, Waiter waiter);

  /// An append of `entry` was queued.
  void Begin(const Hash128& key, const IdEntry& entry);

  /// It is durable at `sequence`, or failed (no sequence). Adds those that wait for it to
  /// `waiters`.
  void End(const Hash128& key, const IdEntry& entry, std::optional<std::uint64_t> sequence,
           std::vector<Waiter>& waiters);

  /// A record found when the feed was opened.
  void AddSealed(const IndexedRow& row, bool remember_content);
  void AddUnsealed(std::uint64_t sequence, const Hash128& key, const IdEntry& entry);

  /// Forgets what the withdrawal takes away; returns how many ids. What is on its way stands behind
  /// it in the log and stays.
  std::size_t Withdraw(const Withdrawal& withdrawal);

  /// Forgets durable records received before `day` (IdEntry::day).
  void ForgetBefore(std::int32_t day);

  /// Everything up to this number is in the table.
  void DropUnsealed(std::uint64_t last_sequence);

  /// True when the entry is not in the table yet.
  bool IsUnsealed(const IdEntry& entry) const { return entry.sequence > sealed_; }

  /// The body that was sent with this Idempotency-Key, if it is remembered.
  std::optional<std::uint64_t> FindKey(std::uint64_t key) const;
  void AddKey(const SubmissionHash& submission, std::int64_t received_us);

  bool HasContent(std::uint64_t hash) const { return contents_.contains(hash); }

  void AddContent(std::uint64_t hash) { contents_.insert(hash); }

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

  IdIndex index_;
  // Of ids whose newest version is on its way: the durable one before it, and who waits.
  std::unordered_map<Hash128, IdEntry, KeyHasher> before_;
  std::unordered_map<Hash128, std::vector<Waiting>, KeyHasher> waiting_;
  std::uint64_t sealed_ = 0;
  std::size_t unsealed_ = 0;
  std::deque<Stretch> stretches_;
  std::unordered_map<std::uint64_t, std::uint64_t> keys_;          // key → body
  std::deque<std::pair<std::int64_t, std::uint64_t>> keys_order_;  // received, key
  std::unordered_set<std::uint64_t> contents_;
};

}  // namespace datalake::lake
