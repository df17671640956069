// The local executor: one queue of units that may run, drained by the threads of one pool.
#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/mutex.h"
#include "datalake/base/thread_pool.h"
#include "datalake/io/file_system.h"
#include "datalake/job/plan.h"

namespace datalake::job {
namespace {

class LocalExecutor {
 public:
  LocalExecutor(io::FileSystem& fs, const Plan& plan, const ExecuteOptions& options,
                ProgressSink& progress, std::stop_token stop)
      : fs_(fs),
        plan_(plan),
        options_(options),
        progress_(progress),
        stop_(std::move(stop)),
        waits_for_(plan.units.size()),
        needed_by_(plan.units.size()) {}

  Result<ExecuteReport> Run();

 private:
  void Work();
  Status RunUnit(const TaskUnit& unit, bool& skipped);
  Result<bool> IsDone(const TaskUnit& unit);
  void Finish(std::size_t index, const Status& status, bool skipped);

  io::FileSystem& fs_;
  const Plan& plan_;
  const ExecuteOptions& options_;
  ProgressSink& progress_;
  std::stop_token stop_;

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::size_t> waits_for_ DATALAKE_GUARDED_BY(mutex_);
  std::vector<std::vector<std::size_t>> needed_by_;
  std::deque<std::size_t> ready_ DATALAKE_GUARDED_BY(mutex_);
  std::size_t running_ DATALAKE_GUARDED_BY(mutex_) = 0;
  std::optional<std::pair<std::size_t, Error>> first_error_ DATALAKE_GUARDED_BY(mutex_);
  ExecuteReport report_ DATALAKE_GUARDED_BY(mutex_);
  std::uint64_t bytes_done_ DATALAKE_GUARDED_BY(mutex_) = 0;
  std::uint64_t bytes_total_ = 0;
};

Result<ExecuteReport> LocalExecutor::Run() {
  for (std::size_t index = 0; index < plan_.units.size(); ++index) {
    const TaskUnit& unit = plan_.units[index];
    waits_for_[index] = unit.after.size();
    for (const std::size_t before : unit.after) {
      needed_by_[before].push_back(index);
    }
    if (unit.after.empty()) {
      ready_.push_back(index);
    }
    bytes_total_ += unit.bytes;
  }
  const std::size_t wanted = options_.threads == 0 ? AvailableCores() : options_.threads;
  const std::size_t threads = std::max<std::size_t>(1, std::min(wanted, plan_.units.size()));
  {
    ThreadPool pool(threads);
    for (std::size_t i = 0; i < threads; ++i) {
      DATALAKE_TRY(pool.Submit([this] { Work(); }));
    }
  }
  const MutexLock lock(mutex_);
  if (first_error_) {
    return WithContext(std::move(first_error_->second), plan_.units[first_error_->first].id);
  }
  if (report_.units_run + report_.units_skipped < plan_.units.size()) {
    return Error{ErrorCode::kCancelled, fmt::format("stopped on request: {}", plan_.name)};
  }
  return report_;
}

// One thread: takes units until none is left, one has failed, or a stop is requested.
void LocalExecutor::Work() {
  while (true) {
    std::size_t index = 0;
    {
      const MutexLock lock(mutex_);
      const bool go = changed_.Wait(mutex_, stop_, [this] {
        return !ready_.empty() || running_ == 0 || first_error_.has_value();
      });
      if (!go || stop_.stop_requested() || first_error_ || ready_.empty()) {
        return;
      }
      index = ready_.front();
      ready_.pop_front();
      ++running_;
    }
    bool skipped = false;
    const Status status = RunUnit(plan_.units[index], skipped);
    Finish(index, status, skipped);
  }
}

Result<bool> LocalExecutor::IsDone(const TaskUnit& unit) {
  if (!options_.skip_done || unit.outputs.empty()) {
    return false;
  }
  for (const std::string& output : unit.outputs) {
    DATALAKE_TRY_ASSIGN(const bool exists, fs_.Exists(output));
    if (!exists) {
      return false;
    }
  }
  return true;
}

Status LocalExecutor::RunUnit(const TaskUnit& unit, bool& skipped) {
  DATALAKE_TRY_ASSIGN(skipped, IsDone(unit));
  return skipped ? Status() : unit.run(TaskContext{stop_});
}

void LocalExecutor::Finish(std::size_t index, const Status& status, bool skipped) {
  const MutexLock lock(mutex_);
  --running_;
  if (!status) {
    // A unit that ended because of the stop request is not an error of its own.
    const bool stopped = status.error().code == ErrorCode::kCancelled && stop_.stop_requested();
    if (!stopped && (!first_error_ || index < first_error_->first)) {
      first_error_.emplace(index, status.error());
    }
  } else {
    ++(skipped ? report_.units_skipped : report_.units_run);
    bytes_done_ += plan_.units[index].bytes;
    for (const std::size_t next : needed_by_[index]) {
      if (--waits_for_[next] == 0) {
        ready_.push_back(next);
      }
    }
    progress_.Report({.phase = plan_.name,
                      .items_done = report_.units_run + report_.units_skipped,
                      .items_total = plan_.units.size(),
                      .unit = "units",
                      .bytes_done = bytes_done_,
                      .bytes_total = bytes_total_});
  }
  changed_.NotifyAll();
}

}  // namespace

Result<ExecuteReport> ExecuteLocally(io::FileSystem& fs, const Plan& plan,
                                     const ExecuteOptions& options, ProgressSink& progress,
                                     std::stop_token stop) {
  DATALAKE_TRY(plan.Validate());
  return LocalExecutor(fs, plan, options, progress, std::move(stop)).Run();
}

}  // namespace datalake::job
