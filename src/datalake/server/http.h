#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/server/caller.h"

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
  /// Who sends it; never null in a handler: it was let in by the route's `access`.
  std::shared_ptr<const Caller> caller;

  /// The first header of that lower-case name, or empty.
  std::string_view Header(std::string_view name) const;

  /// The first query value of that name, or empty.
  std::string_view Query(std::string_view name) const;
};

/// Takes the next piece of a body; an empty one ends it, an error cuts the connection (the client
/// sees that the body is not whole). Called exactly once a Next, now or later, from any thread.
using PieceDone = std::function<void(Result<std::string>)>;

/// Where the body of a streamed answer comes from: the server pulls a piece, sends it, pulls the
/// next, so a slow client holds back its own source alone. Never two calls at once.
class BodySource {
 public:
  virtual ~BodySource() = default;

  /// The length of the whole body where it is known: sent as Content-Length, else chunked.
  virtual std::optional<std::uint64_t> size_bytes() const { return std::nullopt; }

  /// True: Next waits on nothing and is called on the connection's thread. False: on the pool.
  virtual bool inline_pull() const { return false; }

  /// Gives the next piece, best 64 KiB to 1 MiB of it.
  virtual void Next(PieceDone done) = 0;

  /// The server stops: a source without an end gives its last piece soon. From any thread, also
  /// during Next. Sources that end by themselves need not do anything.
  virtual void Drain() {}
};

/// One HTTP answer. Content-Length, Date, Server, X-Request-Id and the security headers are added;
/// a header given here takes the place of the one that would be added.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::shared_ptr<BodySource> stream{};  ///< in place of `body` when it is set
};

/// Sends the answer of one request; called exactly once, from any thread.
using Responder = std::function<void(Response)>;

}  // namespace datalake::server
