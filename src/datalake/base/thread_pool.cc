#include "datalake/base/thread_pool.h"

#include <sched.h>

#include <atomic>
#include <deque>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "datalake/base/mutex.h"

namespace datalake {

struct ThreadPool::State {
  Mutex mutex;
  CondVar not_empty;
  CondVar not_full;
  std::deque<std::function<void()>> queue DATALAKE_GUARDED_BY(mutex);
  std::size_t capacity = 0;
  std::vector<std::jthread> threads;  // last: joined before the queue goes

  void Run(const std::stop_token& stop) {
    while (true) {
      std::function<void()> task;
      {
        MutexLock lock(mutex);
        // A stop ends the wait only when the queue is empty: what was accepted is finished.
        if (!not_empty.Wait(mutex, stop, [this] { return !queue.empty(); })) {
          return;
        }
        task = std::move(queue.front());
        queue.pop_front();
      }
      not_full.NotifyOne();
      task();
    }
  }
};

ThreadPool::ThreadPool(std::size_t threads, std::size_t queue_capacity)
    : state_(std::make_unique<State>()) {
  threads = threads == 0 ? 1 : threads;
  state_->capacity = queue_capacity == 0 ? threads * 4 : queue_capacity;
  state_->threads.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back(
        [state = state_.get()](std::stop_token stop) { state->Run(stop); });
  }
}

ThreadPool::~ThreadPool() = default;

std::size_t ThreadPool::size() const {
  return state_->threads.size();
}

Status ThreadPool::Submit(std::function<void()> task, std::stop_token stop) {
  {
    MutexLock lock(state_->mutex);
    if (!state_->not_full.Wait(state_->mutex, std::move(stop),
                               [this] { return state_->queue.size() < state_->capacity; })) {
      return Error{ErrorCode::kCancelled, "cancelled while waiting for a free thread"};
    }
    state_->queue.push_back(std::move(task));
  }
  state_->not_empty.NotifyOne();
  return {};
}

bool ThreadPool::TrySubmit(std::function<void()> task) {
  {
    MutexLock lock(state_->mutex);
    if (state_->queue.size() >= state_->capacity) {
      return false;
    }
    state_->queue.push_back(std::move(task));
  }
  state_->not_empty.NotifyOne();
  return true;
}

Status ParallelFor(ThreadPool& pool, std::size_t count, std::stop_token stop,
                   const std::function<Status(std::size_t)>& body) {
  struct Shared {
    Mutex mutex;
    CondVar done;
    std::size_t running DATALAKE_GUARDED_BY(mutex) = 0;
    std::size_t error_index DATALAKE_GUARDED_BY(mutex) = SIZE_MAX;
    std::optional<Error> error DATALAKE_GUARDED_BY(mutex);
  } shared;

  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    // Indices are handed out in order, so every index below a failed one has begun and will report.
    while (!failed.load(std::memory_order_relaxed) && !stop.stop_requested()) {
      const std::size_t index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) {
        return;
      }
      if (Status status = body(index); !status) {
        failed.store(true, std::memory_order_relaxed);
        MutexLock lock(shared.mutex);
        if (index < shared.error_index) {
          shared.error_index = index;
          shared.error = std::move(status).error();
        }
      }
    }
  };
  const std::size_t workers = std::min(pool.size(), count);
  for (std::size_t i = 0; i < workers; ++i) {
    {
      MutexLock lock(shared.mutex);
      ++shared.running;
    }
    // Without a stop token: a worker that was counted must run, it looks at `stop` itself.
    Status submitted = pool.Submit([&] {
      work();
      MutexLock lock(shared.mutex);
      --shared.running;
      shared.done.NotifyAll();
    });
    if (!submitted) {
      MutexLock lock(shared.mutex);
      --shared.running;
    }
  }
  MutexLock lock(shared.mutex);
  shared.done.Wait(shared.mutex, {}, [&shared] { return shared.running == 0; });
  if (shared.error) {
    return *std::move(shared.error);
  }
  if (stop.stop_requested() && next.load() < count) {
    return Error{ErrorCode::kCancelled, "cancelled"};
  }
  return {};
}

std::size_t AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return count < 1 ? 1 : static_cast<std::size_t>(count);
}

}  // namespace datalake
