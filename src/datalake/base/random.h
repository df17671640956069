#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace datalake {

/// A source of random bytes; passed in, so that tests own it. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;

  /// Fills `bytes`. Never fails: a machine without randomness ends the program.
  virtual void Fill(std::span<std::byte> bytes) = 0;
};

/// The operating system's generator (getrandom(2)): fit for ids and tokens.
class SystemRandom final : public Random {
 public:
  void Fill(std::span<std::byte> bytes) override;
};

/// A deterministic generator (splitmix64, Steele et al. 2014) for tests and reproducible samples.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  void Fill(std::span<std::byte> bytes) override;

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace datalake
