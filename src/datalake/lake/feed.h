#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/chat_record.h"
#include "datalake/lake/feed_definition.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

class ContentChecker;

struct FeedOptions {
  /// Records above are refused; 0: what the feed's definition says.
  std::uint64_t max_record_bytes = 0;
  /// The current segment is closed at this size, and by Seal().
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  /// The current segment is closed when its first record is so old.
  std::chrono::milliseconds segment_age{60'000};
  /// Above so many bytes not yet in the table, records are answered with kBusy.
  std::uint64_t max_unsealed_bytes = std::uint64_t{256} << 20;
  /// With less free space than this on the lake's disk, records are refused as kResourceExhausted.
  std::uint64_t reserve_bytes = std::uint64_t{64} << 20;
  /// Looks for secrets and personal data where a rule asks for it; must outlive the feed.
  const ContentChecker* content = nullptr;
};

/// What became of one contributed record.
struct FeedAnswer {
  enum class Outcome : std::uint8_t {
    kStored = 1,       ///< new and durable
    kReplayed = 2,     ///< the same body was there already; nothing new
    kReplaced = 3,     ///< a newer version of the owner's record, durable
    kInvalid = 4,      ///< refused, see `problems`
    kQuarantined = 5,  ///< durable, but kept out of the feed, see `reasons`
    kBusy = 6,         ///< not taken: too much waits for the table; try again
    kLeftOut = 7,      ///< fine, but not taken because another of its submission was refused
  };

  Outcome outcome = Outcome::kStored;
  std::string ingest_id = {};
  std::int64_t version = 0;  ///< 1 for a new record
  std::vector<ValidationProblem> problems = {};
  std::vector<std::string> reasons = {};  ///< of kQuarantined: names of rules and where
  std::vector<std::string> flags = {};    ///< rules that marked the record
  /// Shown once, for a new record: who has it owns the record. Empty otherwise.
  std::string receipt_token = {};
};

/// What comes with records beside their bodies.
struct Contribution {
  /// A secret of the contributor's own choice (or one they were given): the receipt of new records,
  /// and the proof of ownership for others. Empty: the feed makes one for new records.
  std::string receipt_token = {};
  /// The same key with the same body gets the same ids and stores nothing twice; with another body
  /// it is a conflict. The keys of the last 7 days are remembered.
  std::string idempotency_key = {};
};

/// What to do when some records of a submission are refused.
enum class SubmissionMode : std::uint8_t {
  kAll = 1,      ///< all records are stored, in one piece, or none
  kPartial = 2,  ///< the others are stored
};

/// Records that come together.
struct Submission {
  std::string text = {};                                          ///< holds the bodies
  std::vector<std::pair<std::size_t, std::size_t>> records = {};  ///< offset and size in `text`
  SubmissionMode mode = SubmissionMode::kPartial;
  Contribution from = {};
};

struct SubmissionAnswer {
  std::vector<Result<FeedAnswer>> records;  ///< one each, in order; receipt_token is not set here
  std::string receipt_token;                ///< of all new records; empty when there are none
};

struct WithdrawalAnswer {
  std::uint64_t records = 0;  ///< ids that were known and are no more
};

/// What one Seal() did.
struct SealReport {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t quarantined = 0;
  std::int64_t withdrawn = 0;
  std::int64_t version = -1;  ///< last table version committed; -1 when there was nothing to do
};

/// What one ReplayQuarantine() did.
struct ReplayReport {
  std::uint64_t looked_at = 0;
  std::uint64_t released = 0;  ///< now in the feed
};

/// Which quarantined records are let in.
enum class ReplayMode : std::uint8_t {
  kCheck = 1,   ///< those that the rules of today let in
  kAccept = 2,  ///< all: a person has looked at them
};

struct FeedStats {
  std::uint64_t records = 0;           ///< ids known, quarantined ones included
  std::uint64_t unsealed_records = 0;  ///< versions not yet in the table
  std::uint64_t unsealed_bytes = 0;
};

/// What a feed knows of a record without looking at the disk.
struct RecordFacts {
  std::int64_t version = 0;
  std::string day;  ///< UTC day of receipt
  bool is_anonymous = true;
  bool is_quarantined = false;
};

/// A stream of contributed records: acknowledged when durable in the WAL (fdatasync), moved into
/// the table feeds/<name>/raw, partitioned by the UTC day of receipt, by Seal(). A record gets into
/// the table exactly once, and a withdrawal out of it, whatever is killed when. Holds the lock of
/// its WAL shard: one per lake. Formats: docs/formats/feeds.md, docs/formats/wal.md. Thread-safe.
class Feed {
 public:
  using Done = std::function<void(Result<FeedAnswer>)>;
  using SubmitDone = std::function<void(SubmissionAnswer)>;
  using WithdrawDone = std::function<void(Result<WithdrawalAnswer>)>;

  /// Opens the feed `name` (see FeedDefinitions), takes over what a dead process left in the WAL,
  /// and builds the index of ids from tables and WAL: some 20 MB in memory, and 64 bytes an id in
  /// files without names in the lake's folder index/. `lake` must outlive it.
  /// Errors: kInvalidArgument, kNotFound (no such feed), kUnavailable (another process has it),
  /// kUnsupported (a log of another version; a rule without its checker), kCorruption, kIo.
  static Result<std::unique_ptr<Feed>> Open(Lake& lake, std::string_view name,
                                            const FeedOptions& options);

  /// Waits for the appends under way; unsealed records stay in the WAL for the next Open.
  virtual ~Feed() = default;

  /// The definition as of now.
  virtual std::shared_ptr<const FeedDefinition> definition() const = 0;

  /// Reads the definition's file again, for records that come from now on. Errors: those of
  /// FeedDefinitions::Find and RecordChecker::Make; the older one then stays.
  virtual Status Reload() = 0;

  /// Checks the records in the caller's thread and calls `done` exactly once: at once when no
  /// answer needs the disk, else from the WAL's thread when all is durable; `done` must be quick
  /// and not call back into the feed. Same ingest_id: same bytes give kReplayed; other bytes
  /// replace it when the contributor owns it (the same submitter_id, or its receipt token), else
  /// kConflict. Errors of a record: kInvalidArgument (size), kConflict, kResourceExhausted (no
  /// space), kIo (the WAL failed: nothing is acknowledged any more).
  virtual void SubmitAsync(Submission submission, SubmitDone done) = 0;

  /// One record, as SubmitAsync.
  void AppendAsync(std::string body, Contribution from, Done done);

  /// AppendAsync and wait.
  Result<FeedAnswer> Append(std::string body, Contribution from = {});

  /// SubmitAsync and wait.
  SubmissionAnswer Submit(Submission submission);

  /// Takes records away: from now on they are found nowhere, and the next Seal removes their rows
  /// from the tables' newest version (older versions go with vacuum). `done` is called as in
  /// SubmitAsync, when the withdrawal is durable. Who may ask is for the caller to decide (Owns).
  /// What nobody knows is no error: records 0. Errors: kInvalidArgument (an empty id), kIo,
  /// kResourceExhausted.
  virtual void Withdraw(Withdrawal withdrawal, WithdrawDone done) = 0;

  /// True when `receipt_token` is the receipt of that record. Touches no disk.
  virtual bool Owns(std::string_view ingest_id, std::string_view receipt_token) = 0;

  /// Errors: kNotFound, kInvalidArgument (id). Touches no disk.
  virtual Result<RecordFacts> Find(std::string_view ingest_id) = 0;

  /// The newest version of a record as it was sent, with a member `_lake` {ingest_id, day,
  /// received, version} added. Errors: kNotFound (quarantined records too), kInvalidArgument (id),
  /// kCorruption, kIo.
  virtual Result<std::string> Get(std::string_view ingest_id) = 0;

  /// Closes the current segment and moves all closed ones into the table, one commit each; appends
  /// go on meanwhile. One Seal runs at a time. Errors: kIo, kConflict, kResourceExhausted; what was
  /// not moved stays in the WAL and is tried again by the next call.
  virtual Result<SealReport> Seal() = 0;

  /// As Seal(), but leaves the current segment open: for a background thread, once a second or so.
  /// Segments close by themselves at `segment_bytes` and `segment_age`.
  virtual Result<SealReport> SealClosed() = 0;

  /// True when a closed segment waits for Seal() or SealClosed().
  virtual bool WantsSeal() = 0;

  /// Seals, looks at every quarantined record again and puts those let in into the feed, with the
  /// time at which they were received; durable, and in the table after the next Seal. Errors: those
  /// of Seal and of the WAL.
  virtual Result<ReplayReport> ReplayQuarantine(ReplayMode mode) = 0;

  virtual FeedStats stats() = 0;

  /// The error after which no record is acknowledged any more (see wal.h), if there was one; only a
  /// restart helps. Quick: touches no disk.
  virtual Status health() const = 0;
};

}  // namespace datalake::lake
