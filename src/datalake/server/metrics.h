#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/mutex.h"
#include "datalake/server/http_server.h"

namespace datalake::server {

/// Appends metrics in the text format of Prometheus 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats). Single-threaded.
class MetricsWriter {
 public:
  explicit MetricsWriter(std::string& out) : out_(out) {}

  /// Begins a metric; `type` is "counter", "gauge" or "histogram".
  void Begin(std::string_view name, std::string_view type, std::string_view help);

  /// One value of the metric begun last. `labels`: "feed=\"chat\"", values by Label; may be empty.
  void Value(double value, std::string_view labels = {}, std::string_view suffix = {});

  /// key="value", escaped.
  static std::string Label(std::string_view key, std::string_view value);

 private:
  std::string& out_;
  std::string name_;
};

/// Counts what an HTTP server answers, by route and status, with a histogram of times. Counters of
/// a thread are its own: counting takes no lock. Thread-safe.
class Metrics final : public RequestObserver {
 public:
  /// For a server of `shards` threads over the routes of `router`, which must outlive it.
  Metrics(const Router& router, std::size_t shards);

  void OnRequest(const RequestFacts& facts) override;

  /// Adds a part of the page; called at every Render, by one thread at a time. What it uses must
  /// outlive the metrics.
  void AddSource(std::function<void(MetricsWriter&)> source);

  /// The page. May block where a source does.
  std::string Render();

 private:
  static constexpr std::size_t kClasses = 6;  // by the first digit of the status
  static constexpr std::array<double, 12> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                     0.1,   0.25,   0.5,   1,    5,     30};

  struct Counters {  // of one route and one thread
    std::array<std::atomic<std::uint64_t>, kClasses> statuses{};
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets{};
    std::atomic<std::uint64_t> nanos{0};
    std::atomic<std::uint64_t> bytes_in{0};
    std::atomic<std::uint64_t> bytes_out{0};
  };

  std::uint64_t Sum(std::size_t route,
                    const std::function<std::uint64_t(const Counters&)>& of) const;
  void WriteRequests(MetricsWriter& writer) const;
  void WriteTimes(MetricsWriter& writer) const;

  const Router& router_;
  std::vector<std::unique_ptr<std::vector<Counters>>> shards_;  // the last route: none fitted
  Mutex mutex_;
  std::vector<std::function<void(MetricsWriter&)>> sources_ DATALAKE_GUARDED_BY(mutex_);
};

/// Memory, CPU, open files and start of this process, as Prometheus' own clients name them (Linux).
void WriteProcessMetrics(MetricsWriter& writer);

}  // namespace datalake::server
