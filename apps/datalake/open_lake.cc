#include "apps/datalake/open_lake.h"

#include "datalake/job/jobs_view.h"

namespace datalake::apps {

Result<std::unique_ptr<lake::Lake>> OpenLake(const Context& context) {
  DATALAKE_TRY_ASSIGN(const std::string path, context.LakePath());
  return lake::Lake::Open(context.fs, context.clock, context.random, path);
}

Result<std::unique_ptr<lake::Queries>> OpenQueries(const Context& context, lake::Lake& lake) {
  return lake::Queries::Open(
      lake, {.threads = context.Threads(), .jobs = [&context, &lake]() {
               return job::JobsView(job::JobStore(context.fs, context.clock, lake.layout().jobs()));
             }});
}

}  // namespace datalake::apps
