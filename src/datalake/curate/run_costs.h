#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace datalake::curate {

/// CPU time of one step of a run, over all threads.
struct RunCost {
  std::string name = {};
  std::int64_t nanos = 0;
};

/// Adds the times of the same steps.
void AddCosts(const std::vector<RunCost>& part, std::vector<RunCost>& sum);

/// CPU time by step. `Step` is an enum of `count` steps, numbered from 0.
template <typename Step, std::size_t count>
class StepTimes {
 public:
  std::int64_t& operator[](Step step) { return nanos_[static_cast<std::size_t>(step)]; }

  void Add(const StepTimes& other) {
    for (std::size_t i = 0; i < count; ++i) {
      nanos_[i] += other.nanos_[i];
    }
  }

  /// For a report; `names` are those of the steps.
  std::vector<RunCost> Costs(const std::array<std::string_view, count>& names) const {
    std::vector<RunCost> costs;
    for (std::size_t i = 0; i < count; ++i) {
      costs.push_back({std::string(names[i]), nanos_[i]});
    }
    return costs;
  }

 private:
  std::array<std::int64_t, count> nanos_ = {};
};

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
