#include "datalake/server/rate_limiter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "datalake/base/hash.h"

namespace datalake::server {
namespace {

constexpr double kNanosPerSecond = 1e9;

}  // namespace

RateLimiter::RateLimiter(const Clock& clock, Random& random) : clock_(clock) {
  random.Fill(std::as_writable_bytes(std::span(&seed_, 1)));
}

std::uint64_t RateLimiter::KeyOf(std::string_view key) const {
  std::array<char, 96> keyed{};
  std::memcpy(keyed.data(), &seed_, sizeof(seed_));
  const std::size_t used = std::min(key.size(), keyed.size() - sizeof(seed_));
  std::memcpy(keyed.data() + sizeof(seed_), key.data(), used);
  return Xxh3Hash64({keyed.data(), sizeof(seed_) + used});
}

RateLimiter::Bucket& RateLimiter::Refill(Stripe& stripe, std::uint64_t key, std::uint64_t limit,
                                         std::chrono::seconds period) {
  const std::int64_t now = clock_.SteadyNanos();
  const double full = static_cast<double>(limit);
  const double per_nano = full / (static_cast<double>(period.count()) * kNanosPerSecond);
  if (stripe.buckets.size() >= kMaxBuckets && !stripe.buckets.contains(key)) {
    const auto level = [now](const Bucket& bucket) {
      return (bucket.level + static_cast<double>(now - bucket.at) * bucket.per_nano) / bucket.full;
    };
    std::erase_if(stripe.buckets, [&](const auto& entry) { return level(entry.second) >= 1; });
    if (stripe.buckets.size() >= kMaxBuckets) {
      std::erase_if(stripe.buckets, [&](const auto& entry) { return level(entry.second) > 0.5; });
    }
    if (stripe.buckets.size() >= kMaxBuckets) {
      stripe.buckets.erase(stripe.buckets.begin());
    }
  }
  const auto [found, made] = stripe.buckets.try_emplace(key, Bucket{full, full, per_nano, now});
  Bucket& bucket = found->second;
  const double passed = static_cast<double>(std::max<std::int64_t>(now - bucket.at, 0));
  bucket.full = full;
  bucket.per_nano = per_nano;
  bucket.level = std::min(full, bucket.level + passed * per_nano);
  bucket.at = now;
  return bucket;
}

std::chrono::nanoseconds RateLimiter::Take(std::string_view key, std::uint64_t limit,
                                           std::chrono::seconds period, std::uint64_t amount) {
  const std::uint64_t hashed = KeyOf(key);
  Stripe& stripe = stripes_[hashed % kStripes];
  const MutexLock lock(stripe.mutex);
  Bucket& bucket = Refill(stripe, hashed, limit, period);
  const double wanted = static_cast<double>(amount);
  const double needed = std::min(wanted, bucket.full);
  if (bucket.level >= needed) {
    bucket.level -= wanted;
    return {};
  }
  const double wait = std::ceil((needed - bucket.level) / bucket.per_nano);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(wait, 9e18)));
}

void RateLimiter::Charge(std::string_view key, std::uint64_t limit, std::chrono::seconds period,
                         std::uint64_t amount) {
  const std::uint64_t hashed = KeyOf(key);
  Stripe& stripe = stripes_[hashed % kStripes];
  const MutexLock lock(stripe.mutex);
  Refill(stripe, hashed, limit, period).level -= static_cast<double>(amount);
}

}  // namespace datalake::server
