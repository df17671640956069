#pragma once

#include <string_view>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/server/router.h"

namespace datalake::lake {
class Lake;
}  // namespace datalake::lake

namespace datalake::job {
class JobRunner;
}  // namespace datalake::job

namespace datalake::server {

class Feeds;
class Publishing;

/// What the handlers work with; all must outlive the router and the server.
struct Service {
  lake::Lake& lake;
  Feeds& feeds;
  job::JobRunner& jobs;
  const Clock& clock;
  std::string_view version;
  Publishing* publishing = nullptr;  ///< null where only other routes are added
};

/// Registers every resource of the API; a new one is one file in handlers/ and one line here.
Status AddRoutes(Router& router, Service& service);

}  // namespace datalake::server
