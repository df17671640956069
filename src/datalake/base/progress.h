#pragma once

#include <cstdint>
#include <string>

namespace datalake {

/// How far a long work is. Totals are 0 while unknown. Sent at most a few times a second.
struct ProgressEvent {
  std::string phase;             ///< what is being done now, such as "tag" or "commit"
  std::uint64_t items_done = 0;  ///< rows, documents, files: the work says which in `unit`
  std::uint64_t items_total = 0;
  std::string unit;
  std::uint64_t bytes_done = 0;  ///< uncompressed bytes
  std::uint64_t bytes_total = 0;
  /// Bytes of the input as it is stored, where whoever watches the files knows them: how much of
  /// the work is done when its uncompressed size is not known.
  std::uint64_t stored_done = 0;
  std::uint64_t stored_total = 0;
};

/// Takes progress events. Thread-safe: workers report from their own threads.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;

  virtual void Report(const ProgressEvent& event) = 0;
};

/// Drops every event; for callers who do not watch.
class NullProgress final : public ProgressSink {
 public:
  void Report(const ProgressEvent&) override {}
};

}  // namespace datalake
