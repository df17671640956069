#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

// Clang's thread safety analysis (-Wthread-safety); nothing under other compilers.
#if defined(__clang__)
#define DATALAKE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define DATALAKE_THREAD_ATTRIBUTE(x)
#endif
#define DATALAKE_GUARDED_BY(mutex) DATALAKE_THREAD_ATTRIBUTE(guarded_by(mutex))
#define DATALAKE_REQUIRES(mutex) DATALAKE_THREAD_ATTRIBUTE(requires_capability(mutex))
#define DATALAKE_EXCLUDES(mutex) DATALAKE_THREAD_ATTRIBUTE(locks_excluded(mutex))

namespace datalake {

/// A mutex that clang can check; take it with MutexLock. Thread-safe.
class DATALAKE_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() DATALAKE_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }

  void unlock() DATALAKE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for the length of a scope.
class DATALAKE_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) DATALAKE_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }

  ~MutexLock() DATALAKE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// A condition variable over Mutex. Every wait takes a stop token: a wait that cannot be ended does
/// not exist here. Thread-safe.
class CondVar {
 public:
  void NotifyOne() { condition_.notify_one(); }

  void NotifyAll() { condition_.notify_all(); }

  /// Waits until `ready()`; false when `stop` was requested first.
  template <typename Predicate>
  bool Wait(Mutex& mutex, std::stop_token stop, Predicate ready) DATALAKE_REQUIRES(mutex) {
    return condition_.wait(mutex, std::move(stop), ready);
  }

  /// As Wait, at most `timeout` long; returns `ready()`.
  template <typename Predicate>
  bool WaitFor(Mutex& mutex, std::stop_token stop, std::chrono::nanoseconds timeout,
               Predicate ready) DATALAKE_REQUIRES(mutex) {
    return condition_.wait_for(mutex, std::move(stop), timeout, ready);
  }

 private:
  std::condition_variable_any condition_;
};

}  // namespace datalake
