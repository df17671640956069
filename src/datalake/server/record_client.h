#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::server {

/// What became of the records of one request, as POST /v1/feeds/{feed}/records tells it.
struct SentRecords {
  std::uint64_t stored = 0;
  std::uint64_t replayed = 0;  ///< were there already
  std::uint64_t quarantined = 0;
  std::uint64_t refused = 0;
  std::string receipt_token;  ///< of the new ones
  std::string problems;       ///< JSON array: the records that were not stored, with reasons
};

struct RecordClientOptions {
  std::string url = {};    ///< "http://127.0.0.1:8091"
  std::string token = {};  ///< of the server; empty: none
  std::string feed = "chat";
  int attempts = 8;  ///< of one request; waits 0.1 s, then twice as long each time, at most 5 s
  std::chrono::seconds timeout{60};
};

/// Sends records to a server over one connection (http_client.h). Requests are sent again after a
/// cut, 429 and 503: safe when every record has an ingest_id.
/// Single-threaded; several clients work in parallel.
class RecordClient {
 public:
  /// Errors: those of HttpClient::Make.
  static Result<std::unique_ptr<RecordClient>> Make(const RecordClientOptions& options);
  virtual ~RecordClient() = default;

  /// Sends JSON lines. Errors: what the server said, kUnavailable (no answer after all attempts),
  /// kCancelled.
  virtual Result<SentRecords> Send(std::string_view lines, const std::stop_token& stop) = 0;
};

}  // namespace datalake::server
