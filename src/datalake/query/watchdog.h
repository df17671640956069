#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

#include "datalake/base/error.h"
#include "datalake/base/mutex.h"
#include "datalake/query/engine.h"

namespace datalake::query {

/// Ends queries that are asked to stop or run too long. One thread for all queries of an engine,
/// begun with the first query that may need it. An interrupt of DuckDB is lost when it comes just
/// before the query begins, so it is repeated until the query is gone. Thread-safe.
class Watchdog {
 public:
  Watchdog() = default;
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Watches one query as long as it lives.
  class Watch {
   public:
    Watch(Watchdog& watchdog, std::uint64_t id, std::stop_token stop);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// Why the query was interrupted; nothing: it was not.
    std::optional<Error> Reason() const;

   private:
    Watchdog& watchdog_;
    std::uint64_t id_;
    std::stop_callback<std::function<void()>> on_stop_;
  };

  /// Calls `interrupt` (quick, Thread-safe) from the time that the timeout of `limits` has passed
  /// or `stop` was requested until the watch is gone. The watchdog must outlive it.
  std::unique_ptr<Watch> Begin(std::function<void()> interrupt, const QueryLimits& limits,
                               std::stop_token stop);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Entry {
    std::function<void()> interrupt;
    SteadyTime due;
    std::optional<Error> reason_when_due = {};
    std::optional<Error> reason = {};
  };

  void Run(std::stop_token stop);
  SteadyTime InterruptDue(SteadyTime now) DATALAKE_REQUIRES(mutex_);
  void Cancel(std::uint64_t id);

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::uint64_t, Entry> entries_ DATALAKE_GUARDED_BY(mutex_);
  std::uint64_t next_id_ DATALAKE_GUARDED_BY(mutex_) = 1;
  bool is_changed_ DATALAKE_GUARDED_BY(mutex_) = false;
  std::jthread thread_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace datalake::query
