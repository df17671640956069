#include "datalake/query/watchdog.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace datalake::query {
namespace {

constexpr std::chrono::milliseconds kRepeat{20};
constexpr std::chrono::hours kIdle{1};

}  // namespace

Watchdog::~Watchdog() {
  std::jthread thread;
  {
    const MutexLock lock(mutex_);
    thread = std::move(thread_);
  }
}

std::unique_ptr<Watchdog::Watch> Watchdog::Begin(std::function<void()> interrupt,
                                                 const QueryLimits& limits, std::stop_token stop) {
  const std::chrono::milliseconds timeout = limits.timeout;
  std::uint64_t id = 0;
  {
    const MutexLock lock(mutex_);
    id = next_id_++;
    if (timeout.count() > 0 || stop.stop_possible()) {
      Entry entry{.interrupt = std::move(interrupt), .due = SteadyTime::max()};
      if (timeout.count() > 0) {
        entry.due = std::chrono::steady_clock::now() + timeout;
        entry.reason_when_due = Error{ErrorCode::kResourceExhausted,
                                      fmt::format("query took longer than its limit: {} ms",
                                                  (timeout + limits.time_spent).count())};
      }
      entries_.emplace(id, std::move(entry));
      is_changed_ = true;
      if (!thread_.joinable()) {
        thread_ = std::jthread([this](std::stop_token ended) { Run(std::move(ended)); });
      }
    }
  }
  changed_.NotifyAll();
  return std::make_unique<Watch>(*this, id, std::move(stop));
}

void Watchdog::Run(std::stop_token stop) {
  const MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    is_changed_ = false;
    const SteadyTime now = std::chrono::steady_clock::now();
    const SteadyTime next = InterruptDue(now);
    changed_.WaitFor(mutex_, stop, std::min<std::chrono::nanoseconds>(next - now, kIdle),
                     [this]() { return is_changed_; });
  }
}

Watchdog::SteadyTime Watchdog::InterruptDue(SteadyTime now) {
  SteadyTime next = now + kIdle;
  for (auto& [id, entry] : entries_) {
    if (entry.due <= now) {
      if (!entry.reason) {
        entry.reason = entry.reason_when_due;
      }
      entry.interrupt();
      entry.due = now + kRepeat;
    }
    next = std::min(next, entry.due);
  }
  return next;
}

void Watchdog::Cancel(std::uint64_t id) {
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) {
      return;
    }
    if (!found->second.reason) {
      found->second.reason = Error{ErrorCode::kCancelled, "query was cancelled"};
    }
    found->second.due = SteadyTime::min();
    is_changed_ = true;
  }
  changed_.NotifyAll();
}

Watchdog::Watch::Watch(Watchdog& watchdog, std::uint64_t id, std::stop_token stop)
    : watchdog_(watchdog),
      id_(id),
      on_stop_(std::move(stop), [this]() { watchdog_.Cancel(id_); }) {}

Watchdog::Watch::~Watch() {
  const MutexLock lock(watchdog_.mutex_);
  watchdog_.entries_.erase(id_);
}

std::optional<Error> Watchdog::Watch::Reason() const {
  const MutexLock lock(watchdog_.mutex_);
  const auto found = watchdog_.entries_.find(id_);
  return found == watchdog_.entries_.end() ? std::nullopt : found->second.reason;
}

}  // namespace datalake::query
