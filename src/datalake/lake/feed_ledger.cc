#include "datalake/lake/feed_ledger.h"

#include <algorithm>
#include <utility>

#include "datalake/base/log.h"

namespace datalake::lake {
namespace {

// Keys of the smaller indexes: hashes already, but of 64 bits.
Hash128 Widened(std::uint64_t hash) {
  return Xxh3Hash128({reinterpret_cast<const char*>(&hash), sizeof(hash)});
}

}  // namespace

FeedLedger::FeedLedger(const LakeContext& context)
    : fs_(context.fs),
      index_(context.fs, context.random, {.folder = context.layout.index()}),
      keys_(context.fs, context.random, {.folder = context.layout.index()}),
      contents_(context.fs, context.random, {.folder = context.layout.index()}) {}

Result<const IdEntry*> FeedLedger::Find(const Hash128& key) {
  DATALAKE_TRY(health_);
  DATALAKE_TRY_ASSIGN(const IdEntry* known, index_.Find(key));
  return known;
}

Result<std::optional<IdEntry>> FeedLedger::FindDurable(const Hash128& key) const {
  DATALAKE_TRY(health_);
  DATALAKE_TRY_ASSIGN(const std::optional<IdEntry> entry, index_.Look(key));
  if (!entry || entry->sequence != IdEntry::kQueued) {
    return entry;
  }
  const auto before = before_.find(key);
  return before == before_.end() ? std::nullopt : std::optional(before->second);
}

bool FeedLedger::Await(const Hash128& key, const IdEntry& entry, Waiter waiter) {
  if (entry.sequence != IdEntry::kQueued) {
    return false;
  }
  waiting_[key].push_back({.version = entry.version, .waiter = std::move(waiter)});
  return true;
}

void FeedLedger::Begin(const Hash128& key, const IdEntry& entry) {
  if (const IdEntry* known = index_.FindInTable(key);
      known != nullptr && known->sequence != IdEntry::kQueued) {
    before_[key] = *known;
  }
  IdEntry queued = entry;
  queued.sequence = IdEntry::kQueued;
  index_.Put(key, queued);
}

void FeedLedger::End(const Hash128& key, const IdEntry& entry,
                     std::optional<std::uint64_t> sequence, std::vector<Waiter>& waiters) {
  if (IdEntry* known = index_.FindInTable(key);
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

Status FeedLedger::AddSealed(const IndexedRow& row, bool remember_content) {
  DATALAKE_TRY(PutNewer(index_, row.key, row.entry));
  DATALAKE_TRY(KeepUp(index_, row.received_us));
  if (row.submission != SubmissionHash{}) {
    DATALAKE_TRY(AddKey(row.submission, row.received_us));
    DATALAKE_TRY(KeepUp(keys_, row.received_us));
  }
  if (remember_content && row.content_hash != 0) {
    DATALAKE_TRY(AddContent(row.content_hash));
    DATALAKE_TRY(KeepUp(contents_, row.received_us));
  }
  return {};
}

Status FeedLedger::AddUnsealed(std::uint64_t sequence, const Hash128& key, const IdEntry& entry) {
  IdEntry durable = entry;
  durable.sequence = sequence;
  DATALAKE_TRY(PutNewer(index_, key, durable));
  CountUnsealed(sequence);
  return {};
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

Result<std::size_t> FeedLedger::Withdraw(const Withdrawal& withdrawal) {
  DATALAKE_TRY(health_);
  if (withdrawal.scope == WithdrawalScope::kRecord) {
    const Hash128 key = IdKey(withdrawal.ingest_id);
    const auto known = index_.Find(key);
    if (!known) {
      health_ = known.error();
      return known.error();
    }
    if (*known != nullptr && (*known)->sequence != IdEntry::kQueued) {
      index_.Erase(key);
      return std::size_t{1};
    }
    return before_.erase(key);
  }
  const std::uint64_t submitter = SubmitterHash(withdrawal.submitter_id);
  const auto takes = [&](const IdEntry& entry) {
    return withdrawal.scope == WithdrawalScope::kSubmitter
               ? entry.submitter_hash == submitter && submitter != 0
               : entry.receipt == withdrawal.receipt && entry.receipt != ReceiptHash{};
  };
  std::size_t count = std::erase_if(before_, [&](const auto& one) { return takes(one.second); });
  const auto erased = index_.EraseIf(
      [&](const IdEntry& entry) { return entry.sequence != IdEntry::kQueued && takes(entry); });
  if (!erased) {
    health_ = erased.error();
    return erased.error();
  }
  return count + *erased;
}

Status FeedLedger::ForgetBefore(std::int32_t day) {
  DATALAKE_TRY(health_);
  const auto erased = index_.EraseIf([day](const IdEntry& entry) {
    return entry.sequence != IdEntry::kQueued && entry.day < day;
  });
  health_ = erased ? Status() : Status(erased.error());
  return health_;
}

void FeedLedger::DropUnsealed(std::uint64_t last_sequence) {
  sealed_ = std::max(sealed_, last_sequence);
  while (!stretches_.empty() && stretches_.front().last_sequence <= last_sequence) {
    unsealed_ -= stretches_.front().versions;
    stretches_.pop_front();
  }
}

Result<std::optional<std::uint64_t>> FeedLedger::FindKey(std::uint64_t key,
                                                         std::int64_t now_us) const {
  DATALAKE_TRY_ASSIGN(const std::optional<IdEntry> found, keys_.Look(Widened(key)));
  const bool is_fresh =
      found && static_cast<std::int64_t>(found->sequence) >= now_us - kKeyWindowUs;
  return is_fresh ? std::optional(found->body_hash) : std::nullopt;
}

Status FeedLedger::AddKey(const SubmissionHash& submission, std::int64_t received_us) {
  const Hash128 key = Widened(submission.key);
  DATALAKE_TRY_ASSIGN(const IdEntry* known, keys_.Find(key));
  // A replay leaves the first time as it was.
  if (known == nullptr || static_cast<std::int64_t>(known->sequence) < received_us - kKeyWindowUs) {
    keys_.Put(key, {.body_hash = submission.body,
                    .sequence = static_cast<std::uint64_t>(received_us),
                    .version = 1});
  }
  return {};
}

Result<bool> FeedLedger::HasContent(std::uint64_t hash) const {
  DATALAKE_TRY_ASSIGN(const auto known, contents_.Look(Widened(hash)));
  return known.has_value();
}

Status FeedLedger::AddContent(std::uint64_t hash) {
  const Hash128 key = Widened(hash);
  DATALAKE_TRY_ASSIGN(const IdEntry* known, contents_.Find(key));
  if (known == nullptr) {
    contents_.Put(key, {.version = 1});
  }
  return {};
}

bool FeedLedger::WantsUpkeep() const {
  return index_.WantsUpkeep() || keys_.WantsUpkeep() || contents_.WantsUpkeep();
}

std::optional<FeedLedger::Upkeep> FeedLedger::BeginUpkeep(std::int64_t now_us) {
  if (index_.WantsUpkeep()) {
    return Upkeep{.index = &index_, .work = index_.BeginUpkeep()};
  }
  if (contents_.WantsUpkeep()) {
    return Upkeep{.index = &contents_, .work = contents_.BeginUpkeep()};
  }
  if (keys_.WantsUpkeep()) {
    return Upkeep{.index = &keys_, .work = keys_.BeginUpkeep([now_us](const IdEntry& entry) {
                    return static_cast<std::int64_t>(entry.sequence) < now_us - kKeyWindowUs;
                  })};
  }
  return std::nullopt;
}

void FeedLedger::EndUpkeep(Upkeep upkeep) {
  if (const Status ended = upkeep.index->EndUpkeep(std::move(upkeep.work)); !ended) {
    LogWarning("index of a feed stays in memory: " + ToString(ended.error()));
  }
}

// While a feed is opened nobody else needs the lock.
Status FeedLedger::KeepUp(IdIndex& index, std::int64_t now_us) {
  if (!index.WantsUpkeep()) {
    return {};
  }
  auto upkeep = BeginUpkeep(now_us);
  IdIndex::RunUpkeep(fs_, upkeep->work);
  return upkeep->index->EndUpkeep(std::move(upkeep->work));
}

}  // namespace datalake::lake
