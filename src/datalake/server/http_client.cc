#include "datalake/server/http_client.h"

#include <algorithm>
#include <exception>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/mutex.h"
#include "datalake/json/value.h"

namespace datalake::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{64} << 20;
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5000};
constexpr std::chrono::milliseconds kStopInterval{100};  // how soon a stop is seen
constexpr std::size_t kMaxShownBytes = 300;              // of an answer that is no problem+json

struct Address {
  bool is_tls = false;
  std::string host;
  std::string port;

  // Of the header: IPv6 addresses in brackets.
  std::string Authority() const {
    const bool is_v6 = host.find(':') != std::string::npos;
    return is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
  }
};

Result<Address> ParseUrl(std::string_view url) {
  const auto bad = [url] {
    return Error{ErrorCode::kInvalidArgument, fmt::format("not an http or https URL: {}", url)};
  };
  Address address;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    address.is_tls = true;
  } else if (!rest.starts_with("http://")) {
    return bad();
  }
  rest.remove_prefix(rest.find("://") + 3);
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (slash + 1 != rest.size()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("address of a server has no path: {}", url)};
    }
    rest = rest.substr(0, slash);
  }
  const std::size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == rest.npos;
  address.host = rest.substr(0, has_port ? colon : rest.size());
  address.port = has_port         ? std::string(rest.substr(colon + 1))
                 : address.is_tls ? std::string("443")
                                  : std::string("80");
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  return address.host.empty() || address.port.empty() ? Result<Address>(bad()) : address;
}

ErrorCode CodeOfStatus(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 413:
    case 507:
      return ErrorCode::kResourceExhausted;
    case 429:
    case 503:
      return ErrorCode::kUnavailable;
    case 501:
      return ErrorCode::kUnsupported;
    default:
      return status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalidArgument;
  }
}

bool IsBusy(int status) {
  return status == 429 || status == 503;
}

Result<std::shared_ptr<ssl::context>> ClientTls() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  beast::error_code code;
  context->set_default_verify_paths(code);
  if (!code) {
    context->set_verify_mode(ssl::verify_peer, code);
  }
  if (code || SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION) != 1) {
    return Error{ErrorCode::kInternal, fmt::format("cannot set up TLS: {}", code.message())};
  }
  return context;
}

class BeastHttpClient final : public HttpClient {
 public:
  BeastHttpClient(HttpClientOptions options, Address address, std::shared_ptr<ssl::context> tls)
      : options_(std::move(options)), address_(std::move(address)), tls_(std::move(tls)) {}

  Result<HttpAnswer> Call(const HttpCall& call, const std::stop_token& stop) override {
    std::chrono::milliseconds pause = kFirstPause;
    Error last{ErrorCode::kUnavailable, "no answer from " + options_.url};
    for (int attempt = 0; attempt < options_.attempts; ++attempt) {
      if (attempt > 0) {
        Sleep(pause, stop);
        pause = std::min(2 * pause, kLongestPause);
      }
      if (stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "stopped while calling " + options_.url};
      }
      beast::error_code code;
      HttpAnswer answer = Try(call, stop, code);
      if (code) {
        Close();
        last.message = fmt::format("no answer from {}: {}", options_.url, code.message());
      } else if (!IsBusy(answer.status)) {
        return answer;
      } else {
        last = ErrorOfAnswer(options_.url, answer);
        last.code = ErrorCode::kUnavailable;
      }
    }
    return last;
  }

 private:
  static void Sleep(std::chrono::milliseconds pause, const std::stop_token& stop) {
    Mutex mutex;
    CondVar never;
    const MutexLock lock(mutex);
    never.WaitFor(mutex, stop, pause, [] { return false; });
  }

  void Close() {
    tls_stream_.reset();
    plain_stream_.reset();
    buffer_.clear();
  }

  bool IsOpen() const { return plain_stream_.has_value() || tls_stream_.has_value(); }

  PlainStream& Lowest() { return tls_stream_ ? tls_stream_->next_layer() : *plain_stream_; }

  // Starts one asynchronous operation (only those heed the time limit) and waits for its end.
  template <typename Start>
  beast::error_code Await(const std::stop_token& stop, Start start) {
    beast::error_code result = asio::error::would_block;
    Lowest().expires_after(options_.timeout);
    start([&result](beast::error_code code, const auto&...) { result = code; });
    io_.restart();
    while (!io_.stopped()) {
      io_.run_for(kStopInterval);
      if (stop.stop_requested() && !io_.stopped()) {
        Lowest().cancel();
      }
    }
    return result;
  }

  template <typename Use>
  void WithStream(Use use) {
    if (tls_stream_) {
      use(*tls_stream_);
    } else {
      use(*plain_stream_);
    }
  }

  void Open(const std::stop_token& stop, beast::error_code& code) {
    asio::ip::tcp::resolver resolver(io_);
    const auto endpoints = resolver.resolve(address_.host, address_.port, code);
    if (code) {
      return;
    }
    if (address_.is_tls) {
      tls_stream_.emplace(io_, *tls_);
    } else {
      plain_stream_.emplace(io_);
    }
    code = Await(stop, [&](auto done) {
      Lowest().async_connect(endpoints,
                             [done](beast::error_code connected, const auto&) { done(connected); });
    });
    if (!code) {
      Lowest().socket().set_option(asio::ip::tcp::no_delay(true), code);
    }
    if (code || !tls_stream_) {
      return;
    }
    tls_stream_->set_verify_callback(ssl::host_name_verification(address_.host), code);
    if (!code &&
        SSL_set_tlsext_host_name(tls_stream_->native_handle(), address_.host.c_str()) != 1) {
      code = asio::error::invalid_argument;
    }
    if (!code) {
      code = Await(stop, [&](auto done) {
        tls_stream_->async_handshake(ssl::stream_base::client, std::move(done));
      });
    }
  }

  HttpAnswer Try(const HttpCall& call, const std::stop_token& stop, beast::error_code& code) {
    if (!IsOpen()) {
      Open(stop, code);
    }
    if (code) {
      return {};
    }
    http::request<http::span_body<const char>> request;
    request.version(11);
    request.method_string(beast::string_view(call.method.data(), call.method.size()));
    request.target(beast::string_view(call.target.data(), call.target.size()));
    request.set(http::field::host, address_.Authority());
    if (!options_.token.empty()) {
      request.set(http::field::authorization, "Bearer " + options_.token);
    }
    request.set(http::field::content_type,
                beast::string_view(call.content_type.data(), call.content_type.size()));
    for (const auto& [name, value] : call.headers) {
      request.set(beast::string_view(name.data(), name.size()),
                  beast::string_view(value.data(), value.size()));
    }
    request.body() = {call.body.data(), call.body.size()};
    request.prepare_payload();
    beast::error_code written;
    WithStream([&](auto& stream) {
      written =
          Await(stop, [&](auto done) { http::async_write(stream, request, std::move(done)); });
    });
    if (written && stop.stop_requested()) {
      code = written;
      return {};
    }
    // A server that refuses a body answers before it was sent, and closes: the answer counts.
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxAnswerBytes);
    WithStream([&](auto& stream) {
      code = Await(stop,
                   [&](auto done) { http::async_read(stream, buffer_, parser, std::move(done)); });
    });
    if (code) {
      code = written ? written : code;
      return {};
    }
    HttpAnswer answer{.status = static_cast<int>(parser.get().result_int()),
                      .body = std::move(parser.get().body())};
    if (written || !parser.get().keep_alive()) {
      Close();
    }
    return answer;
  }

  const HttpClientOptions options_;
  const Address address_;
  const std::shared_ptr<ssl::context> tls_;  // null: plain
  asio::io_context io_{1};
  std::optional<PlainStream> plain_stream_;
  std::optional<TlsStream> tls_stream_;
  beast::flat_buffer buffer_;
};

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::Make(const HttpClientOptions& options) {
  DATALAKE_TRY_ASSIGN(Address address, ParseUrl(options.url));
  if (options.attempts < 1) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("attempts must be at least 1: {}", options.attempts)};
  }
  try {
    std::shared_ptr<ssl::context> tls;
    if (address.is_tls) {
      DATALAKE_TRY_ASSIGN(tls, ClientTls());
    }
    return std::unique_ptr<HttpClient>(
        std::make_unique<BeastHttpClient>(options, std::move(address), std::move(tls)));
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInternal, fmt::format("cannot set up a client: {}", exception.what())};
  }
}

Error ErrorOfAnswer(std::string_view url, const HttpAnswer& answer) {
  Error error{CodeOfStatus(answer.status), {}};
  std::string detail = answer.body.substr(0, kMaxShownBytes);
  const auto problem = json::ParseValue(answer.body, "answer");
  if (problem && problem->is_object()) {
    const auto text = json::FindString(*problem, "detail", "answer");
    const auto type = json::FindString(*problem, "type", "answer");
    detail = text && *text ? **text : detail;
    if (type && *type) {
      error.code = ErrorCodeFromName((*type)->substr((*type)->rfind(':') + 1)).value_or(error.code);
    }
  }
  const std::string_view hint =
      answer.status == 401 ? "; give a token with --token or --token-file" : "";
  error.message = fmt::format("{} answered {}: {}{}", url, answer.status, detail, hint);
  return error;
}

}  // namespace datalake::server
