#pragma once

#include <cstdint>
#include <deque>
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
  /// The newest version of an id that is on its way to the disk.
  struct Inflight {
    IdEntry entry;
    std::size_t appends = 0;
    std::vector<std::function<void(const Status&)>> waiters;  ///< the same body, sent again
  };

  /// The newest version known, on its way or durable; null when there is none.
  const IdEntry* Find(const Hash128& key) const;

  /// The one on its way, if any.
  Inflight* FindInflight(const Hash128& key);

  /// Durable ids only.
  const IdEntry* FindDurable(const Hash128& key) const { return index_.Find(key); }

  /// An append of `entry` was queued.
  void Begin(const Hash128& key, const IdEntry& entry);

  /// It is durable at `sequence`, or failed (no sequence). Returns those that wait for it.
  std::vector<std::function<void(const Status&)>> End(const Hash128& key, const IdEntry& entry,
                                                      std::optional<std::uint64_t> sequence);

  /// A record found when the feed was opened.
  void AddSealed(const IndexedRow& row, bool remember_content);
  void AddUnsealed(std::uint64_t sequence, const Hash128& key, const IdEntry& entry);

  /// Forgets what the withdrawal takes away; returns how many ids.
  std::size_t Withdraw(const Withdrawal& withdrawal);

  /// Where the newest version lies in the log, when it is not in the table.
  std::optional<std::uint64_t> FindUnsealed(const Hash128& key) const;

  /// Everything up to this number is in the table.
  void DropUnsealed(std::uint64_t last_sequence);

  /// The body that was sent with this Idempotency-Key, if it is remembered.
  std::optional<std::uint64_t> FindKey(std::uint64_t key) const;
  void AddKey(const SubmissionHash& submission, std::int64_t received_us);

  bool HasContent(std::uint64_t hash) const { return contents_.contains(hash); }

  void AddContent(std::uint64_t hash) { contents_.insert(hash); }

  std::size_t size() const { return index_.size(); }

  std::size_t unsealed() const { return unsealed_order_.size(); }

 private:
  IdIndex index_;
  std::unordered_map<Hash128, Inflight, KeyHasher> inflight_;
  std::unordered_map<Hash128, std::uint64_t, KeyHasher> unsealed_;
  std::deque<std::pair<std::uint64_t, Hash128>> unsealed_order_;
  std::unordered_map<std::uint64_t, std::uint64_t> keys_;          // key → body
  std::deque<std::pair<std::int64_t, std::uint64_t>> keys_order_;  // received, key
  std::unordered_set<std::uint64_t> contents_;
};

}  // namespace datalake::lake
