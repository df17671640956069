// Listening, threads and stopping; what happens on a connection is in http_session_internal.h. One
// io_context a thread, each with a socket of its own on the same port, a coroutine a connection.
#include "datalake/server/http_server.h"

#include <array>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "datalake/server/http_session_internal.h"

namespace datalake::server {
namespace {

using Tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kSweepPeriod{1};

Error SystemError(const boost::system::error_code& code, std::string_view what) {
  Error error = ErrnoError(code.value(), what);
  if (code == asio::error::address_in_use) {
    error.code = ErrorCode::kUnavailable;
    error.message += "; another server runs there, choose another --port";
  }
  return error;
}

// A port that nobody has: a second server on a port must be an error although the sockets of one
// share it, and for port 0 sockets that may be shared could be given one that another server has.
Result<std::uint16_t> ProbePort(const Tcp::endpoint& endpoint, std::string_view where) {
  boost::system::error_code code;
  asio::io_context io;
  Tcp::acceptor probe(io);
  probe.open(endpoint.protocol(), code);
  if (endpoint.port() != 0) {
    probe.set_option(Tcp::acceptor::reuse_address(true), code);
  }
  probe.bind(endpoint, code);
  if (code) {
    return SystemError(code, where);
  }
  return probe.local_endpoint().port();
}

boost::system::error_code OpenAcceptor(Tcp::acceptor& acceptor, const Tcp::endpoint& endpoint) {
  using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
  boost::system::error_code code;
  acceptor.open(endpoint.protocol(), code);
  if (!code) {
    acceptor.set_option(Tcp::acceptor::reuse_address(true), code);
  }
  if (!code) {
    acceptor.set_option(ReusePort(true), code);
  }
  if (!code) {
    acceptor.bind(endpoint, code);
  }
  if (!code) {
    acceptor.listen(asio::socket_base::max_listen_connections, code);
  }
  return code;
}

template <typename Stream>
asio::awaitable<void> Serve(Shard& shard, Stream stream, std::string peer) {
  Session<Stream> session(shard, std::move(stream), std::move(peer));
  co_await session.Run();
}

asio::awaitable<void> Accept(Shard& shard) {
  ServerState& state = shard.state;
  while (!state.stopping) {
    auto [code, socket] = co_await shard.acceptor.async_accept(kAwait);
    if (code == asio::error::operation_aborted || state.stopping) {
      co_return;
    }
    if (code) {  // out of descriptors, or the peer went: wait a little, keep serving
      asio::steady_timer pause(shard.io, std::chrono::milliseconds(20));
      co_await pause.async_wait(kAwait);
      continue;
    }
    if (state.connections.load() >= state.options.max_connections) {
      socket.close(code);
      continue;
    }
    const auto endpoint = socket.remote_endpoint(code);
    std::string peer = code ? "unknown" : endpoint.address().to_string();
    socket.set_option(Tcp::no_delay(true), code);
    ++state.connections;
    const auto gone = [&state](const std::exception_ptr&) { --state.connections; };
    beast::tcp_stream stream(std::move(socket));
    if (shard.tls != nullptr) {
      asio::co_spawn(shard.io,
                     Serve(shard, TlsStream(std::move(stream), *shard.tls), std::move(peer)), gone);
    } else {
      asio::co_spawn(shard.io, Serve(shard, std::move(stream), std::move(peer)), gone);
    }
  }
}

// Cuts connections that have been idle for too long; the list is in the order of its times.
asio::awaitable<void> Sweep(Shard& shard) {
  asio::steady_timer timer(shard.io);
  while (!shard.state.stopping) {
    timer.expires_after(kSweepPeriod);
    co_await timer.async_wait(kAwait);
    const auto limit = std::chrono::steady_clock::now() - shard.state.options.idle_timeout;
    for (Connection* connection : shard.idle) {
      if (connection->idle_since > limit) {
        break;
      }
      connection->CutIdle();
    }
  }
}

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, const HttpServerParts& parts)
      : options_(options),
        parts_(parts),
        pool_(std::make_unique<ThreadPool>(options.blocking_threads, options.blocking_queue)),
        state_{.options = options_, .parts = parts_, .pool = *pool_} {}

  ~BeastServer() override { Stop(std::chrono::milliseconds(0)); }

  Status Listen();

  std::string address() const override {
    const bool v6 = options_.bind.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", options_.tls ? "https" : "http", v6 ? "[" : "",
                       options_.bind, v6 ? "]" : "", port_);
  }

  std::uint16_t port() const override { return port_; }

  std::size_t connections() const override { return state_.connections.load(); }

  Status ReloadCertificate() override {
    if (!options_.tls) {
      return {};
    }
    DATALAKE_TRY_ASSIGN(const auto tls, LoadTls(*options_.tls));
    for (auto& shard : shards_) {
      asio::post(shard->io, [shard = shard.get(), tls] { shard->tls = tls; });
    }
    return {};
  }

  void Stop(std::chrono::milliseconds patience) override;

 private:
  const HttpServerOptions options_;
  const HttpServerParts parts_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ThreadPool> pool_;
  ServerState state_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::jthread> threads_;
};

Status BeastServer::Listen() {
  boost::system::error_code code;
  const auto bind_address = asio::ip::make_address(options_.bind, code);
  if (code) {
    return Error{ErrorCode::kInvalidArgument, "not an IP address: " + options_.bind};
  }
  std::shared_ptr<asio::ssl::context> tls;
  if (options_.tls) {
    DATALAKE_TRY_ASSIGN(tls, LoadTls(*options_.tls));
  }
  const std::string where =
      fmt::format("cannot listen on {} port {}", options_.bind, options_.port);
  DATALAKE_TRY_ASSIGN(port_, ProbePort(Tcp::endpoint(bind_address, options_.port), where));
  for (std::size_t i = 0; i < options_.io_threads; ++i) {
    std::array<std::byte, 8> seed_bytes{};
    parts_.random.Fill(seed_bytes);
    std::uint64_t seed = 0;
    std::memcpy(&seed, seed_bytes.data(), sizeof(seed));
    auto shard = std::make_unique<Shard>(i, state_, seed);
    shard->tls = tls;
    code = OpenAcceptor(shard->acceptor, Tcp::endpoint(bind_address, port_));
    if (code) {
      return SystemError(code, where);
    }
    shards_.push_back(std::move(shard));
  }
  for (auto& shard : shards_) {
    asio::co_spawn(shard->io, Accept(*shard), asio::detached);
    asio::co_spawn(shard->io, Sweep(*shard), asio::detached);
    threads_.emplace_back([io = &shard->io] { io->run(); });
  }
  return {};
}

void BeastServer::Stop(std::chrono::milliseconds patience) {
  if (state_.stopping.exchange(true)) {
    return;
  }
  for (auto& shard : shards_) {
    asio::post(shard->io, [shard = shard.get()] {
      boost::system::error_code ignored;
      shard->acceptor.close(ignored);
      for (Connection* connection : shard->idle) {
        connection->CutIdle();
      }
      for (Connection* connection : shard->busy) {
        connection->Drain();
      }
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (state_.connections.load() > 0 && std::chrono::steady_clock::now() < deadline) {
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

std::string Shard::NewRequestId() {
  std::uint64_t z = (next_id += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return fmt::format("{:016x}", z ^ (z >> 31));
}

std::string_view Shard::Date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second) {
    date_second = now;
    date = HttpDate(now);
  }
  return date;
}

void CallHandler(const Route& route, Request request, const Responder& respond) {
  const std::string id = request.request_id;
  try {
    route.handle(std::move(request), respond);
  } catch (const std::exception& exception) {
    respond(ErrorResponse({ErrorCode::kInternal, exception.what()}, route.error_form, id));
  }
}

Response NoRouteResponse(const Request& request, const Router::Match& match) {
  const ErrorForm form = ErrorFormOfPath(request.path);
  if (match.allow.empty()) {
    return StatusResponse(404, "Not Found", form, request.request_id);
  }
  if (request.method == "OPTIONS") {
    Response response{.status = 204};
    response.headers.emplace_back("Allow", match.allow + ", OPTIONS");
    return response;
  }
  Response response = StatusResponse(405, "Method Not Allowed", form, request.request_id);
  response.headers.emplace_back("Allow", match.allow);
  return response;
}

Response BodyTooLarge(std::uint64_t limit, ErrorForm form, std::string_view request_id) {
  return StatusResponse(413, fmt::format("the body is larger than {} bytes", limit), form,
                        request_id);
}

std::string ChunkHead(std::size_t bytes) {
  return fmt::format("{:x}\r\n", bytes);
}

Status HttpServerOptions::Validate() const {
  if (io_threads == 0 || blocking_threads == 0 || blocking_queue == 0 || max_connections == 0 ||
      min_bytes_per_second == 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "threads, queue, connections and bytes a second must be at least 1"};
  }
  return {};
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      const HttpServerParts& parts) {
  DATALAKE_TRY(options.Validate());
  auto server = std::make_unique<BeastServer>(options, parts);
  DATALAKE_TRY(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace datalake::server
