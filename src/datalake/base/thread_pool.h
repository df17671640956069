#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>

#include "datalake/base/result.h"

namespace datalake {

/// A fixed number of threads over one bounded queue. Submit blocks while the queue is full, so a
/// fast producer cannot outrun memory. Thread-safe. The destructor finishes what was accepted.
class ThreadPool {
 public:
  /// `threads` >= 1; the queue holds `queue_capacity` tasks (0: four a thread).
  explicit ThreadPool(std::size_t threads, std::size_t queue_capacity = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t size() const;

  /// Queues `task`, waiting for room. `task` must not throw; what escapes ends the program.
  /// Errors: kCancelled when `stop` was requested while waiting.
  Status Submit(std::function<void()> task, std::stop_token stop = {});

  /// Queues `task` if there is room now; false when the queue is full. Never blocks on other tasks.
  bool TrySubmit(std::function<void()> task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Runs `body(0) … body(count - 1)` on `pool` and waits. The first error in index order is
/// returned, whatever the timing; after an error, or when `stop` is requested, bodies not yet begun
/// are skipped. Must not be called from a task of the same pool (it would wait for its own thread).
/// Errors: those of `body`; kCancelled.
Status ParallelFor(ThreadPool& pool, std::size_t count, std::stop_token stop,
                   const std::function<Status(std::size_t)>& body);

/// Cores that this process may use (its CPU affinity), at least 1.
std::size_t AvailableCores();

}  // namespace datalake
