#include "datalake/job/job_runner.h"

#include <exception>
#include <map>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/base/name.h"
#include "datalake/base/process.h"

namespace datalake::job {
namespace {

constexpr std::int64_t kSaveEveryNanos = 1'000'000'000;
constexpr std::int64_t kTellEveryNanos = 250'000'000;
constexpr std::uint64_t kMaxRestarts = 3;

Error Interrupted(std::string_view how) {
  return {ErrorCode::kUnavailable, fmt::format("interrupted, start it again: {}", how)};
}

// One running job: its record in memory, saved now and then. Thread-safe.
class RunningJob final : public JobContext, public ProgressSink {
 public:
  RunningJob(JobStore& store, const Clock& clock, JobObserver* observer, JobRecord record)
      : store_(store),
        clock_(clock),
        observer_(observer),
        id_(record.id),
        kind_(record.kind),
        parameters_(record.parameters),
        record_(std::move(record)),
        saved_nanos_(clock.SteadyNanos()) {}

  const std::string& id() const override { return id_; }

  const std::string& kind() const { return kind_; }

  const std::string& parameters() const override { return parameters_; }

  ProgressSink& progress() override { return *this; }

  std::stop_token stop() const override { return stop_.get_token(); }

  void Report(const ProgressEvent& event) override {
    {
      const MutexLock lock(mutex_);
      record_.progress = event;
    }
    TellNowAndThen();
    SaveNowAndThen();
  }

  void Log(std::string_view line) override {
    {
      const MutexLock lock(mutex_);
      if (record_.log.size() >= kMaxLogLines) {
        record_.log.erase(record_.log.begin());
      }
      record_.log.push_back(fmt::format("{} {}", FormatTimestamp(clock_.Now()), line));
    }
    TellNowAndThen();
    SaveNowAndThen();
  }

  JobRecord record() {
    const MutexLock lock(mutex_);
    return record_;
  }

  void RequestStop() { stop_.request_stop(); }

  // The final state; durable when it returns, else logged. `shutdown`: stopped by the runner's end.
  void End(const Result<std::string>& result, bool shutdown) {
    const MutexLock save_lock(save_mutex_);
    {
      const MutexLock lock(mutex_);
      record_.completed_at = clock_.Now();
      SetOutcome(result, shutdown);
    }
    ended_ = true;
    const Status saved = store_.Save(record());
    if (!saved) {
      LogError(fmt::format("cannot save job record: {}: {}", id_, saved.error().message));
    }
    Tell();
  }

  void Tell() {
    if (observer_ != nullptr) {
      observer_->OnJob(record());
    }
  }

 private:
  void SetOutcome(const Result<std::string>& result, bool shutdown) {
    if (result) {
      record_.state = JobState::kCompleted;
      record_.result = *result;
      return;
    }
    record_.error = result.error();
    const bool stopped = result.error().code == ErrorCode::kCancelled && stop_.stop_requested();
    if (stopped && shutdown) {
      record_.state = JobState::kFailed;
      record_.error = Interrupted("its program was stopped");
      record_.interrupted = true;
    } else {
      record_.state = stopped ? JobState::kCancelled : JobState::kFailed;
    }
  }

  void TellNowAndThen() {
    if (observer_ == nullptr) {
      return;
    }
    const std::int64_t now = clock_.SteadyNanos();
    {
      const MutexLock lock(mutex_);
      if (now - told_nanos_ < kTellEveryNanos) {
        return;
      }
      told_nanos_ = now;
    }
    Tell();
  }

  void SaveNowAndThen() {
    const std::int64_t now = clock_.SteadyNanos();
    {
      const MutexLock lock(mutex_);
      if (now - saved_nanos_ < kSaveEveryNanos) {
        return;
      }
      saved_nanos_ = now;
    }
    const MutexLock save_lock(save_mutex_);
    if (ended_) {
      return;
    }
    const Status saved = store_.Save(record());
    if (!saved) {
      LogWarning(fmt::format("cannot save progress of job: {}: {}", id_, saved.error().message));
    }
  }

  JobStore& store_;
  const Clock& clock_;
  JobObserver* const observer_;
  const std::string id_;
  const std::string kind_;
  const std::string parameters_;
  std::stop_source stop_;
  Mutex save_mutex_;  // orders writes of the file; taken before mutex_
  bool ended_ DATALAKE_GUARDED_BY(save_mutex_) = false;
  Mutex mutex_;
  JobRecord record_ DATALAKE_GUARDED_BY(mutex_);
  std::int64_t saved_nanos_ DATALAKE_GUARDED_BY(mutex_);
  std::int64_t told_nanos_ DATALAKE_GUARDED_BY(mutex_) = 0;
};

class ThreadJobRunner final : public JobRunner {
 public:
  ThreadJobRunner(JobStore& store, const Clock& clock, JobObserver* observer)
      : store_(store), clock_(clock), observer_(observer), owner_(ProcessIdentity()) {}

  ~ThreadJobRunner() override {
    {
      const MutexLock lock(mutex_);
      shutdown_ = true;
      for (auto& [id, entry] : running_) {
        entry.job->RequestStop();
      }
    }
    {
      const MutexLock lock(mutex_);
      ended_.Wait(mutex_, {}, [this] { return running_.empty(); });
    }
    Reap();
  }

  Status MarkInterrupted();

  Status Register(std::string_view kind, JobBody body) override {
    DATALAKE_TRY(CheckName("kind of job", kind));
    const MutexLock lock(mutex_);
    if (!bodies_.emplace(kind, std::move(body)).second) {
      return Error{ErrorCode::kAlreadyExists, fmt::format("kind of job known already: {}", kind)};
    }
    return {};
  }

  Result<StartedJob> Start(std::string_view kind, std::string parameters) override;
  Result<std::vector<std::string>> ResumeInterrupted() override;
  Result<StartedJob> Restart(std::string_view id) override;
  Result<JobRecord> Get(std::string_view id) override;
  Result<std::vector<JobRecord>> List() override;
  Status Cancel(std::string_view id) override;
  Status Remove(std::string_view id) override;
  Result<JobRecord> Wait(std::string_view id, std::stop_token stop) override;

 private:
  struct Entry {
    std::shared_ptr<RunningJob> job;
    std::thread thread;
    bool again = false;  // asked for meanwhile: the body may not see what is new since
  };

  void Launch(JobRecord record, const JobBody& body) DATALAKE_REQUIRES(mutex_);
  void Run(const std::shared_ptr<RunningJob>& job, const JobBody& body);
  bool EndUnlessAgain(const std::shared_ptr<RunningJob>& job, const Result<std::string>& result);
  void Reap();

  std::shared_ptr<RunningJob> FindRunning(std::string_view id) {
    const MutexLock lock(mutex_);
    const auto found = running_.find(id);
    return found == running_.end() ? nullptr : found->second.job;
  }

  JobStore& store_;
  const Clock& clock_;
  JobObserver* const observer_;
  const std::string owner_;
  Mutex mutex_;
  CondVar ended_;
  bool shutdown_ DATALAKE_GUARDED_BY(mutex_) = false;
  std::map<std::string, JobBody, std::less<>> bodies_ DATALAKE_GUARDED_BY(mutex_);
  std::map<std::string, Entry, std::less<>> running_ DATALAKE_GUARDED_BY(mutex_);
  std::vector<std::thread> ended_threads_ DATALAKE_GUARDED_BY(mutex_);  // to be joined
};

Status ThreadJobRunner::MarkInterrupted() {
  DATALAKE_TRY_ASSIGN(std::vector<JobRecord> records, store_.List());
  for (JobRecord& record : records) {
    if (record.state != JobState::kRunning || LivenessOf(record.owner) != Liveness::kDead) {
      continue;
    }
    record.state = JobState::kFailed;
    record.interrupted = true;
    record.completed_at = clock_.Now();
    record.error = Interrupted("its program ended before it");
    DATALAKE_TRY(store_.Save(record));
  }
  return {};
}

void ThreadJobRunner::Reap() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    threads.swap(ended_threads_);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

Result<StartedJob> ThreadJobRunner::Start(std::string_view kind, std::string parameters) {
  Reap();
  const MutexLock lock(mutex_);
  const auto body = bodies_.find(kind);
  if (body == bodies_.end()) {
    std::vector<std::string> known;
    for (const auto& [name, unused] : bodies_) {
      known.push_back(name);
    }
    return UnknownNameError("kind of job", kind, known);
  }
  if (shutdown_) {
    return Error{ErrorCode::kUnavailable, "no new jobs, the program is ending"};
  }
  for (auto& [id, entry] : running_) {
    if (entry.job->kind() == kind) {
      entry.again = entry.again || entry.job->parameters() == parameters;
      return StartedJob{.id = id, .already_running = true};
    }
  }
  DATALAKE_TRY_ASSIGN(JobRecord record, store_.Create(kind, owner_, std::move(parameters)));
  const std::string id = record.id;
  Launch(std::move(record), body->second);
  return StartedJob{.id = id, .already_running = false};
}

void ThreadJobRunner::Launch(JobRecord record, const JobBody& body) {
  auto job = std::make_shared<RunningJob>(store_, clock_, observer_, std::move(record));
  job->Tell();
  std::thread thread([this, job, body] { Run(job, body); });
  running_.emplace(job->id(), Entry{job, std::move(thread)});
}

Result<std::vector<std::string>> ThreadJobRunner::ResumeInterrupted() {
  DATALAKE_TRY_ASSIGN(std::vector<JobRecord> records, store_.List());
  std::map<std::string, JobRecord, std::less<>> newest;  // by kind
  for (JobRecord& record : records) {
    newest[record.kind] = std::move(record);
  }
  std::vector<std::string> resumed;
  const MutexLock lock(mutex_);
  for (auto& [kind, record] : newest) {
    const auto body = bodies_.find(kind);
    const bool is_left = record.state == JobState::kFailed && record.interrupted &&
                         record.restarts < kMaxRestarts && record.owner != owner_ &&
                         LivenessOf(record.owner) == Liveness::kDead;
    if (!is_left || body == bodies_.end() || shutdown_) {
      continue;
    }
    record.state = JobState::kRunning;
    record.interrupted = false;
    record.completed_at = std::nullopt;
    record.error = std::nullopt;
    record.progress = {};
    record.owner = owner_;
    ++record.restarts;
    record.log.push_back(fmt::format("{} runs again: its program ended before it, restart {}",
                                     FormatTimestamp(clock_.Now()), record.restarts));
    DATALAKE_TRY(store_.Save(record));
    resumed.push_back(record.id);
    Launch(std::move(record), body->second);
  }
  return resumed;
}

// A job's thread.
void ThreadJobRunner::Run(const std::shared_ptr<RunningJob>& job, const JobBody& body) {
  Result<std::string> result = Error{ErrorCode::kInternal, "job body gave no result"};
  do {
    try {
      result = body(*job);
    } catch (const std::exception& exception) {
      result = Error{ErrorCode::kInternal, fmt::format("job failed: {}", exception.what())};
    }
  } while (!EndUnlessAgain(job, result));
}

// Ends the job, or says false when its body has to run once more. One critical section, also over
// the saving of the record: a Start either comes before it and is seen, or finds no such job.
bool ThreadJobRunner::EndUnlessAgain(const std::shared_ptr<RunningJob>& job,
                                     const Result<std::string>& result) {
  const MutexLock lock(mutex_);
  const auto found = running_.find(job->id());
  if (result && found->second.again && !job->stop().stop_requested()) {
    found->second.again = false;
    return false;
  }
  job->End(result, shutdown_);
  ended_threads_.push_back(std::move(found->second.thread));
  running_.erase(found);
  ended_.NotifyAll();
  return true;
}

Result<StartedJob> ThreadJobRunner::Restart(std::string_view id) {
  DATALAKE_TRY_ASSIGN(JobRecord record, Get(id));
  if (record.state == JobState::kRunning) {
    return Error{ErrorCode::kConflict, fmt::format("job is still running: {}", id)};
  }
  return Start(record.kind, std::move(record.parameters));
}

Result<JobRecord> ThreadJobRunner::Get(std::string_view id) {
  const std::shared_ptr<RunningJob> job = FindRunning(id);
  return job ? job->record() : store_.Load(id);
}

Result<std::vector<JobRecord>> ThreadJobRunner::List() {
  DATALAKE_TRY_ASSIGN(std::vector<JobRecord> records, store_.List());
  for (JobRecord& record : records) {
    if (const std::shared_ptr<RunningJob> job = FindRunning(record.id)) {
      record = job->record();
    }
  }
  return records;
}

Status ThreadJobRunner::Cancel(std::string_view id) {
  if (const std::shared_ptr<RunningJob> job = FindRunning(id)) {
    job->RequestStop();
    return {};
  }
  DATALAKE_TRY_ASSIGN(const JobRecord record, store_.Load(id));
  return Error{ErrorCode::kConflict,
               record.state == JobState::kRunning
                   ? fmt::format("job runs in another process: {}: {}", id, record.owner)
                   : fmt::format("job has ended: {}: {}", id, ToString(record.state))};
}

Status ThreadJobRunner::Remove(std::string_view id) {
  DATALAKE_TRY_ASSIGN(const JobRecord record, Get(id));
  if (record.state == JobState::kRunning && LivenessOf(record.owner) != Liveness::kDead) {
    return Error{ErrorCode::kConflict, fmt::format("job is running, cancel it first: {}", id)};
  }
  return store_.Remove(id);
}

Result<JobRecord> ThreadJobRunner::Wait(std::string_view id, std::stop_token stop) {
  {
    const MutexLock lock(mutex_);
    const bool ended = ended_.Wait(mutex_, std::move(stop),
                                   [this, id] { return running_.find(id) == running_.end(); });
    if (!ended) {
      return Error{ErrorCode::kCancelled, fmt::format("stopped waiting for job: {}", id)};
    }
  }
  return store_.Load(id);
}

}  // namespace

Result<std::unique_ptr<JobRunner>> JobRunner::Open(JobStore& store, const Clock& clock,
                                                   JobObserver* observer) {
  auto runner = std::make_unique<ThreadJobRunner>(store, clock, observer);
  DATALAKE_TRY(runner->MarkInterrupted());
  return runner;
}

}  // namespace datalake::job
