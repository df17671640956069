#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/chat_record.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

struct FeedOptions {
  /// Records above are refused as kInvalidArgument.
  std::uint64_t max_record_bytes = std::uint64_t{4} << 20;
  /// The current segment is closed at this size, and by Seal().
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  /// The current segment is closed when its first record is so old.
  std::chrono::milliseconds segment_age{60'000};
  /// Above so many bytes not yet in the table, appends are refused as kResourceExhausted.
  std::uint64_t max_unsealed_bytes = std::uint64_t{256} << 20;
};

/// What became of one contributed record.
struct FeedAnswer {
  enum class Outcome : std::uint8_t {
    kStored = 1,    ///< new and durable
    kReplayed = 2,  ///< the same body was there already; nothing new
    kReplaced = 3,  ///< a newer version of the same submitter's record, durable
    kInvalid = 4,   ///< refused, see `problems`
  };

  Outcome outcome = Outcome::kStored;
  std::string ingest_id = {};
  std::int64_t version = 0;  ///< 1 for a new record
  std::vector<ValidationProblem> problems = {};
};

/// What one Seal() did.
struct SealReport {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::int64_t version = -1;  ///< last table version committed; -1 when there was nothing to do
};

struct FeedStats {
  std::uint64_t records = 0;           ///< ids known
  std::uint64_t unsealed_records = 0;  ///< of these versions not yet in the table
  std::uint64_t unsealed_bytes = 0;
};

/// A stream of contributed records: acknowledged when durable in the WAL (fdatasync), moved into
/// the table feeds/<name>/raw, partitioned by the UTC day of receipt, by Seal(). A record gets into
/// the table exactly once, whatever is killed when. Holds the lock of its WAL shard: one per lake.
/// Formats: docs/formats/lake.md, docs/formats/wal.md. Thread-safe.
class Feed {
 public:
  using Done = std::function<void(Result<FeedAnswer>)>;

  /// Opens the feed `name` ("chat" is built in), takes over what a dead process left in the WAL,
  /// and builds the index of ids (40 bytes each) from table and WAL. `lake` must outlive it.
  /// Errors: kInvalidArgument, kNotFound (no such feed), kUnavailable (another process has it),
  /// kCorruption, kIo.
  static Result<std::unique_ptr<Feed>> Open(Lake& lake, std::string_view name,
                                            const FeedOptions& options);

  /// Waits for the appends under way; unsealed records stay in the WAL for the next Open.
  virtual ~Feed() = default;

  /// Checks `body` (JSON) in the caller's thread and calls `done` exactly once: at once for an
  /// answer that needs no disk, else from the WAL's thread when the record is durable; `done` must
  /// be quick and not call back into the feed. Same ingest_id: same bytes give kReplayed; other
  /// bytes replace it when both name the same submitter_id, else kConflict.
  /// Errors: kInvalidArgument (size), kConflict, kResourceExhausted (too much unsealed), kIo (the
  /// WAL failed: nothing is acknowledged any more).
  virtual void AppendAsync(std::string body, Done done) = 0;

  /// AppendAsync and wait.
  virtual Result<FeedAnswer> Append(std::string body) = 0;

  /// The newest version of a record as it was sent, with a member `_lake` {ingest_id, day,
  /// received, version} added. Errors: kNotFound, kInvalidArgument (id), kCorruption, kIo.
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

  virtual FeedStats stats() = 0;

  /// The error after which no record is acknowledged any more (see wal.h), if there was one; only a
  /// restart helps. Quick: touches no disk.
  virtual Status health() const = 0;
};

}  // namespace datalake::lake
