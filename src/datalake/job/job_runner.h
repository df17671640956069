#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/job/job_store.h"

namespace datalake::job {

/// What a running job may use. Thread-safe; ends with the job.
class JobContext {
 public:
  virtual ~JobContext() = default;

  virtual const std::string& id() const = 0;

  /// JSON given to Start.
  virtual const std::string& parameters() const = 0;

  /// Shown in the record at once, saved to disk about once a second.
  virtual ProgressSink& progress() = 0;

  /// Adds a line to the job's log.
  virtual void Log(std::string_view line) = 0;

  /// Requested by Cancel and when the runner ends.
  virtual std::stop_token stop() const = 0;
};

/// The work of one kind of job: returns its result as JSON. kCancelled after a requested stop makes
/// the job cancelled, every other error failed. Must stop soon after a stop request. Called once
/// more when Start asked for the job while it ran: the last result counts and has to cover all
/// calls. Each job works on a copy of its own, so state held by value lasts for these calls.
using JobBody = std::function<Result<std::string>(JobContext&)>;

struct StartedJob {
  std::string id;
  bool already_running = false;  ///< `id` is that of the job that was running
};

/// Told of every change of a job: begin, progress (at most four times a second), log lines, end.
/// Called on the job's own threads, the end after it is durable; must be quick.
class JobObserver {
 public:
  virtual ~JobObserver() = default;
  virtual void OnJob(const JobRecord& record) = 0;
};

/// Runs jobs in the background, at most one of a kind at a time. Thread-safe.
class JobRunner {
 public:
  /// Marks jobs that a dead process left running as failed, `interrupted`. `store` and `clock` must
  /// outlive the runner. Errors: kIo. `observer` may be null and must outlive it too.
  static Result<std::unique_ptr<JobRunner>> Open(JobStore& store, const Clock& clock,
                                                 JobObserver* observer = nullptr);

  /// Asks running jobs to stop and waits for them; their records say failed, `interrupted`.
  virtual ~JobRunner() = default;

  /// Makes a kind known. Errors: kInvalidArgument (name), kAlreadyExists.
  virtual Status Register(std::string_view kind, JobBody body) = 0;

  /// Starts a job of a known kind, or returns the one of that kind that runs. With the parameters
  /// of that one its body runs once more before it ends as completed, so that a call always finds
  /// what there was when Start was called. Its record is durable when this returns. Errors:
  /// kNotFound (kind), kUnavailable (the runner ends), kIo.
  virtual Result<StartedJob> Start(std::string_view kind, std::string parameters) = 0;

  /// Runs jobs again, under their ids, that a process which ended left interrupted: of each kind
  /// that is known the newest one, when it is such a job and was not restarted three times already
  /// (it may be what ends the process). For a program that starts, after its calls of Register.
  /// Returns their ids. Errors: kIo.
  virtual Result<std::vector<std::string>> ResumeInterrupted() = 0;

  /// Starts a new job with kind and parameters of an ended one. Errors: kNotFound, kConflict (it
  /// still runs), those of Start.
  virtual Result<StartedJob> Restart(std::string_view id) = 0;

  /// The record with the latest progress, from memory for a running job. Errors: those of Load.
  virtual Result<JobRecord> Get(std::string_view id) = 0;

  /// All records, oldest first.
  virtual Result<std::vector<JobRecord>> List() = 0;

  /// Asks a job to stop; does not wait. Errors: kNotFound, kConflict (ended, or not of this
  /// process).
  virtual Status Cancel(std::string_view id) = 0;

  /// Removes an ended job's record. Errors: kNotFound, kConflict (running), kIo.
  virtual Status Remove(std::string_view id) = 0;

  /// Waits until a job of this process has ended. Errors: kNotFound, kCancelled.
  virtual Result<JobRecord> Wait(std::string_view id, std::stop_token stop) = 0;
};

}  // namespace datalake::job
