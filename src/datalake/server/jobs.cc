#include "datalake/server/jobs.h"

#include "datalake/job/job_runner.h"
#include "datalake/lake/process.h"

namespace datalake::server {

Status RegisterJobs(job::JobRunner& runner, lake::Lake& lake) {
  return runner.Register(kProcessJob, [&lake](job::JobContext& context) -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(const lake::ProcessReport report,
                        lake::ProcessUploads(lake, {}, context.progress(), context.stop()));
    return lake::ProcessReportJson(report);
  });
}

}  // namespace datalake::server
