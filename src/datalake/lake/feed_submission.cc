#include "datalake/lake/feed_submission.h"

#include <future>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/hex.h"
#include "datalake/base/id.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_index.h"

namespace datalake::lake {
namespace {

using Outcome = FeedAnswer::Outcome;

// The id of a record without one whose submission has a key: the same again for the same key.
std::string DerivedId(std::string_view key, std::size_t number) {
  const Hash128 hash = Xxh3Hash128(fmt::format("{}\n{}", number, key));
  return fmt::format("{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}", hash.high >> 32,
                     (hash.high >> 16) & 0xffff, hash.high & 0xfff,
                     0x8000 | ((hash.low >> 48) & 0x3fff), hash.low & 0xffffffffffff);
}

void DecideOne(const RecordChecker& checker, FeedLedger& ledger, const PendingPtr& pending,
               std::size_t at) {
  Candidate& candidate = pending->candidates[at];
  Result<FeedAnswer>& answer = pending->answer.records[at];
  if (!answer) {
    return;  // too large
  }
  answer->ingest_id = candidate.ingest_id;
  // The same id earlier in the same submission counts as known.
  const auto earlier = pending->newest.find(candidate.key);
  const bool is_in_submission = earlier != pending->newest.end();
  const auto found = is_in_submission
                         ? Result<const IdEntry*>(&pending->candidates[earlier->second].entry)
                         : ledger.Find(candidate.key);
  if (!found) {
    answer = found.error();
    return;
  }
  const IdEntry* const known = *found;
  if (known == nullptr && candidate.checked.problems.empty() &&
      candidate.checked.content_hash != 0) {
    const auto is_known = ledger.HasContent(candidate.checked.content_hash);
    if (!is_known) {
      answer = is_known.error();
      return;
    }
    if (*is_known) {
      checker.Apply(FeedRule::kDuplicateContent, "", candidate.checked);
    }
  }
  if (!candidate.checked.problems.empty()) {
    answer->outcome = Outcome::kInvalid;
    answer->problems = std::move(candidate.checked.problems);
    return;
  }
  answer->reasons = candidate.checked.reasons;
  answer->flags = candidate.checked.marks;
  candidate.entry.version = 1;
  candidate.entry.receipt = pending->receipt;
  candidate.entry.is_quarantined = candidate.checked.reasons.empty() ? 0 : 1;
  answer->outcome = candidate.entry.is_quarantined != 0 ? Outcome::kQuarantined : Outcome::kStored;
  if (known != nullptr) {
    if (known->body_hash == candidate.entry.body_hash) {
      answer->version = known->version;
      answer->outcome = known->is_quarantined != 0 ? Outcome::kQuarantined : Outcome::kReplayed;
      if (is_in_submission) {
        candidate.repeats = earlier->second;
      }
      if (!is_in_submission && known->sequence == IdEntry::kQueued) {
        ++pending->waits;
        ledger.Await(candidate.key, *known, [pending, at](const Status& status) {
          if (!status) {
            pending->answer.records[at] = status.error();
          }
          Release(pending);
        });
      }
      return;
    }
    const bool same_submitter = candidate.entry.submitter_hash != 0 &&
                                known->submitter_hash == candidate.entry.submitter_hash;
    const bool has_receipt =
        !pending->submission.from.receipt_token.empty() && known->receipt == pending->receipt;
    if (!candidate.is_own_id || (!same_submitter && !has_receipt)) {
      answer = Error{ErrorCode::kConflict,
                     fmt::format("ingest_id is taken by another record: {}", candidate.ingest_id)};
      return;
    }
    candidate.entry.receipt = known->receipt;
    candidate.entry.day = known->day;
    candidate.entry.version = (known->version + 1) & 0x7fffffffU;
    answer->outcome = answer->outcome == Outcome::kStored ? Outcome::kReplaced : answer->outcome;
  }
  answer->version = candidate.entry.version;
  candidate.is_stored = true;
  pending->newest[candidate.key] = at;
}

}  // namespace

void Release(const PendingPtr& pending) {
  if (--pending->waits == 0) {
    pending->done(std::move(pending->answer));
  }
}

void LookAtRecords(const RecordChecker& checker, std::uint64_t max_bytes, Random& random,
                   PendingSubmission& pending) {
  const std::string& key = pending.submission.from.idempotency_key;
  const std::string_view text = pending.submission.text;
  std::size_t number = 0;
  for (const auto& [offset, size] : pending.submission.records) {
    Candidate candidate;
    candidate.body = text.substr(offset, size);
    pending.answer.records.emplace_back(FeedAnswer{.outcome = Outcome::kLeftOut});
    if (size > max_bytes) {
      pending.answer.records.back() =
          Error{ErrorCode::kInvalidArgument,
                fmt::format("record is too large: {} bytes, at most {}", size, max_bytes)};
    } else {
      candidate.checked = checker.Check(candidate.body);
      if (candidate.checked.ingest_id) {
        candidate.ingest_id = *candidate.checked.ingest_id;
      } else {
        candidate.is_own_id = false;
        candidate.ingest_id = key.empty() ? MakeUuid(random) : DerivedId(key, number);
      }
      candidate.key = IdKey(candidate.ingest_id);
      candidate.entry.body_hash = BodyHash(candidate.body);
      candidate.entry.submitter_hash = SubmitterHash(candidate.checked.submitter_id);
    }
    pending.candidates.push_back(std::move(candidate));
    ++number;
  }
}

void DecideSubmission(const RecordChecker& checker, std::int64_t now_us, FeedLedger& ledger,
                      const PendingPtr& pending) {
  const std::string& key = pending->submission.from.idempotency_key;
  if (!key.empty()) {
    const auto body = ledger.FindKey(Xxh3Hash64(key), now_us);
    if (!body || (*body && **body != Xxh3Hash64(pending->submission.text))) {
      for (Result<FeedAnswer>& answer : pending->answer.records) {
        answer = !body ? body.error()
                       : Error{ErrorCode::kConflict, "Idempotency-Key was used with another body"};
      }
      return;
    }
  }
  bool has_refused = false;
  for (std::size_t i = 0; i < pending->candidates.size(); ++i) {
    DecideOne(checker, ledger, pending, i);
    const Result<FeedAnswer>& answer = pending->answer.records[i];
    has_refused = has_refused || !answer || answer->outcome == Outcome::kInvalid;
  }
  if (has_refused && pending->submission.mode == SubmissionMode::kAll) {
    for (std::size_t i = 0; i < pending->candidates.size(); ++i) {
      if (std::exchange(pending->candidates[i].is_stored, false) ||
          pending->candidates[i].repeats) {
        pending->answer.records[i] = FeedAnswer{.outcome = Outcome::kLeftOut};
      }
    }
    pending->newest.clear();
  }
}

std::string ReceiptTokens::Make() {
  const MutexLock lock(mutex_);
  if (used_ + kBytes > block_.size()) {
    random_.Fill(block_);
    used_ = 0;
  }
  const auto bytes = std::span(block_).subspan(used_, kBytes);
  used_ += kBytes;
  return ToHex(bytes);
}

void Feed::AppendAsync(std::string body, Contribution from, Done done) {
  Submission submission{.text = std::move(body), .from = std::move(from)};
  submission.records = {{0, submission.text.size()}};
  SubmitAsync(std::move(submission), [done = std::move(done)](SubmissionAnswer answer) {
    Result<FeedAnswer>& record = answer.records.front();
    if (record) {
      record->receipt_token = std::move(answer.receipt_token);
    }
    done(std::move(record));
  });
}

Result<FeedAnswer> Feed::Append(std::string body, Contribution from) {
  std::promise<Result<FeedAnswer>> promise;
  auto future = promise.get_future();
  AppendAsync(std::move(body), std::move(from),
              [&promise](Result<FeedAnswer> answer) { promise.set_value(std::move(answer)); });
  return future.get();
}

SubmissionAnswer Feed::Submit(Submission submission) {
  std::promise<SubmissionAnswer> promise;
  auto future = promise.get_future();
  SubmitAsync(std::move(submission),
              [&promise](SubmissionAnswer answer) { promise.set_value(std::move(answer)); });
  return future.get();
}

}  // namespace datalake::lake
