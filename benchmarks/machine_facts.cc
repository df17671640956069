#include "benchmarks/machine_facts.h"

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/io/stream.h"

namespace datalake::benchmarks {

double ProcessCpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::uint64_t PeakMemoryBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

Result<double> InflateMbps(io::FileSystem& fs, std::string_view path) {
  std::vector<std::byte> buffer(std::size_t{512} << 10);
  double best = 0;
  for (int pass = 0; pass < 3; ++pass) {
    DATALAKE_TRY_ASSIGN(const auto input, io::OpenCompressed(fs, path));
    std::uint64_t bytes = 0;
    const double begin = ProcessCpuSeconds();
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::size_t read, input->Read(buffer));
      if (read == 0) {
        break;
      }
      bytes += read;
    }
    const double seconds = ProcessCpuSeconds() - begin;
    best = std::max(best, static_cast<double>(bytes) / 1e6 / seconds);
  }
  return best;
}

Result<double> SyncMillis(io::FileSystem& fs, std::string_view dir) {
  const std::string path = io::JoinPath(dir, ".sync_probe");
  DATALAKE_TRY_ASSIGN(const auto file, fs.Create(path));
  const std::vector<std::byte> page(4096, std::byte{7});
  const SystemClock clock;
  std::vector<std::int64_t> nanos;
  for (int i = 0; i < 300; ++i) {
    const std::int64_t begin = clock.SteadyNanos();
    DATALAKE_TRY(file->Write(page));
    DATALAKE_TRY(file->Sync());
    nanos.push_back(clock.SteadyNanos() - begin);
  }
  DATALAKE_TRY(file->Close());
  DATALAKE_TRY(fs.Remove(path));
  std::ranges::nth_element(nanos, nanos.begin() + 150);
  return static_cast<double>(nanos[150]) / 1e6;
}

}  // namespace datalake::benchmarks
