#include "datalake/lake/feed.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datalake/base/hash.h"
#include "datalake/base/hex.h"
#include "datalake/base/id.h"
#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/base/name.h"
#include "datalake/io/file_system.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_index.h"
#include "datalake/lake/feed_ledger.h"
#include "datalake/lake/feed_quarantine.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/feed_submission.h"
#include "datalake/lake/feed_table.h"
#include "datalake/lake/record_checker.h"
#include "datalake/table/table.h"
#include "datalake/wal/wal.h"

namespace datalake::lake {
namespace {

using Outcome = FeedAnswer::Outcome;

// One WAL record of a submission holds at most about so many bytes, unless it is all or nothing.
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::uint64_t kMaxPayloadBytes = std::uint64_t{128} << 20;
constexpr std::int64_t kFreeCheckNanos = 200'000'000;

// The body with `_lake` as its last member. `body` is a JSON object that is not empty.
std::string WithLakeMember(std::string_view body, std::string_view ingest_id, std::int64_t version,
                           Timestamp received) {
  const std::string_view members = body.substr(0, body.rfind('}'));
  const bool is_empty =
      members.find_first_not_of(" \t\r\n", members.find('{') + 1) == std::string_view::npos;
  std::string member;
  json::Writer writer(member);
  writer.BeginObject();
  writer.Key("ingest_id");
  writer.String(ingest_id);
  writer.Key("day");
  writer.String(FormatDay(received));
  writer.Key("received");
  writer.String(FormatTimestamp(received));
  writer.Key("version");
  writer.Int(version);
  writer.EndObject();
  return fmt::format("{}{}\"_lake\":{}}}", members, is_empty ? "" : ",", member);
}

class FeedImpl final : public Feed {
 public:
  FeedImpl(Lake& lake, std::string_view name, const FeedOptions& options, FeedTables tables,
           const RecordChecker& checker)
      : context_(lake.context()),
        name_(name),
        options_(options),
        tables_(std::move(tables)),
        checker_(std::make_shared<const RecordChecker>(checker)) {}

  Status Recover();

  std::shared_ptr<const FeedDefinition> definition() const override {
    const auto checker = Checker();
    return {checker, &checker->definition()};
  }

  Status Reload() override;
  void SubmitAsync(Submission submission, SubmitDone done) override;
  void Withdraw(Withdrawal withdrawal, WithdrawDone done) override;
  bool Owns(std::string_view ingest_id, std::string_view receipt_token) override;
  Result<RecordFacts> Find(std::string_view ingest_id) override;
  Result<std::string> Get(std::string_view ingest_id) override;

  Result<SealReport> Seal() override {
    DATALAKE_TRY(wal_->Seal());
    return SealClosed();
  }

  Result<SealReport> SealClosed() override;

  bool WantsSeal() override {
    if (!wal_->SealedSegments().empty()) {
      return true;
    }
    const MutexLock lock(mutex_);
    return ledger_.WantsUpkeep();
  }

  Result<ReplayReport> ReplayQuarantine(ReplayMode mode) override;
  FeedStats stats() override;

  Status health() const override { return wal_->health(); }

 private:
  std::shared_ptr<const RecordChecker> Checker() const {
    const MutexLock lock(checker_mutex_);
    return checker_;
  }

  Status IndexTables(const RecordChecker& checker) DATALAKE_REQUIRES(mutex_);
  Status IndexLog(const RecordChecker& checker, std::uint64_t applied) DATALAKE_REQUIRES(mutex_);
  std::optional<Result<FeedAnswer>> Room();
  void Queue(const PendingPtr& pending, const RecordChecker& checker) DATALAKE_REQUIRES(mutex_);
  void QueueChunk(const PendingPtr& pending, std::string payload, std::size_t begin,
                  std::size_t end) DATALAKE_REQUIRES(mutex_);
  void OnAppended(const PendingPtr& pending, const Result<std::uint64_t>& sequence,
                  std::size_t begin, std::size_t end);
  void OnWithdrawn(const Withdrawal& withdrawal, const Result<std::uint64_t>& sequence,
                   const WithdrawDone& done);
  Status ApplyRetention();
  void KeepUpIndex();
  void Note(const Status& remembered);
  Result<StoredRecord> ReadUnsealed(std::uint64_t sequence, std::string_view ingest_id,
                                    std::int64_t version);

  const LakeContext context_;
  const std::string name_;
  const FeedOptions options_;
  FeedTables tables_;

  mutable Mutex checker_mutex_;
  std::shared_ptr<const RecordChecker> checker_ DATALAKE_GUARDED_BY(checker_mutex_);

  Mutex seal_mutex_;                // one Seal at a time; taken before mutex_
  std::int32_t retained_day_ = -1;  // on which retention was applied last; by the one who seals
  Mutex mutex_;
  FeedLedger ledger_ DATALAKE_GUARDED_BY(mutex_){context_};
  ReceiptTokens tokens_{context_.random};
  std::atomic<std::int64_t> free_checked_nanos_{0};
  std::atomic<bool> disk_is_full_{false};
  // Last member, so destroyed first: its thread calls back into the others.
  std::unique_ptr<wal::Wal> wal_;
};

Status FeedImpl::Recover() {
  DATALAKE_TRY_ASSIGN(const auto snapshot, tables_.records().Snapshot());
  const auto applied =
      static_cast<std::uint64_t>(snapshot->txn_version(FeedAppId(name_)).value_or(0));
  const wal::WalOptions options{.segment_bytes = options_.segment_bytes,
                                .segment_age = options_.segment_age,
                                .max_record_bytes = kMaxPayloadBytes,
                                .first_sequence = applied + 1};
  DATALAKE_TRY_ASSIGN(wal_, wal::Wal::Open(context_.fs, context_.clock, context_.random,
                                           context_.layout.Wal(name_), options));
  for (const wal::QuarantinedSegment& segment : wal_->recovery().quarantined) {
    LogError(fmt::format(
        "damaged segment of feed {} was set aside; post again what SalvageSegment reads "
        "of it, never rename it back (records at or below the sealed number would be "
        "dropped as already applied): {}: {}",
        name_, segment.path, segment.reason));
  }
  const auto checker = Checker();
  const MutexLock lock(mutex_);
  DATALAKE_TRY(IndexTables(*checker));
  return IndexLog(*checker, applied);
}

Status FeedImpl::IndexTables(const RecordChecker& checker) {
  const bool contents =
      checker.definition().ActionOf(FeedRule::kDuplicateContent) != RuleAction::kKeep;
  const auto add = [&](const IndexedRow& row)
                       DATALAKE_REQUIRES(mutex_) { return ledger_.AddSealed(row, contents); };
  if (tables_.quarantine() != nullptr) {
    DATALAKE_TRY_ASSIGN(auto snapshot, tables_.quarantine()->Snapshot());
    DATALAKE_TRY(
        VisitIndexedRows(context_, std::move(snapshot), FeedTableKind::kQuarantine, checker, add));
  }
  DATALAKE_TRY_ASSIGN(auto snapshot, tables_.records().Snapshot());
  return VisitIndexedRows(context_, std::move(snapshot), FeedTableKind::kRecords, checker, add);
}

Status FeedImpl::IndexLog(const RecordChecker& checker, std::uint64_t applied) {
  const auto add = [&](std::uint64_t sequence, const FeedEntry& entry)
                       DATALAKE_REQUIRES(mutex_) -> Status {
    if (const auto* withdrawal = std::get_if<Withdrawal>(&entry)) {
      DATALAKE_TRY(ledger_.Withdraw(*withdrawal));
      return {};
    }
    const auto& record = std::get<FeedRecord>(entry);
    const CheckedRecord checked = checker.Check(record.body);
    DATALAKE_TRY(ledger_.AddUnsealed(sequence, IdKey(record.ingest_id),
                                     EntryOf(record, checked.submitter_id)));
    if (record.submission != SubmissionHash{}) {
      DATALAKE_TRY(ledger_.AddKey(record.submission, record.received.time_since_epoch().count()));
    }
    if (record.content_hash != 0 &&
        checker.definition().ActionOf(FeedRule::kDuplicateContent) != RuleAction::kKeep) {
      DATALAKE_TRY(ledger_.AddContent(record.content_hash));
    }
    return {};
  };
  for (const wal::SegmentInfo& segment : wal_->SealedSegments()) {
    if (segment.last_sequence <= applied) {
      continue;  // in the table; its removal was lost
    }
    DATALAKE_TRY(wal_->ReadSegment(segment, [&](const wal::Record& record) {
      return ForEachFeedEntry(record.payload,
                              [&](const FeedEntry& entry) { return add(record.sequence, entry); });
    }));
  }
  return {};
}

Status FeedImpl::Reload() {
  DATALAKE_TRY_ASSIGN(const FeedDefinition definition, FeedDefinitions(context_).Find(name_));
  {
    const MutexLock lock(checker_mutex_);
    if (checker_->definition() == definition) {
      return {};
    }
  }
  DATALAKE_TRY_ASSIGN(RecordChecker checker, RecordChecker::Make(definition, options_.content));
  const MutexLock lock(checker_mutex_);
  checker_ = std::make_shared<const RecordChecker>(std::move(checker));
  return {};
}

// Nothing, or why no record is taken now.
std::optional<Result<FeedAnswer>> FeedImpl::Room() {
  if (wal_->size_bytes() > options_.max_unsealed_bytes) {
    return Result<FeedAnswer>(FeedAnswer{.outcome = Outcome::kBusy});
  }
  const std::int64_t now = context_.clock.SteadyNanos();
  std::int64_t last = free_checked_nanos_;
  if ((last == 0 || now - last > kFreeCheckNanos) &&
      free_checked_nanos_.compare_exchange_strong(last, now)) {
    const auto free = context_.fs.FreeBytes(context_.layout.root());
    disk_is_full_ = free && *free < options_.reserve_bytes;
  }
  if (disk_is_full_) {
    return Result<FeedAnswer>(
        Error{ErrorCode::kResourceExhausted,
              fmt::format("less than {} bytes are free on the lake's disk: feed {}",
                          options_.reserve_bytes, name_)});
  }
  return std::nullopt;
}

void FeedImpl::SubmitAsync(Submission submission, SubmitDone done) {
  const auto checker = Checker();
  auto pending = std::make_shared<PendingSubmission>();
  pending->submission = std::move(submission);
  pending->done = std::move(done);
  LookAtRecords(*checker,
                options_.max_record_bytes > 0 ? options_.max_record_bytes
                                              : checker->definition().limits.max_record_bytes,
                context_.random, *pending);
  const std::string& token = pending->submission.from.receipt_token;
  if (token.empty()) {
    pending->new_token = tokens_.Make();
  }
  pending->receipt = HashReceipt(token.empty() ? pending->new_token : token);
  if (const auto refused = Room()) {
    for (Result<FeedAnswer>& answer : pending->answer.records) {
      answer = *refused;
    }
    return Release(pending);
  }
  {
    const MutexLock lock(mutex_);
    DecideSubmission(*checker, context_.clock.Now().time_since_epoch().count(), ledger_, pending);
    Queue(pending, *checker);
  }
  Release(pending);
}

// Encodes what is to be stored and gives it to the log; in the lock, so that versions of an id
// stand in the log in their order.
void FeedImpl::Queue(const PendingPtr& pending, const RecordChecker& checker) {
  const Timestamp now = context_.clock.Now();
  const std::string& key = pending->submission.from.idempotency_key;
  const SubmissionHash submission =
      key.empty()
          ? SubmissionHash{}
          : SubmissionHash{.key = Xxh3Hash64(key), .body = Xxh3Hash64(pending->submission.text)};
  const bool remembers_content =
      checker.definition().ActionOf(FeedRule::kDuplicateContent) != RuleAction::kKeep;
  FeedBatchEncoder encoder;
  std::string findings;
  std::size_t chunk_begin = 0;
  const std::size_t count = pending->candidates.size();
  for (std::size_t i = 0; i < count; ++i) {
    Candidate& candidate = pending->candidates[i];
    if (!candidate.is_stored) {
      continue;
    }
    // Never of an earlier day than what it replaces, even when the clock was set back.
    const Timestamp received =
        candidate.entry.version > 1 ? std::max(now, DayStart(candidate.entry.day)) : now;
    candidate.entry.day = DayNumber(received);
    const bool is_quarantined = candidate.entry.is_quarantined != 0;
    findings.clear();
    for (const std::string& finding :
         is_quarantined ? candidate.checked.reasons : candidate.checked.marks) {
      findings += (findings.empty() ? "" : "\n") + finding;
    }
    const FeedRecord record{
        .ingest_id = candidate.ingest_id,
        .version = candidate.entry.version,
        .received = received,
        .body = candidate.body,
        .place = is_quarantined ? RecordPlace::kQuarantine : RecordPlace::kFeed,
        .schema_version = static_cast<std::uint32_t>(checker.definition().schema_version),
        .content_hash = candidate.checked.content_hash,
        .receipt = candidate.entry.receipt,
        .submission = submission,
        .findings = findings};
    if (candidate.entry.version == 1 && pending->answer.receipt_token.empty()) {
      pending->answer.receipt_token = pending->new_token;
    }
    if (remembers_content) {
      Note(ledger_.AddContent(candidate.checked.content_hash));
    }
    if (count == 1) {
      std::string payload;
      EncodeFeedRecord(record, payload);
      QueueChunk(pending, std::move(payload), 0, 1);
      break;
    }
    encoder.Add(record);
    if (pending->submission.mode == SubmissionMode::kPartial &&
        encoder.size_bytes() >= kChunkBytes) {
      QueueChunk(pending, encoder.Take(), chunk_begin, i + 1);
      chunk_begin = i + 1;
    }
  }
  if (encoder.size() > 0) {
    QueueChunk(pending, encoder.Take(), chunk_begin, count);
  }
  if (!key.empty() && !pending->newest.empty()) {
    Note(ledger_.AddKey(submission, now.time_since_epoch().count()));
  }
}

void FeedImpl::QueueChunk(const PendingPtr& pending, std::string payload, std::size_t begin,
                          std::size_t end) {
  const Status queued = wal_->AppendAsync(
      std::move(payload), [this, pending, begin, end](const Result<std::uint64_t>& sequence) {
        OnAppended(pending, sequence, begin, end);
      });
  for (std::size_t i = begin; i < end; ++i) {
    Candidate& candidate = pending->candidates[i];
    if (!candidate.is_stored) {
      continue;
    }
    if (queued) {
      ledger_.Begin(candidate.key, candidate.entry);
    } else {
      candidate.is_stored = false;
      // A queue that is full for the moment, or a log that has failed for good.
      if (wal_->health() && queued.error().code == ErrorCode::kUnavailable) {
        pending->answer.records[i] = FeedAnswer{.outcome = Outcome::kBusy};
      } else {
        pending->answer.records[i] = queued.error();
      }
    }
  }
  pending->waits += queued ? 1 : 0;
}

// On the WAL's thread: the records are durable, or they failed.
void FeedImpl::OnAppended(const PendingPtr& pending, const Result<std::uint64_t>& sequence,
                          std::size_t begin, std::size_t end) {
  std::vector<FeedLedger::Waiter> waiters;
  {
    const MutexLock lock(mutex_);
    for (std::size_t i = begin; i < end; ++i) {
      Candidate& candidate = pending->candidates[i];
      if (!candidate.is_stored) {
        continue;
      }
      ledger_.End(candidate.key, candidate.entry,
                  sequence ? std::optional(*sequence) : std::nullopt, waiters);
      if (!sequence) {
        pending->answer.records[i] = sequence.error();
      }
    }
  }
  for (std::size_t i = begin; i < pending->candidates.size() && !sequence; ++i) {
    const auto& repeats = pending->candidates[i].repeats;
    if (repeats && *repeats >= begin && *repeats < end) {
      pending->answer.records[i] = sequence.error();
    }
  }
  const Status status = sequence ? Status() : Status(sequence.error());
  for (const auto& waiter : waiters) {
    waiter(status);
  }
  Release(pending);
}

void FeedImpl::Withdraw(Withdrawal withdrawal, WithdrawDone done) {
  const bool is_empty =
      (withdrawal.scope == WithdrawalScope::kRecord && withdrawal.ingest_id.empty()) ||
      (withdrawal.scope == WithdrawalScope::kSubmitter && withdrawal.submitter_id.empty()) ||
      (withdrawal.scope == WithdrawalScope::kReceipt && withdrawal.receipt == ReceiptHash{});
  if (is_empty) {
    return done(Error{ErrorCode::kInvalidArgument, "a withdrawal must say what it takes away"});
  }
  auto shared_done = std::make_shared<WithdrawDone>(std::move(done));
  Status queued;
  {
    const MutexLock lock(mutex_);
    withdrawal.received = context_.clock.Now();
    std::string payload = EncodeWithdrawal(withdrawal);
    queued =
        wal_->AppendAsync(std::move(payload), [this, withdrawal = std::move(withdrawal),
                                               shared_done](const Result<std::uint64_t>& sequence) {
          OnWithdrawn(withdrawal, sequence, *shared_done);
        });
  }
  if (!queued) {
    (*shared_done)(queued.error());
  }
}

// On the WAL's thread, after the records that stand before it in the log and before those behind.
void FeedImpl::OnWithdrawn(const Withdrawal& withdrawal, const Result<std::uint64_t>& sequence,
                           const WithdrawDone& done) {
  if (!sequence) {
    return done(sequence.error());
  }
  Result<std::size_t> count = std::size_t{0};
  {
    const MutexLock lock(mutex_);
    count = ledger_.Withdraw(withdrawal);
  }
  if (!count) {
    return done(count.error());
  }
  done(WithdrawalAnswer{.records = *count});
}

bool FeedImpl::Owns(std::string_view ingest_id, std::string_view receipt_token) {
  const ReceiptHash receipt = HashReceipt(receipt_token);
  const MutexLock lock(mutex_);
  const auto known = ledger_.FindDurable(IdKey(ingest_id));
  return known && *known && receipt != ReceiptHash{} && (*known)->receipt == receipt;
}

Result<RecordFacts> FeedImpl::Find(std::string_view ingest_id) {
  DATALAKE_TRY(CheckName("ingest_id", ingest_id));
  const MutexLock lock(mutex_);
  DATALAKE_TRY_ASSIGN(const std::optional<IdEntry> known, ledger_.FindDurable(IdKey(ingest_id)));
  if (!known) {
    return Error{ErrorCode::kNotFound, fmt::format("unknown record: {}", ingest_id)};
  }
  return RecordFacts{.version = known->version,
                     .day = FormatDay(DayStart(known->day)),
                     .is_anonymous = known->submitter_hash == 0,
                     .is_quarantined = known->is_quarantined != 0};
}

Result<StoredRecord> FeedImpl::ReadUnsealed(std::uint64_t sequence, std::string_view ingest_id,
                                            std::int64_t version) {
  std::optional<StoredRecord> found;
  const auto look = [&](const FeedEntry& entry) -> Status {
    const auto* record = std::get_if<FeedRecord>(&entry);
    if (record != nullptr && record->version == version && record->ingest_id == ingest_id) {
      found = {.body = std::string(record->body), .received = record->received};
    }
    return {};
  };
  DATALAKE_TRY(wal_->ReadRecord(
      sequence, [&](const wal::Record& record) { return ForEachFeedEntry(record.payload, look); }));
  if (!found) {
    return Error{ErrorCode::kNotFound, fmt::format("unknown record: {}", ingest_id)};
  }
  return *std::move(found);
}

Result<std::string> FeedImpl::Get(std::string_view ingest_id) {
  DATALAKE_TRY(CheckName("ingest_id", ingest_id));
  IdEntry entry;
  bool is_unsealed = false;
  {
    const MutexLock lock(mutex_);
    DATALAKE_TRY_ASSIGN(const std::optional<IdEntry> known, ledger_.FindDurable(IdKey(ingest_id)));
    if (!known || known->is_quarantined != 0) {
      return Error{ErrorCode::kNotFound, fmt::format("unknown record: {}", ingest_id)};
    }
    entry = *known;
    is_unsealed = ledger_.IsUnsealed(entry);
  }
  if (is_unsealed) {
    const auto record = ReadUnsealed(entry.sequence, ingest_id, entry.version);
    if (record) {
      return WithLakeMember(record->body, ingest_id, entry.version, record->received);
    }
    if (record.error().code != ErrorCode::kNotFound) {
      return record.error();
    }  // else it was sealed in between
  }
  DATALAKE_TRY_ASSIGN(
      const StoredRecord record,
      ReadStoredRecord(context_, tables_.records(), ingest_id, entry.version, DayStart(entry.day)));
  return WithLakeMember(record.body, ingest_id, entry.version, record.received);
}

Result<SealReport> FeedImpl::SealClosed() {
  const MutexLock seal_lock(seal_mutex_);
  SealReport report;
  KeepUpIndex();
  for (const wal::SegmentInfo& segment : wal_->SealedSegments()) {
    DATALAKE_TRY_ASSIGN(const SealedSegment sealed,
                        SealSegmentIntoTables(*wal_, segment, *Checker(), tables_));
    {
      const MutexLock lock(mutex_);
      ledger_.DropUnsealed(segment.last_sequence);
    }
    DATALAKE_TRY(wal_->RemoveSegment(segment));
    KeepUpIndex();
    ++report.segments;
    report.records += sealed.records;
    report.quarantined += sealed.quarantined;
    report.withdrawn += sealed.withdrawn;
    report.version = std::max(report.version, sealed.version);
  }
  DATALAKE_TRY(ApplyRetention());
  return report;
}

// Moves full tables of the indexes to the disk. The caller has seal_mutex_; the feed's lock is free
// while it writes.
void FeedImpl::KeepUpIndex() {
  while (true) {
    std::optional<FeedLedger::Upkeep> upkeep;
    {
      const MutexLock lock(mutex_);
      upkeep = ledger_.BeginUpkeep(context_.clock.Now().time_since_epoch().count());
    }
    if (!upkeep) {
      return;
    }
    IdIndex::RunUpkeep(context_.fs, upkeep->work);
    const bool failed = !upkeep->work.made;
    {
      const MutexLock lock(mutex_);
      FeedLedger::EndUpkeep(*std::move(upkeep));
    }
    if (failed) {
      return;  // the next round tries again
    }
  }
}

// A key or a content that cannot be looked up is not remembered; the record is stored all the same.
void FeedImpl::Note(const Status& remembered) {
  if (!remembered) {
    LogError(fmt::format("cannot remember a submission of feed {}: {}", name_,
                         ToString(remembered.error())));
  }
}

// Once a day, behind a seal, so that nothing of the days that go is still in the log.
Status FeedImpl::ApplyRetention() {
  const std::uint64_t days = definition()->retention_days;
  const std::int32_t today = DayNumber(context_.clock.Now());
  if (days == 0 || days > static_cast<std::uint64_t>(today) || retained_day_ == today ||
      !wal_->SealedSegments().empty()) {
    return {};
  }
  const std::int32_t first = today - static_cast<std::int32_t>(days) + 1;
  DATALAKE_TRY_ASSIGN(const std::size_t files, DropDaysBefore(tables_, FormatDay(DayStart(first))));
  retained_day_ = today;
  if (files > 0) {
    LogInfo(fmt::format("feed {} let go of days before {}, {} files", name_,
                        FormatDay(DayStart(first)), files));
    const MutexLock lock(mutex_);
    return ledger_.ForgetBefore(first);
  }
  return {};
}

Result<ReplayReport> FeedImpl::ReplayQuarantine(ReplayMode mode) {
  DATALAKE_TRY(Seal());
  ReplayReport report;
  if (tables_.quarantine() == nullptr) {
    return report;
  }
  const auto checker = Checker();
  DATALAKE_TRY_ASSIGN(auto snapshot, tables_.quarantine()->Snapshot());
  const auto release = [&](FeedRecord record, const CheckedRecord& checked) -> Status {
    IdEntry entry = EntryOf(record, checked.submitter_id);
    const Hash128 key = IdKey(record.ingest_id);
    {
      const MutexLock lock(mutex_);
      DATALAKE_TRY_ASSIGN(const IdEntry* known, ledger_.Find(key));
      // Superseded or withdrawn meanwhile: it stays where it is.
      if (known == nullptr || known->is_quarantined == 0 || known->version != entry.version) {
        return {};
      }
    }
    const std::string marks = fmt::format("{}", fmt::join(checked.marks, "\n"));
    record.place = RecordPlace::kReleased;
    record.findings = marks;
    entry.is_quarantined = 0;
    std::string payload;
    EncodeFeedRecord(record, payload);
    DATALAKE_TRY_ASSIGN(const std::uint64_t sequence, wal_->Append(payload));
    const MutexLock lock(mutex_);
    DATALAKE_TRY(ledger_.AddUnsealed(sequence, key, entry));
    ++report.released;
    return {};
  };
  DATALAKE_TRY_ASSIGN(report.looked_at,
                      VisitQuarantine(context_, std::move(snapshot), *checker, mode, release));
  return report;
}

FeedStats FeedImpl::stats() {
  const std::uint64_t bytes = wal_->size_bytes();
  const MutexLock lock(mutex_);
  return {
      .records = ledger_.size(), .unsealed_records = ledger_.unsealed(), .unsealed_bytes = bytes};
}

}  // namespace

Result<std::unique_ptr<Feed>> Feed::Open(Lake& lake, std::string_view name,
                                         const FeedOptions& options) {
  DATALAKE_TRY_ASSIGN(const FeedDefinition definition, FeedDefinitions(lake.context()).Find(name));
  DATALAKE_TRY_ASSIGN(const RecordChecker checker,
                      RecordChecker::Make(definition, options.content));
  DATALAKE_TRY_ASSIGN(FeedTables tables, FeedTables::Open(lake.context(), definition));
  auto feed = std::make_unique<FeedImpl>(lake, name, options, std::move(tables), checker);
  DATALAKE_TRY(feed->Recover());
  return feed;
}

}  // namespace datalake::lake
