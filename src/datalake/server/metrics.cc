#include "datalake/server/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace datalake::server {
namespace {

constexpr double kNanosPerSecond = 1e9;
constexpr double kMicrosPerSecond = 1e6;

void Add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
  // Only this thread writes it: a plain add that readers see whole.
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

std::string RouteLabels(const Router& router, std::size_t index) {
  if (index == router.routes().size()) {
    return R"(method="",route="none")";
  }
  const Route& route = router.routes()[index];
  return MetricsWriter::Label("method", route.method) + "," +
         MetricsWriter::Label("route", route.path);
}

}  // namespace

void MetricsWriter::Begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsWriter::Value(double value, std::string_view labels, std::string_view suffix) {
  out_.append(name_).append(suffix);
  if (!labels.empty()) {
    out_.append("{").append(labels).append("}");
  }
  if (std::isfinite(value) && value == std::floor(value) && std::fabs(value) < 1e15) {
    fmt::format_to(std::back_inserter(out_), " {}\n", static_cast<std::int64_t>(value));
  } else {
    fmt::format_to(std::back_inserter(out_), " {}\n", value);
  }
}

std::string MetricsWriter::Label(std::string_view key, std::string_view value) {
  std::string label = fmt::format("{}=\"", key);
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      label.push_back('\\');
    }
    if (c == '\n') {
      label.append("\\n");
    } else {
      label.push_back(c);
    }
  }
  label.push_back('"');
  return label;
}

Metrics::Metrics(const Router& router, std::size_t shards) : router_(router) {
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<std::vector<Counters>>(router.routes().size() + 1));
  }
}

void Metrics::OnRequest(const RequestFacts& facts) {
  const std::size_t index = facts.route == nullptr ? router_.routes().size() : facts.route_index;
  Counters& counters = (*shards_[facts.shard])[index];
  const int digit = facts.status / 100;
  Add(counters.statuses[digit > 0 && digit < 6 ? static_cast<std::size_t>(digit) : 0], 1);
  const double seconds = static_cast<double>(facts.nanos) / kNanosPerSecond;
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) {
    ++bucket;
  }
  Add(counters.buckets[bucket], 1);
  Add(counters.nanos, static_cast<std::uint64_t>(facts.nanos));
  Add(counters.bytes_in, facts.bytes_in);
  Add(counters.bytes_out, facts.bytes_out);
}

void Metrics::AddSource(std::function<void(MetricsWriter&)> source) {
  const MutexLock lock(mutex_);
  sources_.push_back(std::move(source));
}

std::uint64_t Metrics::Sum(std::size_t route,
                           const std::function<std::uint64_t(const Counters&)>& of) const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) {
    sum += of((*shard)[route]);
  }
  return sum;
}

void Metrics::WriteRequests(MetricsWriter& writer) const {
  writer.Begin("datalake_http_requests_total", "counter", "Requests answered.");
  for (std::size_t route = 0; route <= router_.routes().size(); ++route) {
    for (std::size_t digit = 1; digit < kClasses; ++digit) {
      const std::uint64_t count = Sum(route, [digit](const Counters& counters) {
        return counters.statuses[digit].load(std::memory_order_relaxed);
      });
      if (count > 0) {
        writer.Value(static_cast<double>(count),
                     fmt::format("{},status=\"{}xx\"", RouteLabels(router_, route), digit));
      }
    }
  }
  const auto bytes = [&](std::string_view name, std::string_view help,
                         std::atomic<std::uint64_t> Counters::* member) {
    writer.Begin(name, "counter", help);
    std::uint64_t sum = 0;
    for (std::size_t route = 0; route <= router_.routes().size(); ++route) {
      sum += Sum(route, [member](const Counters& counters) {
        return (counters.*member).load(std::memory_order_relaxed);
      });
    }
    writer.Value(static_cast<double>(sum));
  };
  bytes("datalake_http_request_bytes_total", "Bytes of bodies received.", &Counters::bytes_in);
  bytes("datalake_http_response_bytes_total", "Bytes of bodies sent.", &Counters::bytes_out);
}

void Metrics::WriteTimes(MetricsWriter& writer) const {
  writer.Begin("datalake_http_request_duration_seconds", "histogram",
               "From the complete header to the last byte of the answer.");
  for (std::size_t route = 0; route <= router_.routes().size(); ++route) {
    const std::string labels = RouteLabels(router_, route);
    std::array<std::uint64_t, kBounds.size() + 1> counts{};
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      counts[i] = Sum(route, [i](const Counters& counters) {
        return counters.buckets[i].load(std::memory_order_relaxed);
      });
      total += counts[i];
    }
    if (total == 0) {
      continue;
    }
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      below += counts[i];
      writer.Value(static_cast<double>(below), fmt::format("{},le=\"{}\"", labels, kBounds[i]),
                   "_bucket");
    }
    writer.Value(static_cast<double>(total), labels + ",le=\"+Inf\"", "_bucket");
    const std::uint64_t nanos = Sum(route, [](const Counters& counters) {
      return counters.nanos.load(std::memory_order_relaxed);
    });
    writer.Value(static_cast<double>(nanos) / kNanosPerSecond, labels, "_sum");
    writer.Value(static_cast<double>(total), labels, "_count");
  }
}

std::string Metrics::Render() {
  std::string page;
  MetricsWriter writer(page);
  WriteRequests(writer);
  WriteTimes(writer);
  const MutexLock lock(mutex_);
  for (const auto& source : sources_) {
    source(writer);
  }
  return page;
}

void WriteProcessMetrics(MetricsWriter& writer) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicrosPerSecond;
  };
  writer.Begin("process_cpu_seconds_total", "counter", "CPU time of the process.");
  writer.Value(seconds(usage.ru_utime) + seconds(usage.ru_stime));
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (statm >> pages >> resident) {
    writer.Begin("process_resident_memory_bytes", "gauge", "Memory of the process.");
    writer.Value(static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  }
  std::error_code code;
  std::uint64_t files = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", code), end; !code && at != end;
       at.increment(code)) {
    ++files;
  }
  writer.Begin("process_open_fds", "gauge", "Open files and sockets.");
  writer.Value(static_cast<double>(files));
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  writer.Begin("process_max_fds", "gauge", "The most files and sockets that may be open.");
  writer.Value(static_cast<double>(limit.rlim_cur));
}

}  // namespace datalake::server
