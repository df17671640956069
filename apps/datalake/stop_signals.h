#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <thread>

namespace datalake::apps {

/// Turns SIGINT and SIGTERM into a stop request; a second one ends the program at once. Make it
/// first in main, before any other thread: it blocks the signals for all threads begun later.
class StopSignals {
 public:
  /// What SIGHUP does: end the program as ever, or be noted for TakeHangup.
  enum class Hangup : std::uint8_t { kEnds, kNoted };

  explicit StopSignals(Hangup hangup = Hangup::kEnds);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }

  /// True once after a SIGHUP that was noted. Thread-safe.
  bool TakeHangup() { return hangup_.exchange(false); }

 private:
  std::stop_source source_;
  std::atomic<bool> hangup_{false};
  std::jthread waiter_;
};

}  // namespace datalake::apps
