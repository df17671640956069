#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/server/gate.h"
#include "datalake/server/router.h"

namespace datalake::server {

/// Where a certificate is; PEM files, the chain with the server's own certificate first.
struct TlsFiles {
  std::string certificate_chain;
  std::string private_key;
};

/// Limits and places of an HTTP server.
struct HttpServerOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 8091;      ///< 0: a free one
  std::optional<TlsFiles> tls{};  ///< nothing: plain HTTP
  std::size_t io_threads = 2;     ///< one io_context each, sharing the port by SO_REUSEPORT
  std::size_t blocking_threads = 4;
  std::size_t blocking_queue = 256;  ///< beyond: 503 with Retry-After
  std::size_t max_connections = 16384;
  std::uint64_t max_body_bytes = 4U << 20;      ///< of routes without a limit of their own: 413
  std::uint64_t max_bodies_bytes = 256U << 20;  ///< of all requests under way; beyond: 503
  std::uint32_t max_header_bytes = 16U << 10;   ///< beyond: 431
  std::chrono::seconds read_timeout{30};   ///< for a header, and for a body beside its own time
  std::chrono::seconds idle_timeout{75};   ///< between requests of a connection
  std::chrono::seconds write_timeout{30};  ///< for an answer beside its own time
  /// What a client must at least send and take; slower ones are cut off.
  std::uint64_t min_bytes_per_second = 16U << 10;

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// One answered request, for metrics and logs. Views live during the call.
struct RequestFacts {
  std::size_t shard = 0;         ///< of `io_threads`: one thread each
  const Route* route = nullptr;  ///< null: no route fitted
  std::size_t route_index = 0;
  std::string_view method;         ///< empty: it could not be read
  const Caller* caller = nullptr;  ///< null: it was not let in
  std::string_view request_id;
  std::string_view peer;
  int status = 0;
  std::uint64_t bytes_in = 0;  ///< of the body
  std::uint64_t bytes_out = 0;
  std::int64_t nanos = 0;  ///< from the complete header to the last byte given to the system
};

/// Told of every answered request on the thread of its connection. Must be quick.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  virtual void OnRequest(const RequestFacts& facts) = 0;
};

/// What an HTTP server works with; all must outlive it and `router` must not change any more.
struct HttpServerParts {
  const Router& router;
  Gate& gate;
  Random& random;
  RequestObserver* observer = nullptr;
};

/// An HTTP/1.1 server (RFC 9112) over a Router, plain or with TLS >= 1.2: keep-alive, pipelining
/// one request at a time, body and header limits, limits of time against slow clients, streamed
/// answers. A request is let in by the gate before its body is read. Thread-safe.
class HttpServer {
 public:
  /// Binds and begins to serve. Errors: kInvalidArgument (options, certificate), kUnavailable (the
  /// port is taken), kIo.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   const HttpServerParts& parts);

  virtual ~HttpServer() = default;

  /// "http://127.0.0.1:8091"
  virtual std::string address() const = 0;
  virtual std::uint16_t port() const = 0;

  /// Open connections now.
  virtual std::size_t connections() const = 0;

  /// Reads the certificate again, for the connections that come from now on; on an error the old
  /// one stays. Nothing happens without TLS. Errors: kInvalidArgument.
  virtual Status ReloadCertificate() = 0;

  /// Stops to accept, lets running requests end for at most `patience`, closes all. Idempotent; the
  /// destructor calls it with no patience. A responder that is called later does nothing, but must
  /// not be called after the server is destroyed.
  virtual void Stop(std::chrono::milliseconds patience) = 0;
};

}  // namespace datalake::server
