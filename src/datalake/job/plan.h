#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::job {

/// What one task unit reports while it runs. Thread-safe.
struct TaskContext {
  std::stop_token stop;
};

/// One idempotent piece of work: it reads its inputs and publishes its outputs whole, each under
/// its final name only when complete (io::AtomicFile). Running it again is always right.
struct TaskUnit {
  std::string id;                    ///< unique in the plan, for messages
  std::vector<std::string> inputs;   ///< paths, for executors that place work near data
  std::vector<std::string> outputs;  ///< paths; all there means the unit is done
  std::vector<std::size_t> after;    ///< indexes of earlier units that must be done before
  std::uint64_t bytes = 0;           ///< size of the inputs, for progress; 0 unknown
  std::function<Status(const TaskContext&)> run;
};

/// A job cut into units. Immutable while it is executed; its result does not depend on the order in
/// which units run nor on the number of threads.
struct Plan {
  std::string name;  ///< phase of the progress events
  std::vector<TaskUnit> units;

  /// Errors: kInvalidArgument (an id twice, an output of two units, `after` of a later unit).
  Status Validate() const;
};

struct ExecuteOptions {
  std::size_t threads = 0;  ///< 0: all cores
  bool skip_done = true;    ///< false runs units again whose outputs are there
};

struct ExecuteReport {
  std::size_t units_run = 0;
  std::size_t units_skipped = 0;
};

/// Runs a plan on threads of this process: units whose outputs are all there are skipped, so a
/// killed run goes on where it stopped. After an error no new unit begins.
/// Errors: the first error in unit order among those that ran, with the unit's id in front;
/// kCancelled; those of Validate.
Result<ExecuteReport> ExecuteLocally(io::FileSystem& fs, const Plan& plan,
                                     const ExecuteOptions& options, ProgressSink& progress,
                                     std::stop_token stop);

}  // namespace datalake::job
