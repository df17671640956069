#pragma once

#include <string_view>

#include "datalake/base/result.h"

namespace datalake::lake {
class Lake;
}  // namespace datalake::lake

namespace datalake::job {
class JobRunner;
}  // namespace datalake::job

namespace datalake::server {

/// The kind of job that processes staged uploads.
inline constexpr std::string_view kProcessJob = "process";

/// Makes the server's kinds of jobs known to `runner`. `lake` must outlive it.
Status RegisterJobs(job::JobRunner& runner, lake::Lake& lake);

}  // namespace datalake::server
