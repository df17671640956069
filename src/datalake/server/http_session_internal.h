// One connection: a coroutine that reads a request, asks the gate, runs the handler, writes the
// answer. Plain sockets are tried without waiting first, which saves most trips through the
// reactor.
#pragma once

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "datalake/base/log.h"
#include "datalake/server/http_shard_internal.h"

namespace datalake::server {

namespace asio = boost::asio;
namespace beast = boost::beast;

/// A part of the memory that all request bodies may take together, given back at the end of the
/// scope. Single-threaded.
class BodyReservation {
 public:
  explicit BodyReservation(std::atomic<std::uint64_t>& taken) : taken_(taken) {}

  BodyReservation(const BodyReservation&) = delete;
  BodyReservation& operator=(const BodyReservation&) = delete;

  ~BodyReservation() {
    if (bytes_ > 0) {
      taken_.fetch_sub(bytes_, std::memory_order_relaxed);
    }
  }

  /// Takes up to `bytes` in all; false when that passes `limit`. What was taken is given back all
  /// the same.
  bool Grow(std::uint64_t bytes, std::uint64_t limit) {
    if (bytes <= bytes_) {
      return true;
    }
    const std::uint64_t more = bytes - bytes_;
    bytes_ = bytes;
    return taken_.fetch_add(more, std::memory_order_relaxed) + more <= limit;
  }

 private:
  std::atomic<std::uint64_t>& taken_;
  std::uint64_t bytes_ = 0;
};

/// Calls a handler; what escapes it is an internal error of this request alone.
void CallHandler(const Route& route, Request request, const Responder& respond);

/// The answer when no route fits, or the path has others.
Response NoRouteResponse(const Request& request, const Router::Match& match);

/// 413.
Response BodyTooLarge(std::uint64_t limit, ErrorForm form, std::string_view request_id);

/// "1f\r\n": what stands before a chunk of so many bytes.
std::string ChunkHead(std::size_t bytes);

/// A connection over `Stream`: beast::tcp_stream or TLS upon it. Lives on its shard's thread.
template <typename Stream>
class Session final : public Connection {
 public:
  Session(Shard& shard, Stream stream, std::string peer)
      : shard_(shard),
        state_(shard.state),
        options_(shard.state.options),
        stream_(std::move(stream)),
        peer_(std::move(peer)) {
    place_ = shard_.busy.insert(shard_.busy.end(), this);
  }

  ~Session() override { (in_idle_ ? shard_.idle : shard_.busy).erase(place_); }

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  asio::awaitable<void> Run() {
    bool more = co_await Handshake();
    while (more && !state_.stopping.load(std::memory_order_relaxed)) {
      if (buffer_.size() == 0) {
        more = co_await WaitForBytes();
      }
      if (more) {
        more = co_await ServeOne();
      }
    }
    co_await Close();
  }

  void CutIdle() override { Lowest().cancel(); }

  void Drain() override {
    if (source_ != nullptr) {
      source_->Drain();
    }
  }

 private:
  static constexpr bool kPlain = std::is_same_v<Stream, beast::tcp_stream>;
  static constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
  static constexpr std::size_t kReadBytes = 16 << 10;
  static constexpr std::size_t kMaxDroppedBytes = 4 << 20;
  static constexpr std::uint64_t kMaxSkippedBody = 64 << 10;
  static constexpr std::size_t kManyIdle =
      512;  // of a shard; above, a buffer is made for each request
  static constexpr std::chrono::seconds kMostExtraTime{300};

  // One request on its way.
  struct Exchange {
    std::string id;
    Request request{};
    Router::Match match{};
    std::shared_ptr<const Caller> caller{};
    std::string method{};
    std::string origin{};
    bool http_1_0 = false;
    bool keep_alive = true;
    std::uint64_t bytes_in = 0;
    std::chrono::steady_clock::time_point begun{};
  };

  beast::tcp_stream& Lowest() { return beast::get_lowest_layer(stream_); }

  std::chrono::steady_clock::duration TimeFor(std::chrono::seconds base,
                                              std::uint64_t bytes) const {
    const std::chrono::seconds own(bytes / options_.min_bytes_per_second);
    return base + std::min(own, kMostExtraTime);
  }

  asio::awaitable<bool> Handshake() {
    if constexpr (kPlain) {
      boost::system::error_code code;
      Lowest().socket().non_blocking(true, code);
      co_return !code;
    } else {
      Lowest().expires_after(options_.read_timeout);
      const auto [code] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
      co_return !code;
    }
  }

  // Waits for the first byte of the next request, in the only state that Stop and the sweeper may
  // cut. A plain connection holds no buffer meanwhile when there are many. False: over.
  asio::awaitable<bool> WaitForBytes() {
    idle_since = std::chrono::steady_clock::now();
    shard_.idle.splice(shard_.idle.end(), shard_.busy, place_);
    in_idle_ = true;
    boost::system::error_code code;
    if constexpr (kPlain) {
      if (shard_.idle.size() > kManyIdle) {
        buffer_.shrink_to_fit();
      }
      const auto [waited] =
          co_await Lowest().socket().async_wait(asio::ip::tcp::socket::wait_read, kAwait);
      code = waited;
    } else {
      Lowest().expires_never();
      const auto [read, got] =
          co_await stream_.async_read_some(buffer_.prepare(kReadBytes / 8), kAwait);
      buffer_.commit(got);
      code = read;
    }
    shard_.busy.splice(shard_.busy.end(), shard_.idle, place_);
    in_idle_ = false;
    co_return !code;
  }

  // Bytes that are there already; nothing when one has to wait.
  std::optional<boost::system::error_code> TryFill() {
    if constexpr (kPlain) {
      boost::system::error_code code;
      const std::size_t got = Lowest().socket().read_some(buffer_.prepare(kReadBytes), code);
      if (code == asio::error::would_block || code == asio::error::try_again) {
        return std::nullopt;
      }
      buffer_.commit(got);
      return code;
    } else {
      return std::nullopt;
    }
  }

  // Reads until `reader` says something new; false: the connection is over, or all bodies together
  // have taken too much memory (`bodies_full_`).
  asio::awaitable<bool> ReadOn(RequestReader& reader, RequestReader::State& state,
                               BodyReservation* reservation = nullptr) {
    while (true) {
      state = reader.Read(buffer_);
      if (reservation != nullptr &&
          !reservation->Grow(reader.body_bytes(), options_.max_bodies_bytes)) {
        bodies_full_ = true;
        co_return false;
      }
      if (state != RequestReader::State::kNeedMore) {
        break;
      }
      auto code = TryFill();
      if (!code) {
        const auto [read, got] =
            co_await stream_.async_read_some(buffer_.prepare(kReadBytes), kAwait);
        buffer_.commit(got);
        code = read;
      }
      if (*code) {
        co_return false;
      }
    }
    co_return true;
  }

  // One request and its answer; false: the connection ends.
  asio::awaitable<bool> ServeOne() {
    Lowest().expires_after(options_.read_timeout);
    RequestReader reader(options_.max_header_bytes);
    RequestReader::State state{};
    bool read = co_await ReadOn(reader, state);
    if (!read) {
      co_return false;
    }
    Exchange exchange{.id = shard_.NewRequestId(), .begun = std::chrono::steady_clock::now()};
    if (state == RequestReader::State::kFailed) {
      co_return co_await AnswerBroken(reader, exchange);
    }
    auto header = reader.TakeHeader();
    exchange.http_1_0 = reader.http_1_0();
    if (!header) {
      const int status = header.error().code == ErrorCode::kResourceExhausted ? 431 : 400;
      exchange.keep_alive = false;
      Response broken =
          StatusResponse(status, header.error().message, ErrorForm::kProblem, exchange.id);
      co_await Send(broken, exchange);
      co_return false;
    }
    exchange.request = *std::move(header);
    exchange.request.peer = peer_;
    exchange.request.request_id = exchange.id;
    exchange.method = exchange.request.method;
    exchange.origin = exchange.request.Header("origin");
    exchange.keep_alive = reader.keep_alive();
    exchange.match = state_.parts.router.Find(exchange.request.method, exchange.request.path);
    exchange.request.path_parameters = std::move(exchange.match.parameters);

    std::optional<Response> refusal = co_await Admit(exchange);
    const std::uint64_t limit =
        exchange.match.route != nullptr && exchange.match.route->max_body_bytes != 0
            ? exchange.match.route->max_body_bytes
            : options_.max_body_bytes;
    BodyReservation reservation(state_.body_bytes);
    if (!refusal) {
      refusal = CheckBody(reader, exchange, limit);
    }
    if (refusal) {
      co_return co_await Refuse(reader, exchange, *refusal);
    }
    if (reader.has_body() && reader.expects_continue()) {
      const bool asked = co_await Write("HTTP/1.1 100 Continue\r\n\r\n", {});
      if (!asked) {
        co_return false;
      }
    }
    reader.AllowBody(limit);
    Lowest().expires_after(TimeFor(options_.read_timeout, reader.BodyBound(limit)));
    read = co_await ReadOn(reader, state, &reservation);
    if (bodies_full_) {
      exchange.keep_alive = false;
      Response full = BodiesFull(exchange);
      co_await Send(full, exchange);
    }
    if (!read) {
      co_return false;
    }
    if (state == RequestReader::State::kFailed) {
      co_return co_await AnswerBroken(reader, exchange);
    }
    exchange.request.body = reader.TakeBody();
    exchange.bytes_in = exchange.request.body.size();
    state_.parts.gate.CountBody(*exchange.caller, memory_, exchange.bytes_in);
    Response response = co_await Dispatch(exchange);
    const bool sent = co_await Send(response, exchange);
    co_return sent&& exchange.keep_alive;
  }

  asio::awaitable<bool> AnswerBroken(const RequestReader& reader, Exchange& exchange) {
    exchange.keep_alive = false;
    std::optional<Response> response = ReadErrorResponse(reader, exchange.id);
    if (response) {
      co_await Send(*response, exchange);
    }
    co_return false;
  }

  // Asks the gate, on a thread that may block where it has to compute for long.
  asio::awaitable<std::optional<Response>> Admit(Exchange& exchange) {
    Admission admission = state_.parts.gate.Admit(exchange.request, exchange.match.route, memory_);
    if (admission.slow) {
      // Everything lives in a box of its own: a connection that is destroyed leaves it behind.
      struct Slow {
        Request request;
        const Route* route;
        CallerMemory memory;
        Admission admission;
      };

      auto box = std::make_shared<Slow>(
          Slow{exchange.request, exchange.match.route, memory_, std::move(admission)});
      const std::function<void()> work = [box, &gate = state_.parts.gate] {
        box->admission = gate.AdmitSlowly(box->request, box->route, box->memory);
      };
      const bool ran = co_await OnPool(work);
      if (!ran) {
        co_return Busy(exchange);
      }
      memory_ = std::move(box->memory);
      admission = std::move(box->admission);
      exchange.request.peer = box->request.peer;
    }
    exchange.caller = admission.caller;
    exchange.request.caller = std::move(admission.caller);
    if (!admission.refusal && exchange.match.route == nullptr) {
      co_return NoRouteResponse(exchange.request, exchange.match);
    }
    co_return std::move(admission.refusal);
  }

  Response Busy(const Exchange& exchange) const {
    Response busy = StatusResponse(503, "too many requests are waiting; try again",
                                   FormOf(exchange), exchange.id);
    busy.headers.emplace_back("Retry-After", "1");
    return busy;
  }

  ErrorForm FormOf(const Exchange& exchange) const {
    return exchange.match.route != nullptr ? exchange.match.route->error_form
                                           : ErrorFormOfPath(exchange.request.path);
  }

  Response BodiesFull(const Exchange& exchange) const {
    Response full = StatusResponse(503, "too many large requests are under way; try again",
                                   FormOf(exchange), exchange.id);
    full.headers.emplace_back("Retry-After", "1");
    return full;
  }

  std::optional<Response> CheckBody(const RequestReader& reader, const Exchange& exchange,
                                    std::uint64_t limit) const {
    if (reader.content_length().value_or(0) > limit) {
      return BodyTooLarge(limit, FormOf(exchange), exchange.id);
    }
    if (reader.has_body() &&
        state_.body_bytes.load(std::memory_order_relaxed) >= options_.max_bodies_bytes) {
      return BodiesFull(exchange);
    }
    const Route& route = *exchange.match.route;
    if (!route.parameters.empty()) {
      if (const Status fits = CheckParameters(route, exchange.request); !fits) {
        return ErrorResponse(fits.error(), route.error_form, exchange.id);
      }
    }
    return std::nullopt;
  }

  // Answers without the body: a small one is read and dropped, so that the connection may go on.
  asio::awaitable<bool> Refuse(RequestReader& reader, Exchange& exchange, Response& refusal) {
    const bool skip = !reader.has_body() ||
                      (reader.content_length().value_or(kMaxSkippedBody + 1) <= kMaxSkippedBody &&
                       !reader.expects_continue());
    if (skip) {
      reader.AllowBody(kMaxSkippedBody);
      RequestReader::State state{};
      const bool read = co_await ReadOn(reader, state);
      if (!read) {
        co_return false;
      }
      exchange.keep_alive = exchange.keep_alive && state == RequestReader::State::kDone;
    } else {
      exchange.keep_alive = false;
    }
    const bool sent = co_await Send(refusal, exchange);
    co_await asio::post(stream_.get_executor(), asio::use_awaitable);  // others have their turn
    co_return sent&& exchange.keep_alive;
  }

  asio::awaitable<Response> Dispatch(Exchange& exchange) {
    const Route& route = *exchange.match.route;
    const auto executor = stream_.get_executor();
    auto initiate = [this, &route, executor](auto handler, Request taken) {
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
      auto box = std::make_shared<Request>(std::move(taken));
      const bool queued = state_.pool.TrySubmit(
          [&route, box, respond] { CallHandler(route, std::move(*box), respond); });
      if (!queued) {
        Response busy = StatusResponse(503, "too many requests are waiting; try again",
                                       route.error_form, box->request_id);
        busy.headers.emplace_back("Retry-After", "1");
        respond(std::move(busy));
      }
    };
    Request taken = std::move(exchange.request);
    Response response =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Response)>(
            std::move(initiate), asio::use_awaitable, std::move(taken));
    co_return response;
  }

  // Runs `work` on the pool; false when the pool is full.
  asio::awaitable<bool> OnPool(const std::function<void()>& work) {
    const auto executor = stream_.get_executor();
    auto initiate = [this, executor, &work](auto handler) {
      using Handler = decltype(handler);
      auto shared = std::make_shared<Handler>(std::move(handler));
      const auto finish = [shared, executor](bool ran) {
        asio::post(executor, [shared, ran]() mutable { std::move (*shared)(ran); });
      };
      const bool queued = state_.pool.TrySubmit([work, finish] {
        work();
        finish(true);
      });
      if (!queued) {
        finish(false);
      }
    };
    const bool ran = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(
        std::move(initiate), asio::use_awaitable);
    co_return ran;
  }

  // Writes an answer; false: the connection is over.
  asio::awaitable<bool> Send(Response& response, Exchange& exchange) {
    exchange.keep_alive = exchange.keep_alive && !state_.stopping.load(std::memory_order_relaxed);
    state_.parts.gate.AddHeaders(exchange.origin, response);
    HeadOptions head{.request_id = exchange.id,
                     .date = shard_.Date(),
                     .content_length = response.stream == nullptr
                                           ? std::optional<std::uint64_t>(response.body.size())
                                           : response.stream->size_bytes(),
                     .http_1_0 = exchange.http_1_0};
    if (!head.content_length && exchange.http_1_0) {
      exchange.keep_alive = false;  // the end of the connection is the end of the body
    }
    head.keep_alive = exchange.keep_alive;
    head_.clear();
    AppendHead(head_, response, head);
    std::uint64_t sent = 0;
    bool whole = false;
    if (exchange.method == "HEAD" || response.status == 304) {
      whole = co_await Write(head_, {});
    } else if (response.stream == nullptr) {
      whole = co_await Write(head_, response.body);
      sent = response.body.size();
    } else {
      source_ = response.stream.get();
      if (state_.stopping) {
        source_->Drain();
      }
      whole =
          co_await Write(head_, {}) &&
          co_await SendPieces(response.stream, !head.content_length && !exchange.http_1_0, sent);
      whole = whole && sent == head.content_length.value_or(sent);
      source_ = nullptr;
    }
    if (state_.parts.observer != nullptr) {
      Observe(response, exchange, sent);
    }
    co_return whole;
  }

  void Observe(const Response& response, const Exchange& exchange, std::uint64_t sent) {
    const auto took = std::chrono::steady_clock::now() - exchange.begun;
    state_.parts.observer->OnRequest(
        {.shard = shard_.index,
         .route = exchange.match.route,
         .route_index = exchange.match.index,
         .method = exchange.method,
         .caller = exchange.caller.get(),
         .request_id = exchange.id,
         .peer = memory_.client.empty() ? std::string_view(peer_) : memory_.client,
         .status = response.status,
         .bytes_in = exchange.bytes_in,
         .bytes_out = sent,
         .nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()});
  }

  asio::awaitable<bool> SendPieces(std::shared_ptr<BodySource> source, bool chunked,
                                   std::uint64_t& sent) {
    while (true) {
      Result<std::string> piece = co_await Pull(source);
      if (!piece) {
        LogWarning("a streamed answer was cut: " + ToString(piece.error()));
        co_return false;
      }
      sent += piece->size();
      if (piece->empty()) {
        bool ended = true;
        if (chunked) {
          ended = co_await Write("0\r\n\r\n", {});
        }
        co_return ended;
      }
      if (chunked) {
        head_ = ChunkHead(piece->size());
        piece->append("\r\n");
      } else {
        head_.clear();
      }
      const bool wrote = co_await Write(head_, *piece);
      if (!wrote) {
        co_return false;
      }
    }
  }

  asio::awaitable<Result<std::string>> Pull(std::shared_ptr<BodySource> source) {
    const auto executor = stream_.get_executor();
    auto initiate = [this, executor](auto handler, std::shared_ptr<BodySource> from) {
      using Handler = decltype(handler);
      auto shared = std::make_shared<Handler>(std::move(handler));
      PieceDone done = [shared, executor](Result<std::string> piece) {
        asio::post(executor, [shared, piece = std::move(piece)]() mutable {
          std::move (*shared)(std::move(piece));
        });
      };
      if (from->inline_pull()) {
        from->Next(std::move(done));
      } else if (!state_.pool.TrySubmit([from, done] { from->Next(done); })) {
        done(Error{ErrorCode::kUnavailable, "too many requests are waiting"});
      }
    };
    Result<std::string> piece =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<std::string>)>(
            std::move(initiate), asio::use_awaitable, std::move(source));
    co_return piece;
  }

  // Writes both, whole; false: the connection is over. The views must live until then.
  asio::awaitable<bool> Write(std::string_view first, std::string_view second) {
    const std::array<asio::const_buffer, 2> both = {
        asio::const_buffer(first.data(), first.size()),
        asio::const_buffer(second.data(), second.size())};
    beast::buffers_suffix<std::array<asio::const_buffer, 2>> rest(both);
    const std::size_t total = first.size() + second.size();
    if constexpr (kPlain) {
      boost::system::error_code code;
      const std::size_t wrote = Lowest().socket().write_some(both, code);
      if (!code && wrote == total) {
        co_return true;
      }
      if (code && code != asio::error::would_block && code != asio::error::try_again) {
        co_return false;
      }
      rest.consume(wrote);
    }
    Lowest().expires_after(TimeFor(options_.write_timeout, total));
    const auto [code, wrote] = co_await asio::async_write(stream_, rest, kAwait);
    co_return !code;
  }

  // Ends a connection so that the peer still reads the last answer: sends FIN, then drops what
  // arrives (a body that was refused) for a short while; closing at once would reset the
  // connection.
  asio::awaitable<void> Close() {
    boost::system::error_code code;
    Lowest().expires_after(std::chrono::seconds(2));
    if constexpr (!kPlain) {
      if (!state_.stopping) {
        std::tie(code) = co_await stream_.async_shutdown(kAwait);
      }
    }
    Lowest().socket().shutdown(asio::ip::tcp::socket::shutdown_send, code);
    std::size_t dropped = 0;
    while (!code && !state_.stopping && dropped < kMaxDroppedBytes) {
      buffer_.clear();
      const auto [read, got] =
          co_await Lowest().async_read_some(buffer_.prepare(kReadBytes), kAwait);
      code = read;
      dropped += got;
    }
    Lowest().socket().close(code);
  }

  Shard& shard_;
  ServerState& state_;
  const HttpServerOptions& options_;
  Stream stream_;
  const std::string peer_;
  beast::flat_buffer buffer_;
  std::string head_;  // of the answer that is being written
  CallerMemory memory_;
  BodySource* source_ = nullptr;
  std::list<Connection*>::iterator place_;
  bool in_idle_ = false;
  bool bodies_full_ = false;
};

}  // namespace datalake::server
