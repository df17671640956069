#pragma once

#include <memory>

#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/queries.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// The lake that the command works on. `context` must outlive it. Errors: those of
/// Context::LakePath and Lake::Open.
Result<std::unique_ptr<lake::Lake>> OpenLake(const Context& context);

/// Search and SQL over it, with the view `jobs`. Both arguments must outlive it.
Result<std::unique_ptr<lake::Queries>> OpenQueries(const Context& context, lake::Lake& lake);

}  // namespace datalake::apps
