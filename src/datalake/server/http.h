#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace datalake::server {

/// One HTTP request, read whole. Owned by the handler that gets it.
struct Request {
  std::string method;                                        ///< upper case
  std::string path;                                          ///< percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;    ///< decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  ///< names lower case, in order
  std::map<std::string, std::string, std::less<>> path_parameters;  ///< from the route's {names}
  std::string body;
  std::string peer;        ///< address of the client, without the port
  std::string request_id;  ///< also sent back as X-Request-Id

  /// The first header of that lower-case name, or empty.
  std::string_view Header(std::string_view name) const;

  /// The first query value of that name, or empty.
  std::string_view Query(std::string_view name) const;
};

/// One HTTP answer. Content-Length, Date, Server, X-Request-Id and the security headers are added.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
};

/// Sends the answer of one request; called exactly once, from any thread.
using Responder = std::function<void(Response)>;

}  // namespace datalake::server
