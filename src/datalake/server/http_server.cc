// The only file that sees Beast and Asio: one io_context a thread, a coroutine a connection.
#include "datalake/server/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "datalake/base/hex.h"
#include "datalake/base/log.h"
#include "datalake/base/thread_pool.h"
#include "datalake/server/target.h"

namespace datalake::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view kServerName = "datalake";
constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kMaxDroppedBytes = 4 << 20;

// A part of the memory that all request bodies may take together, given back at the end of the
// scope.
class BodyReservation {
 public:
  explicit BodyReservation(std::atomic<std::uint64_t>& taken) : taken_(taken) {}

  BodyReservation(const BodyReservation&) = delete;
  BodyReservation& operator=(const BodyReservation&) = delete;

  ~BodyReservation() { taken_ -= bytes_; }

  // False when `limit` would be passed; what was taken is given back all the same.
  bool Take(std::uint64_t bytes, std::uint64_t limit) {
    bytes_ = bytes;
    return (taken_ += bytes) <= limit;
  }

 private:
  std::atomic<std::uint64_t>& taken_;
  std::uint64_t bytes_ = 0;
};

// One thread's share of the server: its io_context, its acceptor, its connections.
struct Shard {
  asio::io_context io{1};
  Tcp::acceptor acceptor{io};
  std::vector<beast::tcp_stream*> idle;  // only touched on the shard's thread
};

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, const Router& router, Random& random)
      : options_(options),
        router_(router),
        random_(random),
        pool_(std::make_unique<ThreadPool>(options.blocking_threads, options.blocking_queue)) {}

  ~BeastServer() override { Stop(std::chrono::milliseconds(0)); }

  Status Listen();

  std::string address() const override {
    const bool v6 = options_.bind.find(':') != std::string::npos;
    return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", options_.bind, v6 ? "]" : "", port_);
  }

  std::uint16_t port() const override { return port_; }

  void Stop(std::chrono::milliseconds patience) override;

 private:
  asio::awaitable<void> Accept(Shard& shard);
  asio::awaitable<void> Serve(Shard& shard, Tcp::socket socket);
  asio::awaitable<bool> WaitForBytes(Shard& shard, beast::tcp_stream& stream,
                                     beast::flat_buffer& buffer);
  asio::awaitable<void> Close(beast::tcp_stream& stream, beast::flat_buffer& buffer);
  asio::awaitable<Response> Dispatch(Request request);
  std::optional<Response> Refuse(const Request& request) const;
  std::string NewRequestId();

  const HttpServerOptions options_;
  const Router& router_;
  Random& random_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::uint64_t> body_bytes_{0};
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::jthread> threads_;
  std::unique_ptr<ThreadPool> pool_;
};

// The last catch of a handler's thread: what escapes is an internal error of this request alone.
void CallHandler(const Route& route, Request request, const Responder& respond) {
  const std::string id = request.request_id;
  try {
    route.handle(std::move(request), respond);
  } catch (const std::exception& exception) {
    respond(ErrorResponse({ErrorCode::kInternal, exception.what()}, route.error_form, id));
  }
}

Error SystemError(const boost::system::error_code& code, std::string_view what) {
  Error error = ErrnoError(code.value(), what);
  if (code == asio::error::address_in_use) {
    error.code = ErrorCode::kUnavailable;
    error.message += "; another server runs there, choose another --port";
  }
  return error;
}

Status BeastServer::Listen() {
  boost::system::error_code code;
  const auto bind_address = asio::ip::make_address(options_.bind, code);
  if (code) {
    return Error{ErrorCode::kInvalidArgument, "not an IP address: " + options_.bind};
  }
  port_ = options_.port;
  const std::string where = fmt::format("cannot listen on {} port {}", options_.bind, port_);
  // The first socket is bound without SO_REUSEPORT set by others' choice: a second server on the
  // same port must be an error, so the port is probed before it is shared.
  if (port_ != 0) {
    asio::io_context io;
    Tcp::acceptor probe(io);
    const Tcp::endpoint endpoint(bind_address, port_);
    probe.open(endpoint.protocol(), code);
    probe.set_option(Tcp::acceptor::reuse_address(true), code);
    probe.bind(endpoint, code);
    if (code) {
      return SystemError(code, where);
    }
  }
  for (std::size_t i = 0; i < options_.io_threads; ++i) {
    auto shard = std::make_unique<Shard>();
    const Tcp::endpoint endpoint(bind_address, port_);
    using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
    shard->acceptor.open(endpoint.protocol(), code);
    if (!code) {
      shard->acceptor.set_option(Tcp::acceptor::reuse_address(true), code);
    }
    if (!code) {
      shard->acceptor.set_option(ReusePort(true), code);
    }
    if (!code) {
      shard->acceptor.bind(endpoint, code);
    }
    if (!code) {
      shard->acceptor.listen(asio::socket_base::max_listen_connections, code);
    }
    if (code) {
      return SystemError(code, where);
    }
    port_ = shard->acceptor.local_endpoint().port();
    shards_.push_back(std::move(shard));
  }
  for (auto& shard : shards_) {
    asio::co_spawn(shard->io, Accept(*shard), asio::detached);
    threads_.emplace_back([io = &shard->io] { io->run(); });
  }
  return {};
}

asio::awaitable<void> BeastServer::Accept(Shard& shard) {
  while (!stopping_) {
    auto [code, socket] = co_await shard.acceptor.async_accept(kAwait);
    if (code == asio::error::operation_aborted || stopping_) {
      co_return;
    }
    if (code) {  // out of descriptors, or the peer went: wait a little, keep serving
      asio::steady_timer pause(shard.io, std::chrono::milliseconds(20));
      co_await pause.async_wait(kAwait);
      continue;
    }
    if (connections_.load() >= options_.max_connections) {
      socket.close(code);
      continue;
    }
    socket.set_option(Tcp::no_delay(true), code);
    ++connections_;
    asio::co_spawn(shard.io, Serve(shard, std::move(socket)),
                   [this](const std::exception_ptr&) { --connections_; });
  }
}

Request ReadRequest(http::request<http::string_body>& message, std::string peer, std::string id) {
  Request request;
  request.method = std::string(message.method_string());
  SplitTarget(message.target(), request.path, request.query);
  for (const auto& field : message.base()) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  request.peer = std::move(peer);
  request.request_id = std::move(id);
  return request;
}

http::response<http::string_body> WriteResponse(Response response, std::string_view request_id,
                                                unsigned version, bool keep_alive, bool head) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  message.reason(std::string(ReasonPhrase(response.status)));
  message.set(http::field::server, std::string(kServerName));
  message.set(http::field::content_type, response.content_type);
  message.set("X-Request-Id", std::string(request_id));
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  message.set(http::field::cache_control, "no-store");
  for (auto& [name, value] : response.headers) {
    message.set(name, value);
  }
  const std::size_t length = response.body.size();
  if (!head) {
    message.body() = std::move(response.body);
  }
  message.content_length(length);
  message.keep_alive(keep_alive);
  return message;
}

// The answer to a request that could not be read; nothing when the connection is simply over (on a
// timeout Beast has closed the socket already).
std::optional<Response> ReadErrorResponse(const beast::error_code& code, ErrorForm form,
                                          std::string_view request_id,
                                          const HttpServerOptions& options) {
  if (code == http::error::body_limit) {
    return StatusResponse(413,
                          fmt::format("the body is larger than {} bytes", options.max_body_bytes),
                          form, request_id);
  }
  if (code == http::error::header_limit || code == http::error::buffer_overflow) {
    return StatusResponse(431, "the header is too large", form, request_id);
  }
  if (code == beast::error::timeout || code == http::error::end_of_stream ||
      code == http::error::partial_message || code == asio::error::connection_reset ||
      code == asio::error::operation_aborted || code == asio::error::eof ||
      code == asio::error::bad_descriptor || code == asio::error::broken_pipe) {
    return std::nullopt;
  }
  return StatusResponse(400, "not a valid HTTP/1.1 request: " + code.message(), form, request_id);
}

using BodyParser = http::request_parser<http::string_body>;

// The request's target, empty while its header is not complete.
std::string_view TargetOf(const BodyParser& parser) {
  if (!parser.is_header_done()) {
    return {};
  }
  const auto target = parser.get().target();
  return {target.data(), target.size()};
}

// The most memory that the body of a request with this header may take.
std::uint64_t BodyBound(const BodyParser& parser, std::uint64_t limit) {
  if (const auto length = parser.content_length()) {
    return std::min<std::uint64_t>(*length, limit);
  }
  return parser.chunked() ? limit : 0;
}

asio::awaitable<void> BeastServer::Serve(Shard& shard, Tcp::socket socket) {
  boost::system::error_code ignored;
  const auto endpoint = socket.remote_endpoint(ignored);
  const std::string peer = ignored ? "unknown" : endpoint.address().to_string();
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer;
  bool keep_alive = true;
  while (keep_alive && !stopping_) {
    if (buffer.size() == 0 && !co_await WaitForBytes(shard, stream, buffer)) {
      break;
    }
    BodyParser parser;
    parser.header_limit(options_.max_header_bytes);
    parser.body_limit(options_.max_body_bytes);
    stream.expires_after(options_.read_timeout);
    auto [code, got] = co_await http::async_read_header(stream, buffer, parser, kAwait);
    BodyReservation reservation(body_bytes_);
    const bool fits = code || reservation.Take(BodyBound(parser, options_.max_body_bytes),
                                               options_.max_bodies_bytes);
    if (!code && fits && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> go_on(http::status::continue_, parser.get().version());
      std::tie(code, got) = co_await http::async_write(stream, go_on, kAwait);
    }
    if (!code && fits) {
      std::tie(code, got) = co_await http::async_read(stream, buffer, parser, kAwait);
    }
    std::string id = NewRequestId();
    const bool head = parser.get().method() == http::verb::head;
    std::optional<Response> response;
    if (code) {
      const ErrorForm form = ErrorFormOfPath(TargetOf(parser));
      response = ReadErrorResponse(code, form, id, options_);
      keep_alive = false;
      if (!response) {
        break;
      }
    } else if (!fits) {
      response = StatusResponse(503, "too many large requests are under way; try again",
                                ErrorFormOfPath(TargetOf(parser)), id);
      response->headers.emplace_back("Retry-After", "1");
      keep_alive = false;
    } else {
      keep_alive = parser.get().keep_alive();
      response = co_await Dispatch(ReadRequest(parser.get(), peer, id));
    }
    keep_alive = keep_alive && !stopping_;
    auto message =
        WriteResponse(*std::move(response), id, parser.get().version(), keep_alive, head);
    stream.expires_after(options_.write_timeout);
    std::tie(code, got) = co_await http::async_write(stream, message, kAwait);
    if (code) {
      break;
    }
  }
  co_await Close(stream, buffer);
}

// Waits for the first byte of the next request; the only state that Stop() may cut. False: over.
asio::awaitable<bool> BeastServer::WaitForBytes(Shard& shard, beast::tcp_stream& stream,
                                                beast::flat_buffer& buffer) {
  stream.expires_after(options_.idle_timeout);
  shard.idle.push_back(&stream);
  const auto [code, got] = co_await stream.async_read_some(buffer.prepare(kReadBytes), kAwait);
  shard.idle.erase(std::find(shard.idle.begin(), shard.idle.end(), &stream));
  buffer.commit(got);
  co_return !code;
}

// Ends a connection so that the peer still reads the last answer: sends FIN, then drops what
// arrives (a body that was refused) for a short while; closing at once would reset the connection.
asio::awaitable<void> BeastServer::Close(beast::tcp_stream& stream, beast::flat_buffer& buffer) {
  boost::system::error_code code;
  stream.socket().shutdown(Tcp::socket::shutdown_send, code);
  stream.expires_after(std::chrono::seconds(2));
  std::size_t dropped = 0;
  while (!code && !stopping_ && dropped < kMaxDroppedBytes) {
    buffer.clear();
    auto [read_code, got] = co_await stream.async_read_some(buffer.prepare(kReadBytes), kAwait);
    code = read_code;
    dropped += got;
  }
  stream.socket().close(code);
}

std::string BeastServer::NewRequestId() {
  std::array<std::byte, 8> bytes;
  random_.Fill(bytes);
  return ToHex(bytes);
}

std::optional<Response> BeastServer::Refuse(const Request& request) const {
  const ErrorForm form = ErrorFormOfPath(request.path);
  if (!IsLoopbackHost(request.Header("host"))) {
    return StatusResponse(403, "this server answers only to a loopback Host", form,
                          request.request_id);
  }
  const std::string_view origin = request.Header("origin");
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads && !origin.empty() && !IsLoopbackOrigin(origin)) {
    return StatusResponse(403, "writes from a foreign Origin are refused", form,
                          request.request_id);
  }
  return std::nullopt;
}

asio::awaitable<Response> BeastServer::Dispatch(Request request) {
  if (auto refused = Refuse(request)) {
    co_return *std::move(refused);
  }
  const ErrorForm form = ErrorFormOfPath(request.path);
  auto match = router_.Find(request.method, request.path);
  if (match.route == nullptr) {
    Response response = match.allow.empty()
                            ? StatusResponse(404, "Not Found", form, request.request_id)
                            : StatusResponse(405, "Method Not Allowed", form, request.request_id);
    if (!match.allow.empty()) {
      response.headers.emplace_back("Allow", match.allow);
    }
    co_return response;
  }
  request.path_parameters = std::move(match.parameters);
  const Route& route = *match.route;
  const auto executor = co_await asio::this_coro::executor;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Response)>(
      [this, &route, executor](auto handler, Request taken) {
        using Handler = decltype(handler);
        auto shared = std::make_shared<Handler>(std::move(handler));
        Responder respond = [shared, executor](Response response) {
          asio::post(executor, [shared, response = std::move(response)]() mutable {
            std::move (*shared)(std::move(response));
          });
        };
        if (route.execution == Execution::kInline) {
          CallHandler(route, std::move(taken), respond);
          return;
        }
        auto request_box = std::make_shared<Request>(std::move(taken));
        const bool queued = pool_->TrySubmit([&route, request_box, respond] {
          CallHandler(route, std::move(*request_box), respond);
        });
        if (!queued) {
          Response busy = StatusResponse(503, "too many requests are waiting; try again",
                                         route.error_form, request_box->request_id);
          busy.headers.emplace_back("Retry-After", "1");
          respond(std::move(busy));
        }
      },
      asio::use_awaitable, std::move(request));
}

void BeastServer::Stop(std::chrono::milliseconds patience) {
  if (stopping_.exchange(true)) {
    return;
  }
  for (auto& shard : shards_) {
    asio::post(shard->io, [shard = shard.get()] {
      boost::system::error_code ignored;
      shard->acceptor.close(ignored);
      for (beast::tcp_stream* stream : shard->idle) {
        stream->cancel();
      }
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (connections_.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (auto& shard : shards_) {
    shard->io.stop();
  }
  threads_.clear();  // joins; nothing uses the pool from here on
  // Finishes the handlers that still run: their late answers are posted to contexts that are
  // stopped but alive, and dropped with them.
  pool_.reset();
}

}  // namespace

Status HttpServerOptions::Validate() const {
  if (!IsLoopbackHost(bind)) {
    return Error{
        ErrorCode::kUnsupported,
        "an address that is not loopback needs tokens and TLS, which this version does not "
        "have yet: " +
            bind + "; bind to 127.0.0.1 and put a proxy with authentication before it"};
  }
  if (io_threads == 0 || blocking_threads == 0 || blocking_queue == 0 || max_connections == 0) {
    return Error{ErrorCode::kInvalidArgument, "threads, queue and connections must be at least 1"};
  }
  return {};
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      const Router& router, Random& random) {
  DATALAKE_TRY(options.Validate());
  auto server = std::make_unique<BeastServer>(options, router, random);
  DATALAKE_TRY(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace datalake::server
