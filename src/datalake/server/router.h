#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/server/http.h"
#include "datalake/server/problem.h"

namespace datalake::server {

/// Where a handler runs: on the connection's own thread (must never block), or on the bounded pool.
enum class Execution : std::uint8_t { kInline, kBlocking };

/// What a route answers, for openapi.json: status and a description, with a JSON Schema or nothing.
struct RouteAnswer {
  int status;
  std::string_view description;
  std::string_view schema{};  ///< JSON text of the schema; empty: none
};

/// One path and method. `path` segments in braces are parameters: "/jobs/{job_id}".
struct Route {
  std::string_view method;
  std::string_view path;
  std::string_view summary;
  std::string_view tag;
  Execution execution = Execution::kBlocking;
  ErrorForm error_form = ErrorForm::kProblem;
  std::string_view request_schema{};  ///< JSON text of the body's schema; empty: no body
  std::vector<RouteAnswer> answers{};
  /// Answers through the responder, exactly once, now or later. Must not throw; what escapes is
  /// caught once and answered with 500.
  std::function<void(Request, Responder)> handle{};
};

/// The list of routes, filled by explicit calls before the server starts; read-only afterwards
/// (thread-safe from then on).
class Router {
 public:
  /// Errors: kAlreadyExists for the same method and path twice.
  Status Add(Route route);

  struct Match {
    const Route* route = nullptr;  ///< null: nothing fits
    std::string allow{};           ///< methods of the path, for 405; empty: 404
    std::map<std::string, std::string, std::less<>> parameters{};
  };

  /// Finds the route; a trailing slash is ignored, HEAD is served by GET.
  Match Find(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

/// The error form of a path that no route serves: the seeds' paths keep their own.
ErrorForm ErrorFormOfPath(std::string_view path);

/// The OpenAPI 3.1 description of all routes (https://spec.openapis.org/oas/v3.1.0), JSON text.
std::string OpenApiDocument(const Router& router, std::string_view version);

}  // namespace datalake::server
