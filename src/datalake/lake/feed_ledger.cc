#include "datalake/lake/feed_ledger.h"

#include <algorithm>

namespace datalake::lake {
namespace {

constexpr std::int64_t kKeyWindowUs = std::int64_t{7} * 24 * 3600 * 1'000'000;
constexpr std::size_t kMostKeys = 1'000'000;

}  // namespace

const IdEntry* FeedLedger::FindDurable(const Hash128& key) const {
  const IdEntry* entry = index_.Find(key);
  if (entry == nullptr || entry->sequence != IdEntry::kQueued) {
    return entry;
  }
  const auto before = before_.find(key);
  return before == before_.end() ? nullptr : &before->second;
}

bool FeedLedger::Await(const Hash128& key, const IdEntry& entry, Waiter waiter) {
  if (entry.sequence != IdEntry::kQueued) {
    return false;
  }
  waiting_[key].push_back({.version = entry.version, .waiter = std::move(waiter)});
  return true;
}

void FeedLedger::Begin(const Hash128& key, const IdEntry& entry) {
  if (const IdEntry* known = index_.Find(key);
      known != nullptr && known->sequence != IdEntry::kQueued) {
    before_[key] = *known;
  }
  IdEntry queued = entry;
  queued.sequence = IdEntry::kQueued;
  index_.Put(key, queued);
}

void FeedLedger::End(const Hash128& key, const IdEntry& entry,
                     std::optional<std::uint64_t> sequence, std::vector<Waiter>& waiters) {
  if (IdEntry* known = index_.FindMutable(key);
      known != nullptr && known->sequence == IdEntry::kQueued) {
    const bool is_newest = known->version == entry.version;
    if (sequence) {
      CountUnsealed(*sequence);
      if (is_newest) {
        known->sequence = *sequence;
        before_.erase(key);
      } else {
        IdEntry durable = entry;
        durable.sequence = *sequence;
        before_[key] = durable;
      }
    } else if (is_newest) {  // the log takes nothing any more
      const auto before = before_.find(key);
      if (before == before_.end()) {
        index_.Erase(key);
      } else {
        *known = before->second;
        before_.erase(before);
      }
    }
  }
  if (waiting_.empty()) {
    return;
  }
  const auto waiting = waiting_.find(key);
  if (waiting == waiting_.end()) {
    return;
  }
  auto& list = waiting->second;
  const auto ended = std::stable_partition(
      list.begin(), list.end(), [&](const Waiting& one) { return one.version > entry.version; });
  for (auto one = ended; one != list.end(); ++one) {
    waiters.push_back(std::move(one->waiter));
  }
  list.erase(ended, list.end());
  if (list.empty()) {
    waiting_.erase(waiting);
  }
}

void FeedLedger::AddSealed(const IndexedRow& row, bool remember_content) {
  PutNewer(index_, row.key, row.entry);
  if (row.submission != SubmissionHash{}) {
    AddKey(row.submission, row.received_us);
  }
  if (remember_content && row.content_hash != 0) {
    contents_.insert(row.content_hash);
  }
}

void FeedLedger::AddUnsealed(std::uint64_t sequence, const Hash128& key, const IdEntry& entry) {
  IdEntry durable = entry;
  durable.sequence = sequence;
  PutNewer(index_, key, durable);
  CountUnsealed(sequence);
}

void FeedLedger::CountUnsealed(std::uint64_t sequence) {
  constexpr std::size_t kStretchVersions = 1000;
  ++unsealed_;
  if (stretches_.empty() || stretches_.back().versions >= kStretchVersions) {
    stretches_.push_back({.last_sequence = sequence, .versions = 0});
  }
  stretches_.back().last_sequence = std::max(stretches_.back().last_sequence, sequence);
  ++stretches_.back().versions;
}

std::size_t FeedLedger::Withdraw(const Withdrawal& withdrawal) {
  const std::uint64_t submitter = SubmitterHash(withdrawal.submitter_id);
  const auto takes = [&](const IdEntry& entry) {
    return withdrawal.scope == WithdrawalScope::kSubmitter
               ? entry.submitter_hash == submitter && submitter != 0
               : entry.receipt == withdrawal.receipt && entry.receipt != ReceiptHash{};
  };
  std::size_t count = 0;
  if (withdrawal.scope == WithdrawalScope::kRecord) {
    const Hash128 key = IdKey(withdrawal.ingest_id);
    const IdEntry* known = index_.Find(key);
    if (known != nullptr && known->sequence != IdEntry::kQueued) {
      index_.Erase(key);
      return 1;
    }
    return before_.erase(key);
  }
  count += std::erase_if(before_, [&](const auto& one) { return takes(one.second); });
  return count + index_.EraseIf([&](const IdEntry& entry) {
    return entry.sequence != IdEntry::kQueued && takes(entry);
  });
}

void FeedLedger::ForgetBefore(std::int32_t day) {
  index_.EraseIf([day](const IdEntry& entry) {
    return entry.sequence != IdEntry::kQueued && entry.day < day;
  });
}

void FeedLedger::DropUnsealed(std::uint64_t last_sequence) {
  sealed_ = std::max(sealed_, last_sequence);
  while (!stretches_.empty() && stretches_.front().last_sequence <= last_sequence) {
    unsealed_ -= stretches_.front().versions;
    stretches_.pop_front();
  }
}

std::optional<std::uint64_t> FeedLedger::FindKey(std::uint64_t key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

void FeedLedger::AddKey(const SubmissionHash& submission, std::int64_t received_us) {
  if (!keys_.emplace(submission.key, submission.body).second) {
    return;
  }
  keys_order_.emplace_back(received_us, submission.key);
  while (keys_order_.size() > kMostKeys || keys_order_.front().first < received_us - kKeyWindowUs) {
    keys_.erase(keys_order_.front().second);
    keys_order_.pop_front();
  }
}

}  // namespace datalake::lake
