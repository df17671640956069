#include "apps/datalake/terminal_progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace datalake::apps {
namespace {

constexpr std::int64_t kTerminalPeriodNs = 100'000'000;
constexpr std::int64_t kPlainPeriodNs = 10'000'000'000;
constexpr double kBytesPerMb = 1e6;

std::string Bar(double share) {
  constexpr int kCells = 24;
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * kCells);
  return fmt::format("[{}{}]", std::string(filled, '#'), std::string(kCells - filled, '.'));
}

struct Share {
  double done = 0;
  double total = 0;  // 0: not known
};

// By what is nearest to the time it takes.
Share Done(const ProgressEvent& event) {
  if (event.stored_total > 0) {
    return {static_cast<double>(event.stored_done), static_cast<double>(event.stored_total)};
  }
  if (event.bytes_total > 0) {
    return {static_cast<double>(event.bytes_done), static_cast<double>(event.bytes_total)};
  }
  return {static_cast<double>(event.items_done), static_cast<double>(event.items_total)};
}

std::string Describe(const ProgressEvent& event, double seconds) {
  std::string line = event.phase + " ";
  const auto [done, total] = Done(event);
  if (total > 0) {
    line += fmt::format("{} {:3.0f} % ", Bar(done / total), 100 * std::min(1.0, done / total));
  }
  line +=
      fmt::format("{}{} {}", event.items_done,
                  event.items_total > 0 ? fmt::format("/{}", event.items_total) : "", event.unit);
  if (event.bytes_done > 0 && seconds > 0.5) {
    line +=
        fmt::format(" {:.0f} MB/s", static_cast<double>(event.bytes_done) / kBytesPerMb / seconds);
  }
  if (total > 0 && done > 0 && seconds > 1 && done < total) {
    line += fmt::format(" {:.0f} s left", seconds * (total - done) / done);
  }
  return line;
}

}  // namespace

TerminalProgress::TerminalProgress(const Clock& clock)
    : clock_(clock), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

TerminalProgress::~TerminalProgress() {
  Finish();
}

void TerminalProgress::Finish() {
  MutexLock lock(mutex_);
  if (waiting_) {
    last_drawn_ns_ = clock_.SteadyNanos();
    Draw(*waiting_);
    waiting_.reset();
  }
  if (line_open_) {
    std::fputs("\n", stderr);
    line_open_ = false;
  }
}

void TerminalProgress::Report(const ProgressEvent& event) {
  MutexLock lock(mutex_);
  const std::int64_t now = clock_.SteadyNanos();
  const bool new_phase = event.phase != phase_;
  if (new_phase && waiting_) {  // how the phase before ended
    Draw(*std::exchange(waiting_, std::nullopt));
  }
  if (new_phase) {
    phase_ = event.phase;
    phase_start_ns_ = now;
    if (line_open_) {
      std::fputs("\n", stderr);
      line_open_ = false;
    }
  }
  const std::int64_t period = is_terminal_ ? kTerminalPeriodNs : kPlainPeriodNs;
  if (new_phase || now - last_drawn_ns_ >= period) {
    last_drawn_ns_ = now;
    waiting_.reset();
    Draw(event);
  } else {
    waiting_ = event;
  }
}

void TerminalProgress::Draw(const ProgressEvent& event) {
  const double seconds = static_cast<double>(last_drawn_ns_ - phase_start_ns_) / 1e9;
  const std::string line = Describe(event, seconds);
  if (is_terminal_) {
    std::fputs(("\r\x1b[K" + line).c_str(), stderr);
    line_open_ = true;
  } else {
    std::fputs((line + "\n").c_str(), stderr);
  }
  std::fflush(stderr);
}

}  // namespace datalake::apps
