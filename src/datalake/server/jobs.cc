#include "datalake/server/jobs.h"

#include <utility>

#include "datalake/job/job_runner.h"
#include "datalake/lake/process.h"

namespace datalake::server {

Status RegisterJobs(job::JobRunner& runner, lake::Lake& lake) {
  // `total` lasts for one job, whose body may be called more than once.
  const auto body = [&lake, total = lake::ProcessReport()](
                        job::JobContext& context) mutable -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(lake::ProcessReport report,
                        lake::ProcessUploads(lake, {}, context.progress(), context.stop()));
    total.Add(std::move(report));
    return lake::ProcessReportJson(total);
  };
  return runner.Register(kProcessJob, body);
}

}  // namespace datalake::server
