#include "datalake/json/jq_watch.h"

#include <thread>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/mutex.h"
#include "datalake/base/process_memory.h"

namespace datalake::json {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

struct JqWatch::State {
  explicit State(const JqLimits& of) : limits(of) {}

  void Watch(const std::stop_token& ended) {
    MutexLock lock(mutex);
    while (!ended.stop_requested()) {
      wake.WaitFor(mutex, ended, kPeriod, [] { return false; });
      if (halt != nullptr && is_running && reason) {
        Look();
      }
    }
  }

  void Look() DATALAKE_REQUIRES(mutex) {
    if (!is_seen) {
      is_seen = true;
      began = Clock::now();
      resident_bytes = ResidentBytes();
    }
    if (stop.stop_requested()) {
      reason = Error{ErrorCode::kCancelled, "cancelled"};
    } else if (Clock::now() - began > limits.time) {
      reason = Error{ErrorCode::kResourceExhausted,
                     fmt::format("jq: no end of one document after {} s",
                                 static_cast<double>(limits.time.count()) / 1000)};
    } else if (ResidentBytes() > resident_bytes + limits.memory_bytes) {
      reason =
          Error{ErrorCode::kResourceExhausted,
                fmt::format("jq: more than {} MiB for one document", limits.memory_bytes >> 20)};
    }
    if (!reason) {
      halt();
    }
  }

  const JqLimits limits;
  Mutex mutex;
  CondVar wake;
  std::stop_token stop DATALAKE_GUARDED_BY(mutex);
  std::function<void()> halt DATALAKE_GUARDED_BY(mutex);
  bool is_running DATALAKE_GUARDED_BY(mutex) = false;
  bool is_seen DATALAKE_GUARDED_BY(mutex) = false;
  Status reason DATALAKE_GUARDED_BY(mutex);
  Clock::time_point began DATALAKE_GUARDED_BY(mutex);
  std::uint64_t resident_bytes DATALAKE_GUARDED_BY(mutex) = 0;
  std::jthread thread;  // last: it ends before what it uses
};

JqWatch::JqWatch(const JqLimits& limits) : state_(std::make_unique<State>(limits)) {}

JqWatch::~JqWatch() = default;

void JqWatch::Begin(std::stop_token stop, std::function<void()> halt) {
  {
    MutexLock lock(state_->mutex);
    state_->stop = std::move(stop);
    state_->halt = std::move(halt);
    state_->is_running = true;
    state_->is_seen = false;
    state_->reason = {};
  }
  if (!state_->thread.joinable()) {
    state_->thread =
        std::jthread([state = state_.get()](const std::stop_token& ended) { state->Watch(ended); });
  }
}

Status JqWatch::End() {
  MutexLock lock(state_->mutex);
  state_->is_running = false;
  return std::move(state_->reason);
}

}  // namespace datalake::json
