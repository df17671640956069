#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/server/caller.h"
#include "datalake/server/http.h"
#include "datalake/server/problem.h"

namespace datalake::server {

/// Where a handler runs: on the connection's own thread (must never block), or on the bounded pool.
enum class Execution : std::uint8_t { kInline, kBlocking };

/// What a route answers, for openapi.json: status and a description, with a JSON Schema or nothing.
/// What every route can answer (401, 403, 429 …) is added by itself.
struct RouteAnswer {
  int status;
  std::string_view description;
  std::string_view schema{};  ///< JSON text of the schema; empty: none
  std::string_view media_type = "application/json";
};

/// One value that a request may carry beside its body. Checked before the handler runs: what does
/// not fit is answered with 400 and its name.
struct Parameter {
  enum class Place : std::uint8_t { kQuery, kHeader, kPath };
  enum class Type : std::uint8_t { kText, kInteger, kBoolean, kDay };

  std::string_view name;  ///< of headers the usual spelling, such as "If-Match"
  std::string_view description;
  Type type = Type::kText;
  Place place = Place::kQuery;
  std::int64_t minimum = 0;  ///< of integers; of texts the least bytes
  std::int64_t maximum = INT64_MAX;
  std::vector<std::string_view> values{};  ///< the only ones allowed, when there are any
  bool required = false;                   ///< those of the path always are
};

/// One path and method. `path` segments in braces are parameters: "/jobs/{job_id}".
struct Route {
  std::string_view method;
  std::string_view path;
  std::string_view summary;
  std::string_view tag;
  Access access{};  ///< closed to all but admins unless said otherwise
  Execution execution = Execution::kBlocking;
  ErrorForm error_form = ErrorForm::kProblem;
  std::vector<Parameter> parameters{};  ///< path parameters are texts unless given here
  std::string_view request_schema{};    ///< JSON text of the body's schema; empty: no body
  /// Of the body, when there is one. Told in openapi.json; handlers check what matters to them.
  std::vector<std::string_view> request_media_types = {"application/json"};
  std::uint64_t max_body_bytes = 0;  ///< 0: the server's limit
  std::vector<RouteAnswer> answers{};
  /// Answers through the responder, exactly once, now or later. Must not throw; what escapes is
  /// caught once and answered with 500.
  std::function<void(Request, Responder)> handle{};
};

/// The list of routes, filled by explicit calls before the server starts; read-only afterwards
/// (thread-safe from then on).
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  /// Errors: kAlreadyExists for the same method and path twice.
  Status Add(Route route);

  struct Match {
    const Route* route = nullptr;  ///< null: nothing fits
    std::size_t index = 0;         ///< of the route in routes()
    std::string allow{};           ///< methods of the path, for 405; empty: 404
    std::map<std::string, std::string, std::less<>> parameters{};
  };

  /// Finds the route; a trailing slash is ignored, HEAD is served by GET, a name beats a parameter.
  /// Costs the length of the path, however many routes there are.
  Match Find(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Node;

  std::vector<Route> routes_;
  std::unique_ptr<Node> root_;
};

/// Checks the request's query, headers and path against the route's parameters. Errors:
/// kInvalidArgument naming the parameter.
Status CheckParameters(const Route& route, const Request& request);

/// The error form of a path that no route serves: the seeds' paths keep their own.
ErrorForm ErrorFormOfPath(std::string_view path);

}  // namespace datalake::server
