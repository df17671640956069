#include "apps/datalake/stop_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

namespace datalake::apps {
namespace {

constexpr int kInterruptedExitCode = 130;  // 128 + SIGINT, as shells have it

sigset_t StopSet(StopSignals::Hangup hangup) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (hangup == StopSignals::Hangup::kNoted) {
    sigaddset(&set, SIGHUP);
  }
  return set;
}

}  // namespace

StopSignals::StopSignals(Hangup hangup) {
  const sigset_t set = StopSet(hangup);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  waiter_ = std::jthread([this, set](const std::stop_token& ended) {
    const timespec period{.tv_sec = 0, .tv_nsec = 50'000'000};
    while (!ended.stop_requested()) {
      const int signal = sigtimedwait(&set, nullptr, &period);
      if (signal == SIGHUP) {
        hangup_ = true;
      }
      if (signal < 0 || signal == SIGHUP) {
        continue;
      }
      if (!source_.request_stop()) {
        _exit(kInterruptedExitCode);
      }
    }
  });
}

StopSignals::~StopSignals() = default;

}  // namespace datalake::apps
