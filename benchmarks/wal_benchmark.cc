// Durable appends of 1 KB by 64 threads: records/s, latency, what was read back after reopening.
// wal_benchmark [folder [seconds]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/testing/temp_dir.h"
#include "datalake/wal/wal.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr int kAppenders = 64;
constexpr std::size_t kRecordBytes = 1000;

struct Measured {
  std::vector<std::int64_t> nanos;
  double seconds = 0;
  double cpu_seconds = 0;
};

std::string Payload(std::size_t appender, std::size_t i) {
  std::string payload = fmt::format("{}/{} ", appender, i);
  payload.resize(kRecordBytes, 'r');
  return payload;
}

Measured RunAppenders(wal::Wal& log, const Clock& clock, double seconds) {
  std::vector<std::vector<std::int64_t>> nanos(kAppenders);
  const std::int64_t begin = clock.SteadyNanos();
  const double cpu_begin = ProcessCpuSeconds();
  const std::int64_t end = begin + static_cast<std::int64_t>(seconds * 1e9);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < kAppenders; ++t) {
      threads.emplace_back([&, t] {
        std::int64_t now = clock.SteadyNanos();
        for (std::size_t i = 0; now < end; ++i) {
          if (!log.Append(Payload(t, i))) {
            return;  // seen by the count
          }
          const std::int64_t after = clock.SteadyNanos();
          nanos[t].push_back(after - now);
          now = after;
        }
      });
    }
  }
  Measured measured{.nanos = {},
                    .seconds = static_cast<double>(clock.SteadyNanos() - begin) / 1e9,
                    .cpu_seconds = ProcessCpuSeconds() - cpu_begin};
  for (const auto& some : nanos) {
    measured.nanos.insert(measured.nanos.end(), some.begin(), some.end());
  }
  std::ranges::sort(measured.nanos);
  return measured;
}

Status Run(const std::string& folder, double seconds) {
  io::LocalFileSystem fs;
  const SystemClock clock;
  SystemRandom random;
  DATALAKE_TRY_ASSIGN(const double sync_before, SyncMillis(fs, folder));
  const std::string dir = io::JoinPath(folder, "wal");
  Measured measured;
  {
    DATALAKE_TRY_ASSIGN(const auto log, wal::Wal::Open(fs, clock, random, dir, {}));
    measured = RunAppenders(*log, clock, seconds);
    DATALAKE_TRY(log->health());
  }
  DATALAKE_TRY_ASSIGN(const double sync_after, SyncMillis(fs, folder));

  DATALAKE_TRY_ASSIGN(const auto log, wal::Wal::Open(fs, clock, random, dir, {}));
  std::uint64_t found = 0;
  DATALAKE_TRY(log->ForEachFrom(0, [&](const wal::Record& record) -> Status {
    if (record.payload.size() != kRecordBytes || record.sequence != ++found) {
      return Error{ErrorCode::kCorruption, "not what was appended"};
    }
    return {};
  }));
  const std::size_t n = measured.nanos.size();
  if (found != n || n == 0) {
    return Error{ErrorCode::kCorruption, fmt::format("{} records of {} found", found, n)};
  }
  const auto millis = [&](std::size_t at) { return static_cast<double>(measured.nanos[at]) / 1e6; };
  fmt::print("fdatasync p50 of the machine  {:.3f} ms before, {:.3f} ms after\n", sync_before,
             sync_after);
  fmt::print("verified                      {} records after reopening\n", found);
  fmt::print("{} appenders of {} B        {:.0f} records/s, {:.1f} MB/s\n", kAppenders,
             kRecordBytes, static_cast<double>(n) / measured.seconds,
             static_cast<double>(n * kRecordBytes) / 1e6 / measured.seconds);
  fmt::print("latency                       p50 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms\n",
             millis(n / 2), millis(n * 99 / 100), millis(n - 1));
  fmt::print("cpu                           {:.1f} us a record; peak memory {:.0f} MB\n",
             measured.cpu_seconds * 1e6 / static_cast<double>(n),
             static_cast<double>(PeakMemoryBytes()) / 1e6);
  return {};
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  const datalake::testing::TempDir temp;
  const datalake::Status done = datalake::benchmarks::Run(
      argc > 1 ? argv[1] : temp.path(), argc > 2 ? std::strtod(argv[2], nullptr) : 5);
  if (!done) {
    fmt::print(stderr, "{}\n", datalake::ToString(done.error()));
    return 1;
  }
  return 0;
}
