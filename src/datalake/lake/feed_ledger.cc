#include "datalake/lake/feed_ledger.h"

#include <algorithm>

namespace datalake::lake {
namespace {

constexpr std::int64_t kKeyWindowUs = std::int64_t{7} * 24 * 3600 * 1'000'000;
constexpr std::size_t kMostKeys = 1'000'000;

}  // namespace

const IdEntry* FeedLedger::Find(const Hash128& key) const {
  const auto flying = inflight_.find(key);
  return flying != inflight_.end() ? &flying->second.entry : index_.Find(key);
}

FeedLedger::Inflight* FeedLedger::FindInflight(const Hash128& key) {
  const auto flying = inflight_.find(key);
  return flying == inflight_.end() ? nullptr : &flying->second;
}

void FeedLedger::Begin(const Hash128& key, const IdEntry& entry) {
  Inflight& flying = inflight_[key];
  flying.entry = entry;
  ++flying.appends;
}

std::vector<std::function<void(const Status&)>> FeedLedger::End(
    const Hash128& key, const IdEntry& entry, std::optional<std::uint64_t> sequence) {
  std::vector<std::function<void(const Status&)>> waiters;
  const auto flying = inflight_.find(key);
  if (sequence) {
    AddUnsealed(*sequence, key, entry);
  }
  if (flying != inflight_.end() && --flying->second.appends == 0) {
    waiters = std::move(flying->second.waiters);
    inflight_.erase(flying);
  }
  return waiters;
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
  PutNewer(index_, key, entry);
  std::uint64_t& last = unsealed_[key];
  last = std::max(last, sequence);
  unsealed_order_.emplace_back(sequence, key);
}

std::size_t FeedLedger::Withdraw(const Withdrawal& withdrawal) {
  if (withdrawal.scope == WithdrawalScope::kRecord) {
    const Hash128 key = IdKey(withdrawal.ingest_id);
    const bool known = index_.Find(key) != nullptr;
    index_.Erase(key);
    unsealed_.erase(key);
    return known ? 1 : 0;
  }
  const std::uint64_t submitter = SubmitterHash(withdrawal.submitter_id);
  const bool by_submitter = withdrawal.scope == WithdrawalScope::kSubmitter;
  // Those that are gone from the index are not looked up in unsealed_ any more.
  return index_.EraseIf([&](const IdEntry& entry) {
    return by_submitter ? entry.submitter_hash == submitter && submitter != 0
                        : entry.receipt == withdrawal.receipt && entry.receipt != ReceiptHash{};
  });
}

std::optional<std::uint64_t> FeedLedger::FindUnsealed(const Hash128& key) const {
  const auto found = unsealed_.find(key);
  return found == unsealed_.end() ? std::nullopt : std::optional(found->second);
}

void FeedLedger::DropUnsealed(std::uint64_t last_sequence) {
  while (!unsealed_order_.empty() && unsealed_order_.front().first <= last_sequence) {
    const auto record = unsealed_.find(unsealed_order_.front().second);
    if (record != unsealed_.end() && record->second <= last_sequence) {
      unsealed_.erase(record);
    }
    unsealed_order_.pop_front();
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
