#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/io/file_system.h"

namespace datalake::wal {

struct WalOptions {
  /// A segment is sealed before it would grow over this.
  std::uint64_t segment_bytes = std::uint64_t{128} << 20;
  /// A segment with records is sealed when its first one is this old; 0: never by age.
  std::chrono::milliseconds segment_age{60'000};
  /// A group is written and synced together; it takes what is queued, at most this.
  std::uint64_t max_group_bytes = std::uint64_t{1} << 20;
  /// Appends beyond this much queued payload are refused: the disk does not keep up.
  std::uint64_t max_queued_bytes = std::uint64_t{64} << 20;
  /// Larger records are refused.
  std::uint64_t max_record_bytes = std::uint64_t{16} << 20;
  /// New records get no number below this. The log itself never repeats a number; a caller that
  /// has recorded numbers elsewhere guards with it against a folder that was deleted by hand.
  std::uint64_t first_sequence = 1;

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// One record as it is read back. `payload` is valid during the visit only.
struct Record {
  std::uint64_t sequence = 0;
  Timestamp received;  ///< when it was given to Append
  std::string_view payload;
};

/// Takes one record; an error ends the reading and is returned.
using RecordVisitor = std::function<Status(const Record&)>;

/// A sealed segment: complete, synced, never written again.
struct SegmentInfo {
  std::string path;
  std::uint64_t first_sequence = 0;  ///< also its name; never used by another segment
  std::uint64_t last_sequence = 0;   ///< below first_sequence: no records
  std::uint64_t size_bytes = 0;
};

/// A segment found damaged where records had been acknowledged; renamed to "<name>.corrupt".
struct QuarantinedSegment {
  std::string path;    ///< where it is now
  std::string reason;  ///< with the byte offset
};

/// What Open found.
struct RecoveryReport {
  std::uint64_t segments = 0;                   ///< sealed ones, the recovered one included
  std::uint64_t records = 0;                    ///< in those segments
  std::uint64_t torn_bytes = 0;                 ///< cut off the last segment: never acknowledged
  std::vector<QuarantinedSegment> quarantined;  ///< also those of earlier runs
};

/// A write-ahead log in one folder; layout in docs/formats/wal.md. Thread-safe, one process at a
/// time (the folder's LOCK). Records are numbered without gaps in the order of the file; numbers
/// are never used twice, also not after RemoveSegment and a restart.
///
/// A record is acknowledged after fdatasync: from then on it is in the log whatever happens to the
/// process or the machine's power. A record that was not acknowledged may be there or not, whole.
/// After the first write or sync error every append fails with that error, for ever: what a failed
/// sync has left on the disk is unknown (Rebello et al., USENIX ATC 2020). Reopen to go on.
class Wal {
 public:
  /// Opens or makes the log in `dir`, recovers the last segment and starts a new one. `fs`, `clock`
  /// and `random` must outlive the log. Errors: kUnavailable (locked; names the holder), kIo,
  /// kInvalidArgument. Damaged segments are no error: see recovery().
  static Result<std::unique_ptr<Wal>> Open(io::FileSystem& fs, const Clock& clock, Random& random,
                                           std::string_view dir, const WalOptions& options);

  /// Waits for what was accepted, then seals.
  virtual ~Wal() = default;

  /// Blocks until `payload` is durable and returns its number. Concurrent callers share one sync.
  /// Errors: kInvalidArgument (over max_record_bytes), kUnavailable (queue full), kIo,
  /// kResourceExhausted.
  virtual Result<std::uint64_t> Append(std::string_view payload) = 0;

  /// Queues `payload`; `done` runs once on the log's own thread with what Append would return. It
  /// must be quick and must not call this log. An error returned here means that `done` never runs.
  virtual Status AppendAsync(std::string payload,
                             std::function<void(Result<std::uint64_t>)> done) = 0;

  /// Ends the open segment, if it has records, and starts the next; durable. What was accepted
  /// before is in the sealed one.
  virtual Status Seal() = 0;

  /// The sealed segments in order, without those removed.
  virtual std::vector<SegmentInfo> SealedSegments() const = 0;

  /// Visits the records of a sealed segment in order. Errors: kCorruption (with path and offset;
  /// the records before it have been visited), kNotFound, those of `visit`.
  virtual Status ReadSegment(const SegmentInfo& segment, const RecordVisitor& visit) const = 0;

  /// Visits one acknowledged record. Cost: at most some 100 KB are read, more in a segment that was
  /// there when the log was opened. Errors: kNotFound (no such number, or its segment was removed),
  /// kCorruption, those of `visit`.
  virtual Status ReadRecord(std::uint64_t sequence, const RecordVisitor& visit) const = 0;

  /// Visits the acknowledged records of the open segment in order.
  virtual Status ForEachUnsealed(const RecordVisitor& visit) const = 0;

  /// Visits every acknowledged record numbered `first_sequence` or higher, in order, sealed and
  /// not, as of now: none is missed or seen twice while segments are sealed. Errors as ReadSegment.
  virtual Status ForEachFrom(std::uint64_t first_sequence, const RecordVisitor& visit) const = 0;

  /// Removes a sealed segment whose records are safe elsewhere. After a crash it may be there
  /// again.
  virtual Status RemoveSegment(const SegmentInfo& segment) = 0;

  virtual const RecoveryReport& recovery() const = 0;

  /// Bytes of all segments, sealed and open: what back-pressure looks at.
  virtual std::uint64_t size_bytes() const = 0;

  /// The error after which nothing is acknowledged any more, if there was one.
  virtual Status health() const = 0;
};

/// Visits every intact record of a quarantined (or any other) segment file, skipping damaged bytes;
/// returns how many bytes were skipped. For repair by people. Errors: kIo, kCorruption (the header
/// is damaged), those of `visit`.
Result<std::uint64_t> SalvageSegment(io::FileSystem& fs, std::string_view path,
                                     const RecordVisitor& visit);

}  // namespace datalake::wal
