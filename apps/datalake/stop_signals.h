#pragma once

#include <stop_token>
#include <thread>

namespace datalake::apps {

/// Turns SIGINT and SIGTERM into a stop request; a second one ends the program at once. Make it
/// first in main, before any other thread: it blocks the signals for all threads begun later.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace datalake::apps
