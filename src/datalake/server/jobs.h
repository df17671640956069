#pragma once

#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/verify.h"

namespace datalake::job {
class JobRunner;
}  // namespace datalake::job

namespace datalake::server {

/// The kind of job that processes staged uploads.
inline constexpr std::string_view kProcessJob = "process";

/// The kind of job that checks assets (POST /validate-assets).
inline constexpr std::string_view kValidateJob = "validate";

/// The body of POST /validate-assets, which is also the job's parameters.
struct ValidateRequest {
  std::vector<lake::AssetPair> pairs;
  lake::ValidateOptions options;
};

/// Reads and checks it. Errors: kInvalidArgument.
Result<ValidateRequest> ParseValidateRequest(std::string_view body);

/// Makes the server's kinds of jobs known to `runner`. `lake` must outlive it.
Status RegisterJobs(job::JobRunner& runner, lake::Lake& lake);

}  // namespace datalake::server
