#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::server {

struct HttpClientOptions {
  std::string url = {};    ///< "http://127.0.0.1:8091", "https://lake.example.org"
  std::string token = {};  ///< of the server; empty: none
  int attempts = 8;  ///< of one request; waits 0.1 s, then twice as long each time, at most 5 s
  std::chrono::seconds timeout{180};  ///< of one trip of one attempt: connect, send, answer
};

/// One request. Views must live during the call.
struct HttpCall {
  std::string_view method = "GET";
  std::string_view target = "/";  ///< path and query
  std::string_view body = {};
  std::string_view content_type = "application/json";
  std::vector<std::pair<std::string_view, std::string_view>> headers = {};  ///< more of them
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// Calls one server over one connection (HTTP/1.1, plain or TLS >= 1.2 with the system's
/// certificate authorities, or those of $SSL_CERT_FILE), kept, and opened again when it breaks.
/// Single-threaded; several clients work in parallel.
class HttpClient {
 public:
  /// Errors: kInvalidArgument (the URL, attempts), kInternal (TLS).
  static Result<std::unique_ptr<HttpClient>> Make(const HttpClientOptions& options);
  virtual ~HttpClient() = default;

  /// Sends a request and gives its answer, whatever its status. After a cut, 429 and 503 it is sent
  /// again, so it must be one that may come twice. Errors: kUnavailable (no answer, or still busy,
  /// after all attempts), kCancelled.
  virtual Result<HttpAnswer> Call(const HttpCall& call, const std::stop_token& stop) = 0;
};

/// The error that an answer other than 2xx tells: the code and the words of its problem+json, else
/// those of its status. Pure.
Error ErrorOfAnswer(std::string_view url, const HttpAnswer& answer);

}  // namespace datalake::server
