#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "datalake/base/clock.h"
#include "datalake/base/mutex.h"
#include "datalake/base/random.h"

namespace datalake::server {

/// Token buckets by key: `limit` of something in `period`, at once or spread, and no more. Memory
/// is bounded: when a part of the table is full, buckets that are full again are forgotten, then
/// the ones that wait least. Thread-safe; the keys are spread over many locks.
class RateLimiter {
 public:
  /// `clock` must outlive it; `random` only keys the hash, so that nobody can choose collisions.
  RateLimiter(const Clock& clock, Random& random);

  /// Takes `amount` out of the bucket of `key`; zero, or how long to wait until there is enough.
  /// Nothing is taken then. With `amount` over `limit` a full bucket is enough: it goes below zero.
  std::chrono::nanoseconds Take(std::string_view key, std::uint64_t limit,
                                std::chrono::seconds period, std::uint64_t amount = 1);

  /// Takes `amount` whatever is there, below zero too: for what is known only afterwards.
  void Charge(std::string_view key, std::uint64_t limit, std::chrono::seconds period,
              std::uint64_t amount);

 private:
  struct Bucket {
    double level;
    double full;
    double per_nano;
    std::int64_t at;  // SteadyNanos of `level`
  };

  struct Stripe {
    Mutex mutex;
    std::unordered_map<std::uint64_t, Bucket> buckets DATALAKE_GUARDED_BY(mutex);
  };

  static constexpr std::size_t kStripes = 64;
  static constexpr std::size_t kMaxBuckets = 4096;  // a stripe

  std::uint64_t KeyOf(std::string_view key) const;
  Bucket& Refill(Stripe& stripe, std::uint64_t key, std::uint64_t limit,
                 std::chrono::seconds period) DATALAKE_REQUIRES(stripe.mutex);

  const Clock& clock_;
  std::uint64_t seed_ = 0;
  std::array<Stripe, kStripes> stripes_{};
};

}  // namespace datalake::server
