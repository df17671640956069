#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "datalake/base/clock.h"

namespace datalake::testing {

/// A clock that moves only when told; starts at 2026-01-01T00:00:00Z. Thread-safe.
class ManualClock final : public Clock {
 public:
  Timestamp Now() const override { return Timestamp(std::chrono::microseconds(micros_.load())); }

  std::int64_t SteadyNanos() const override { return micros_.load() * 1000; }

  void Advance(std::chrono::microseconds by) { micros_ += by.count(); }

 private:
  std::atomic<std::int64_t> micros_{1'767'225'600'000'000};
};

}  // namespace datalake::testing
