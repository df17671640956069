#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

#include "datalake/base/result.h"
#include "datalake/json/jq.h"

namespace datalake::json {

/// Ends runs that somebody wants ended or that exceed their limits, by a thread that looks at them
/// every kPeriod from the first one on. One run at a time; Single-threaded.
class JqWatch {
 public:
  static constexpr std::chrono::milliseconds kPeriod{20};

  explicit JqWatch(const JqLimits& limits);
  ~JqWatch();
  JqWatch(const JqWatch&) = delete;
  JqWatch& operator=(const JqWatch&) = delete;

  /// A run begins. `halt` ends it; it is called at most once, from another thread, before End.
  /// Cost: a mutex.
  void Begin(std::stop_token stop, std::function<void()> halt);

  /// The run has ended. Why it was ended: kCancelled, kResourceExhausted naming the limit.
  Status End();

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace datalake::json
