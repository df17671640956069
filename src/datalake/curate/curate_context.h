#pragma once

#include <cstddef>
#include <stop_token>

#include "datalake/base/clock.h"
#include "datalake/base/progress.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// Where a run happens. What is referred to must outlive it.
struct CurateContext {
  io::FileSystem& fs;
  const Clock& clock;
  ProgressSink& progress;
  std::size_t threads = 1;
  std::stop_token stop;
};

}  // namespace datalake::curate
