#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/server/http_server.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::server {

/// Who may use a server, and how much.
struct DoorOptions {
  bool require_tokens = false;  ///< also on a loopback address
  /// A proxy before the server speaks TLS: any address may be bound, and X-Forwarded-For of the
  /// trusted proxies is believed.
  bool behind_proxy = false;
  std::vector<std::string> trusted_proxies{};  ///< none, behind a proxy: loopback
  std::vector<std::string>
      anonymous_roles{};  ///< of callers without a token where they are required
  std::vector<std::string> cors_origins{};
  std::vector<std::string> hosts{};
  // Nothing: on a public address 1,200 and 60,000 a minute, else no limit.
  std::optional<std::uint64_t> address_requests_per_minute{};
  std::optional<std::uint64_t> token_requests_per_minute{};
  std::uint64_t token_bytes_per_day = 0;      ///< 0: no quota
  std::uint64_t anonymous_bytes_per_day = 0;  ///< of one address
};

struct ServeOptions {
  std::string lake_path{};
  bool create_lake = false;  ///< make the lake when there is none
  HttpServerOptions http{};
  DoorOptions door{};
  bool access_log = false;  ///< one line a request, without anything that was contributed
  /// Unsealed records go into their table at least so often.
  std::chrono::seconds seal_period{60};
  /// Running requests get so long to end when the server is told to stop.
  std::chrono::milliseconds drain{20'000};
  std::string version{};
  std::string image_version{};  ///< logged at the start and told by /info
  std::string environment{};    ///< APP_ENVIRONMENT: logged at the start
  std::string bucket{};         ///< where feeds are copied to: "s3://name" or name; empty: none
  /// Asked about once a second: true once after it was asked to read certificate and tokens again.
  std::function<bool()> reload_wanted{};
};

/// Opens the lake, serves it until `stop`, drains, seals the feeds and returns. `ready` is called
/// once with the address when requests are taken. Blocks; the references must outlive the call.
/// Errors: those of Lake::Open, Feed::Open and HttpServer::Start; kInvalidArgument for an address
/// that is not loopback without tokens, or without TLS or a proxy. When another server has the feed
/// this one serves all else and takes the feed over when that one ends.
Status Serve(io::FileSystem& fs, const Clock& clock, Random& random, const ServeOptions& options,
             const std::function<void(const std::string& address)>& ready, std::stop_token stop);

}  // namespace datalake::server
