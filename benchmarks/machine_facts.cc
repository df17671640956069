#include "benchmarks/machine_facts.h"

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
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

}  // namespace datalake::benchmarks
