#pragma once

#include "datalake/base/result.h"
#include "datalake/job/job_store.h"
#include "datalake/query/relation.h"

namespace datalake::job {

/// The jobs of a lake as the SQL view `jobs`, one row a job, oldest first: job_id, kind, status,
/// started_at, completed_at, phase, items_done, items_total, result (JSON), error, interrupted.
/// Errors: those of JobStore::List.
Result<query::View> JobsView(const JobStore& store);

}  // namespace datalake::job
