#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "datalake/base/clock.h"
#include "datalake/base/mutex.h"
#include "datalake/base/progress.h"

namespace datalake::apps {

/// Shows progress on standard error: one line that is redrawn on a terminal (at most ten times a
/// second), elsewhere a plain line at the start of a phase and every 10 s. Thread-safe.
class TerminalProgress final : public ProgressSink {
 public:
  explicit TerminalProgress(const Clock& clock);
  ~TerminalProgress() override;

  void Report(const ProgressEvent& event) override;

  /// Shows the newest event that was held back and ends the line; called before results are
  /// printed.
  void Finish();

 private:
  void Draw(const ProgressEvent& event) DATALAKE_REQUIRES(mutex_);

  const Clock& clock_;
  const bool is_terminal_;
  Mutex mutex_;
  std::string phase_ DATALAKE_GUARDED_BY(mutex_);
  std::int64_t phase_start_ns_ DATALAKE_GUARDED_BY(mutex_) = 0;
  std::int64_t last_drawn_ns_ DATALAKE_GUARDED_BY(mutex_) = 0;
  bool line_open_ DATALAKE_GUARDED_BY(mutex_) = false;
  std::optional<ProgressEvent> waiting_ DATALAKE_GUARDED_BY(mutex_);  // held back by the period
};

}  // namespace datalake::apps
