#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"
#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::job {

/// Numbers are on disk only as their words.
enum class JobState : std::uint8_t { kRunning = 1, kCompleted = 2, kFailed = 3, kCancelled = 4 };

/// "running", "completed", "failed", "cancelled".
std::string_view ToString(JobState state);

/// One job as jobs/<id>.json has it.
struct JobRecord {
  std::string id;    ///< "<kind>_YYYYmmdd_HHMMSS_mmm", UTC, unique in the lake
  std::string kind;  ///< "process", "tag"
  JobState state = JobState::kRunning;
  Timestamp started_at;
  std::optional<Timestamp> completed_at;
  std::string parameters;  ///< JSON that a restart runs again with
  std::string result;      ///< JSON; empty while there is none
  std::optional<Error> error;
  ProgressEvent progress;
  std::vector<std::string> log;  ///< the newest lines, at most kMaxLogLines
  /// True for a failed job whose process ended before it: JobRunner::Restart runs it again.
  bool interrupted = false;
  std::uint64_t restarts = 0;  ///< times that it ran again after its process had ended
  std::string owner;           ///< ProcessIdentity() of the process that runs it
};

inline constexpr std::size_t kMaxLogLines = 200;

/// The record as JSON, in the seed's words first: job_id, status, started_at, completed_at, result,
/// error (a message or null), then kind, progress, log, interrupted.
std::string JobRecordJson(const JobRecord& record);

/// What a list or an event shows of it: job_id, status, started_at, completed_at, kind, progress,
/// error, interrupted.
std::string JobSummaryJson(const JobRecord& record);

/// The records of all jobs of a lake, one file each, replaced whole and durably. Thread-safe; other
/// processes may use the same folder.
class JobStore {
 public:
  /// `folder` is the lake's jobs/; arguments must outlive the store.
  JobStore(io::FileSystem& fs, const Clock& clock, std::string folder);

  /// Makes a new running record of `owner` (base/process.h) with an id of its own, durably.
  /// Errors: kInvalidArgument (kind), kIo.
  Result<JobRecord> Create(std::string_view kind, std::string_view owner, std::string parameters);

  /// Durable when it returns. Errors: kIo, kResourceExhausted.
  Status Save(const JobRecord& record);

  /// Errors: kInvalidArgument (id), kNotFound, kCorruption, kIo.
  Result<JobRecord> Load(std::string_view id) const;

  /// All readable records, oldest first; unreadable files are logged and left out. Errors: kIo.
  Result<std::vector<JobRecord>> List() const;

  /// Errors: kInvalidArgument (id), kNotFound, kIo.
  Status Remove(std::string_view id);

 private:
  std::string PathOf(std::string_view id) const;

  io::FileSystem& fs_;
  const Clock& clock_;
  std::string folder_;
};

}  // namespace datalake::job
