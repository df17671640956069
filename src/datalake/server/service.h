#pragma once

#include <atomic>
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

class EventStream;
class Feeds;
class Metrics;
class Publisher;
class Publishing;
class TokenFile;
class TokenStore;

/// What the handlers work with; all must outlive the router and the server.
struct Service {
  lake::Lake& lake;
  Feeds& feeds;
  job::JobRunner& jobs;
  const Clock& clock;
  std::string_view version;
  Publishing* publishing = nullptr;  ///< null where only other routes are added
  Publisher* publisher = nullptr;
  // Of a running server; null in tests that need none.
  TokenFile* tokens = nullptr;
  TokenStore* token_store = nullptr;
  EventStream* events = nullptr;
  Metrics* metrics = nullptr;
  const std::atomic<bool>* draining = nullptr;
  std::string_view image_version{};  ///< of the container's image, as its environment tells
};

/// Registers every resource of the API; a new one is one file in handlers/ and one line here.
Status AddRoutes(Router& router, Service& service);

}  // namespace datalake::server
