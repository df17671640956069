#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace datalake::curate {

/// CPU time of one step of a run, over all threads.
struct RunCost {
  std::string name = {};
  std::int64_t nanos = 0;
};

/// Adds the times of the same steps.
void AddCosts(const std::vector<RunCost>& part, std::vector<RunCost>& sum);

/// Takes the CPU time of the calling thread, without that of looking at it: a look takes about
/// 0.3 us, so of steps a document long only some are timed, with their weight. Single-threaded.
class Stopwatch {
 public:
  Stopwatch();

  /// Adds the time since the last lap, `weight` times.
  void Lap(std::int64_t& nanos, std::int64_t weight = 1);

 private:
  std::int64_t from_;
  std::int64_t look_;  // what a look takes
};

}  // namespace datalake::curate
