#include "datalake/curate/run_costs.h"

#include <algorithm>

#include "datalake/base/process.h"

namespace datalake::curate {

void AddCosts(const std::vector<RunCost>& part, std::vector<RunCost>& sum) {
  for (std::size_t i = 0; i < std::min(part.size(), sum.size()); ++i) {
    sum[i].nanos += part[i].nanos;
  }
}

Stopwatch::Stopwatch() {
  const std::int64_t start = ThreadCpuNanos();
  from_ = ThreadCpuNanos();
  look_ = from_ - start;
}

void Stopwatch::Lap(std::int64_t& nanos, std::int64_t weight) {
  const std::int64_t now = ThreadCpuNanos();
  nanos += std::max(now - from_ - look_, std::int64_t{0}) * weight;
  from_ = now;
}

}  // namespace datalake::curate
