#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/base/result.h"
#include "datalake/server/http_server.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::server {

struct ServeOptions {
  std::string lake_path{};
  bool create_lake = false;  ///< make the lake when there is none
  HttpServerOptions http{};
  /// Unsealed records go into their table at least so often.
  std::chrono::seconds seal_period{60};
  /// Running requests get so long to end when the server is told to stop.
  std::chrono::milliseconds drain{20'000};
  std::string version{};
};

/// Opens the lake, serves it until `stop`, drains, seals the feeds and returns. `ready` is called
/// once with the address when requests are taken. Blocks; the references must outlive the call.
/// Errors: those of Lake::Open, Feed::Open and HttpServer::Start. When another
/// server has the feed this one serves all else and takes the feed over when that one ends.
Status Serve(io::FileSystem& fs, const Clock& clock, Random& random, const ServeOptions& options,
             const std::function<void(const std::string& address)>& ready, std::stop_token stop);

}  // namespace datalake::server
