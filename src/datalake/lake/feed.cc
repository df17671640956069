#include "datalake/lake/feed.h"

#include <algorithm>
#include <deque>
#include <future>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/id.h"
#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/base/name.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed_index.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/feed_table.h"
#include "datalake/table/table.h"
#include "datalake/wal/wal.h"

namespace datalake::lake {
namespace {

struct KeyHasher {
  std::size_t operator()(const Hash128& key) const { return key.low; }
};

// A record that is durable in the WAL and not known to be in the table.
struct TailRecord {
  std::uint64_t sequence = 0;
  std::string payload;
};

// The newest append of an id that is on its way to the disk.
struct Inflight {
  IdEntry entry;
  std::size_t appends = 0;
  std::vector<std::pair<FeedAnswer, Feed::Done>> waiters;  // same body, sent again meanwhile
};

FeedAnswer Answer(FeedAnswer::Outcome outcome, std::string ingest_id, std::int64_t version) {
  return {.outcome = outcome, .ingest_id = std::move(ingest_id), .version = version};
}

// The body with `_lake` as its last member. `body` is a JSON object that is not empty.
std::string WithLakeMember(std::string_view body, std::string_view ingest_id, std::int64_t version,
                           Timestamp received) {
  std::string out(body.substr(0, body.rfind('}')));
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
  return out + ",\"_lake\":" + member + "}";
}

class ChatFeed final : public Feed {
 public:
  ChatFeed(Lake& lake, std::string_view name, const FeedOptions& options,
           std::unique_ptr<table::Table> table)
      : context_(lake.context()), name_(name), options_(options), table_(std::move(table)) {}

  // Builds the index from the table and from what the WAL still has.
  Status Recover();

  void AppendAsync(std::string body, Done done) override;
  Result<FeedAnswer> Append(std::string body) override;
  Result<std::string> Get(std::string_view ingest_id) override;

  Result<SealReport> Seal() override {
    DATALAKE_TRY(wal_->Seal());
    return SealClosed();
  }

  Result<SealReport> SealClosed() override;

  bool WantsSeal() override { return !wal_->SealedSegments().empty(); }

  FeedStats stats() override;

  Status health() const override { return wal_->health(); }

 private:
  // What an append has to do, decided under the lock.
  struct Decision {
    std::optional<FeedAnswer> answer;
    std::optional<Error> error;
  };

  Decision Decide(const std::string& ingest_id, const IdEntry& entry, std::string_view body,
                  Done& done) DATALAKE_REQUIRES(mutex_);
  Status Enqueue(const std::string& ingest_id, const IdEntry& entry, std::string_view body,
                 FeedAnswer::Outcome outcome, Done& done) DATALAKE_REQUIRES(mutex_);
  void OnAppended(const Result<std::uint64_t>& sequence, const Hash128& key, const IdEntry& entry,
                  std::string payload, FeedAnswer answer, const Done& done);
  void AddToTail(std::uint64_t sequence, const Hash128& key, std::string payload)
      DATALAKE_REQUIRES(mutex_);
  void DropTail(std::uint64_t last_sequence);

  const LakeContext context_;
  const std::string name_;
  const FeedOptions options_;
  const std::unique_ptr<table::Table> table_;

  Mutex seal_mutex_;  // one Seal at a time; taken before mutex_
  Mutex mutex_;
  IdIndex index_ DATALAKE_GUARDED_BY(mutex_);
  std::unordered_map<Hash128, Inflight, KeyHasher> inflight_ DATALAKE_GUARDED_BY(mutex_);
  std::unordered_map<Hash128, TailRecord, KeyHasher> tail_ DATALAKE_GUARDED_BY(mutex_);
  std::deque<std::pair<std::uint64_t, Hash128>> tail_order_ DATALAKE_GUARDED_BY(mutex_);
  // Last member, so destroyed first: its thread calls back into the others.
  std::unique_ptr<wal::Wal> wal_;
};

Status ChatFeed::Recover() {
  DATALAKE_TRY_ASSIGN(const auto snapshot, table_->Snapshot());
  const std::int64_t applied = snapshot->txn_version(FeedAppId(name_)).value_or(0);
  const wal::WalOptions options{.segment_bytes = options_.segment_bytes,
                                .segment_age = options_.segment_age,
                                .max_record_bytes = options_.max_record_bytes + 1024,
                                .first_sequence = static_cast<std::uint64_t>(applied) + 1};
  DATALAKE_TRY_ASSIGN(wal_, wal::Wal::Open(context_.fs, context_.clock, context_.random,
                                           context_.layout.Wal(name_), options));
  for (const wal::QuarantinedSegment& segment : wal_->recovery().quarantined) {
    LogError(fmt::format(
        "damaged segment of feed {} was set aside; post again what SalvageSegment reads "
        "of it, never rename it back (records at or below the sealed number would be "
        "dropped as already applied): {}: {}",
        name_, segment.path, segment.reason));
  }
  const MutexLock lock(mutex_);
  DATALAKE_TRY(IndexTable(context_, snapshot, index_));
  for (const wal::SegmentInfo& segment : wal_->SealedSegments()) {
    const Status read = wal_->ReadSegment(segment, [this](const wal::Record& record) -> Status {
      DATALAKE_TRY_ASSIGN(const FeedRecord decoded, DecodeFeedRecord(record.payload));
      const Hash128 key = IdKey(decoded.ingest_id);
      PutNewer(index_, key, EntryOf(decoded, ParseChat(decoded.body).record.submitter_id));
      AddToTail(record.sequence, key, std::string(record.payload));
      return {};
    });
    DATALAKE_TRY(read);
  }
  return {};
}

void ChatFeed::AppendAsync(std::string body, Done done) {
  if (body.size() > options_.max_record_bytes) {
    return done(
        Error{ErrorCode::kInvalidArgument, fmt::format("record is too large: {} bytes, at most {}",
                                                       body.size(), options_.max_record_bytes)});
  }
  ChatParseResult parsed = ParseChat(body);
  if (!parsed.problems.empty()) {
    FeedAnswer answer{.outcome = FeedAnswer::Outcome::kInvalid};
    answer.problems = std::move(parsed.problems);
    return done(std::move(answer));
  }
  const std::string ingest_id =
      parsed.record.ingest_id ? *parsed.record.ingest_id : MakeUuid(context_.random);
  const IdEntry entry = EntryOf(
      {.ingest_id = ingest_id, .version = 1, .received = context_.clock.Now(), .body = body},
      parsed.record.submitter_id);
  Decision decision;
  {
    const MutexLock lock(mutex_);
    decision = Decide(ingest_id, entry, body, done);
  }
  if (decision.error) {
    done(std::move(*decision.error));
  } else if (decision.answer) {
    done(std::move(*decision.answer));
  }
}

// Compares with the newest version known, on disk or on its way. Leaves `done` alone when there is
// an answer or an error already.
ChatFeed::Decision ChatFeed::Decide(const std::string& ingest_id, const IdEntry& entry,
                                    std::string_view body, Done& done) {
  const Hash128 key = IdKey(ingest_id);
  const auto flying = inflight_.find(key);
  const IdEntry* known = flying != inflight_.end() ? &flying->second.entry : index_.Find(key);
  IdEntry next = entry;
  auto outcome = FeedAnswer::Outcome::kStored;
  if (known != nullptr) {
    if (known->body_hash == entry.body_hash) {
      FeedAnswer answer = Answer(FeedAnswer::Outcome::kReplayed, ingest_id, known->version);
      if (flying == inflight_.end()) {
        return {.answer = std::move(answer), .error = {}};
      }
      flying->second.waiters.emplace_back(std::move(answer), std::move(done));
      return {};
    }
    if (entry.submitter_hash == 0 || known->submitter_hash != entry.submitter_hash) {
      return {.answer = {},
              .error = Error{ErrorCode::kConflict,
                             fmt::format("ingest_id is taken by another record: {}", ingest_id)}};
    }
    next.version = known->version + 1;
    // Never of an earlier day than what it replaces, even when the clock was set back.
    next.received_us = std::max(entry.received_us, known->received_us);
    outcome = FeedAnswer::Outcome::kReplaced;
  }
  const Status queued = Enqueue(ingest_id, next, body, outcome, done);
  return queued ? Decision{} : Decision{.answer = {}, .error = queued.error()};
}

Status ChatFeed::Enqueue(const std::string& ingest_id, const IdEntry& entry, std::string_view body,
                         FeedAnswer::Outcome outcome, Done& done) {
  if (wal_->size_bytes() > options_.max_unsealed_bytes) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("too many records wait for the table, try again later: feed {}, {} "
                             "bytes",
                             name_, wal_->size_bytes())};
  }
  const Hash128 key = IdKey(ingest_id);
  std::string payload =
      EncodeFeedRecord({.ingest_id = ingest_id,
                        .version = entry.version,
                        .received = Timestamp(std::chrono::microseconds(entry.received_us)),
                        .body = body});
  std::string kept = payload;
  auto shared_done = std::make_shared<Done>(std::move(done));
  FeedAnswer answer = Answer(outcome, ingest_id, entry.version);
  // In the lock, so that versions of an id stand in the log in their order.
  const Status queued = wal_->AppendAsync(
      std::move(payload), [this, key, entry, kept = std::move(kept), answer = std::move(answer),
                           shared_done](Result<std::uint64_t> sequence) mutable {
        OnAppended(sequence, key, entry, std::move(kept), std::move(answer), *shared_done);
      });
  if (!queued) {
    done = std::move(*shared_done);
    return queued.error();
  }
  Inflight& flying = inflight_[key];
  flying.entry = entry;
  ++flying.appends;
  return {};
}

// On the WAL's thread: the record is durable, or it failed.
void ChatFeed::OnAppended(const Result<std::uint64_t>& sequence, const Hash128& key,
                          const IdEntry& entry, std::string payload, FeedAnswer answer,
                          const Done& done) {
  std::vector<std::pair<FeedAnswer, Done>> waiters;
  {
    const MutexLock lock(mutex_);
    const auto flying = inflight_.find(key);
    if (sequence) {
      PutNewer(index_, key, entry);
      AddToTail(*sequence, key, std::move(payload));
    }
    if (flying != inflight_.end() && --flying->second.appends == 0) {
      waiters = std::move(flying->second.waiters);
      inflight_.erase(flying);
    }
  }
  if (sequence) {
    done(std::move(answer));
  } else {
    done(sequence.error());
  }
  for (auto& [waiting, waiting_done] : waiters) {
    if (sequence) {
      waiting_done(std::move(waiting));
    } else {
      waiting_done(sequence.error());
    }
  }
}

void ChatFeed::AddToTail(std::uint64_t sequence, const Hash128& key, std::string payload) {
  TailRecord& record = tail_[key];
  if (sequence >= record.sequence) {
    record = {.sequence = sequence, .payload = std::move(payload)};
  }
  tail_order_.emplace_back(sequence, key);
}

void ChatFeed::DropTail(std::uint64_t last_sequence) {
  const MutexLock lock(mutex_);
  while (!tail_order_.empty() && tail_order_.front().first <= last_sequence) {
    const auto record = tail_.find(tail_order_.front().second);
    if (record != tail_.end() && record->second.sequence <= last_sequence) {
      tail_.erase(record);
    }
    tail_order_.pop_front();
  }
}

Result<FeedAnswer> ChatFeed::Append(std::string body) {
  std::promise<Result<FeedAnswer>> promise;
  auto future = promise.get_future();
  AppendAsync(std::move(body),
              [&promise](Result<FeedAnswer> answer) { promise.set_value(std::move(answer)); });
  return future.get();
}

Result<std::string> ChatFeed::Get(std::string_view ingest_id) {
  DATALAKE_TRY(CheckName("ingest_id", ingest_id));
  IdEntry entry;
  {
    const MutexLock lock(mutex_);
    const Hash128 key = IdKey(ingest_id);
    const IdEntry* known = index_.Find(key);
    if (known == nullptr) {
      return Error{ErrorCode::kNotFound, fmt::format("unknown record: {}", ingest_id)};
    }
    entry = *known;
    const auto unsealed = tail_.find(key);
    if (unsealed != tail_.end()) {
      DATALAKE_TRY_ASSIGN(const FeedRecord record, DecodeFeedRecord(unsealed->second.payload));
      return WithLakeMember(record.body, ingest_id, record.version, record.received);
    }
  }
  DATALAKE_TRY_ASSIGN(const StoredRecord record,
                      ReadStoredRecord(context_, *table_, ingest_id, entry.version,
                                       Timestamp(std::chrono::microseconds(entry.received_us))));
  return WithLakeMember(record.body, ingest_id, entry.version, record.received);
}

Result<SealReport> ChatFeed::SealClosed() {
  const MutexLock seal_lock(seal_mutex_);
  SealReport report;
  for (const wal::SegmentInfo& segment : wal_->SealedSegments()) {
    DATALAKE_TRY_ASSIGN(const SealedSegment sealed,
                        SealSegmentIntoTable(*wal_, segment, name_, *table_));
    DropTail(segment.last_sequence);
    DATALAKE_TRY(wal_->RemoveSegment(segment));
    ++report.segments;
    report.records += sealed.records;
    report.version = std::max(report.version, sealed.version);
  }
  return report;
}

FeedStats ChatFeed::stats() {
  const std::uint64_t bytes = wal_->size_bytes();
  const MutexLock lock(mutex_);
  return {
      .records = index_.size(), .unsealed_records = tail_order_.size(), .unsealed_bytes = bytes};
}

}  // namespace

Result<std::unique_ptr<Feed>> Feed::Open(Lake& lake, std::string_view name,
                                         const FeedOptions& options) {
  DATALAKE_TRY(CheckName("feed", name));
  if (name != "chat") {
    const std::vector<std::string> known = {"chat"};
    return UnknownNameError("feed", name, known);
  }
  DATALAKE_TRY_ASSIGN(auto table, OpenFeedTable(lake.context(), name));
  auto feed = std::make_unique<ChatFeed>(lake, name, options, std::move(table));
  DATALAKE_TRY(feed->Recover());
  return feed;
}

}  // namespace datalake::lake
