#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/server/router.h"

namespace datalake::server {

/// Limits and places of an HTTP server.
struct HttpServerOptions {
  std::string bind = "127.0.0.1";  ///< loopback only, until tokens and TLS exist
  std::uint16_t port = 8091;       ///< 0: a free one
  std::size_t io_threads = 2;      ///< one io_context each, sharing the port by SO_REUSEPORT
  std::size_t blocking_threads = 4;
  std::size_t blocking_queue = 256;  ///< beyond: 503 with Retry-After
  std::size_t max_connections = 4096;
  std::uint64_t max_body_bytes = 4U << 20;      ///< beyond: 413 before the body is read
  std::uint64_t max_bodies_bytes = 256U << 20;  ///< of all requests under way; beyond: 503
  std::uint32_t max_header_bytes = 16U << 10;   ///< beyond: 431
  std::chrono::seconds read_timeout{30};        ///< for a whole request once its first byte came
  std::chrono::seconds idle_timeout{75};        ///< between requests of a connection
  std::chrono::seconds write_timeout{30};

  /// Errors: kInvalidArgument, kUnsupported (an address that is not loopback).
  Status Validate() const;
};

/// An HTTP/1.1 server (RFC 9112) over a Router: keep-alive, pipelining one request at a time, body
/// and header limits, timeouts against slow clients. Answers only requests whose Host is a loopback
/// name (no DNS rebinding) and refuses writes with a foreign Origin. Thread-safe.
class HttpServer {
 public:
  /// Binds and begins to serve. `router` and `random` must outlive the server and `router` must not
  /// change any more. Errors: kInvalidArgument, kUnsupported, kUnavailable (the port is taken),
  /// kIo.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   const Router& router, Random& random);

  virtual ~HttpServer() = default;

  /// "http://127.0.0.1:8091"
  virtual std::string address() const = 0;
  virtual std::uint16_t port() const = 0;

  /// Stops to accept, lets running requests end for at most `patience`, closes all. Idempotent; the
  /// destructor calls it with no patience. A responder that is called later does nothing, but must
  /// not be called after the server is destroyed.
  virtual void Stop(std::chrono::milliseconds patience) = 0;
};

}  // namespace datalake::server
