#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake {

/// Microseconds since 1970-01-01T00:00:00Z, without leap seconds. The only time type of the lake.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// Where the time comes from; passed in, so that tests own it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  /// Wall time in UTC; may jump when the machine's clock is set.
  virtual Timestamp Now() const = 0;

  /// Steady time in nanoseconds since an arbitrary start; for durations.
  virtual std::int64_t SteadyNanos() const = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  Timestamp Now() const override;
  std::int64_t SteadyNanos() const override;
};

/// "2026-01-31T12:34:56.123456Z" (RFC 3339, always six decimals).
std::string FormatTimestamp(Timestamp time);

/// "2026-01-31", the UTC day.
std::string FormatDay(Timestamp time);

/// Milliseconds since the epoch, as Delta logs want them.
std::int64_t EpochMillis(Timestamp time);

/// Parses what FormatTimestamp writes, with 0 to 9 decimals (cut to six) and `Z` or `+hh:mm`.
/// Errors: kInvalidArgument.
Result<Timestamp> ParseTimestamp(std::string_view text);

}  // namespace datalake
