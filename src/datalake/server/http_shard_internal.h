#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "datalake/base/thread_pool.h"
#include "datalake/server/http_message_internal.h"
#include "datalake/server/http_server.h"

namespace datalake::server {

/// What all connections of a server share.
struct ServerState {
  const HttpServerOptions& options;
  const HttpServerParts& parts;
  ThreadPool& pool;
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> connections{0};
  std::atomic<std::uint64_t> body_bytes{0};
};

/// A connection as its shard sees it; only touched on the shard's thread.
class Connection {
 public:
  virtual ~Connection() = default;

  /// Ends the wait for a next request.
  virtual void CutIdle() = 0;

  /// Tells the source of a streamed answer to end.
  virtual void Drain() = 0;

  std::chrono::steady_clock::time_point idle_since{};
};

/// One thread's share of the server: its io_context, its acceptor, its connections.
struct Shard {
  Shard(std::size_t number, ServerState& the_state, std::uint64_t id_seed)
      : index(number), state(the_state), next_id(id_seed) {}

  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// Sixteen hexadecimal digits: splitmix64 (Steele et al. 2014) of a counter with a random start.
  std::string NewRequestId();

  /// The Date header of now, made once a second.
  std::string_view Date();

  std::size_t index;
  ServerState& state;
  std::shared_ptr<boost::asio::ssl::context> tls{};
  std::list<Connection*> busy{};
  std::list<Connection*> idle{};  ///< longest idle first
  std::uint64_t next_id;
  std::time_t date_second = -1;
  std::string date{};
  // Last, so that it is destroyed first: with it go the connections, which leave the lists.
  boost::asio::io_context io{1};
  boost::asio::ip::tcp::acceptor acceptor{io};
};

/// A context for TLS >= 1.2 with a server's certificate. Errors: kInvalidArgument.
Result<std::shared_ptr<boost::asio::ssl::context>> LoadTls(const TlsFiles& files);

}  // namespace datalake::server
