#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"
#include "datalake/server/http.h"
#include "datalake/server/router.h"

namespace datalake::server {

class TokenStore;

/// What a connection remembers of its last caller, so that a kept connection costs no lookup.
/// Single-threaded.
struct CallerMemory {
  std::string authorization{};
  std::shared_ptr<const Caller> caller{};
  std::uint64_t generation = 0;  ///< of the tokens when `caller` was looked up
  std::string client_key{};      ///< of the last peer, see ClientKey
  std::string client{};
};

/// A request that was let in, or the answer to one that was not.
struct Admission {
  std::optional<Response> refusal{};
  std::shared_ptr<const Caller> caller{};
  /// Checking the token is dear (argon2): ask again with AdmitSlowly, on a thread that may block.
  bool slow = false;
};

/// Decides before the body is read who a caller is and whether it may go on. Thread-safe.
class Gate {
 public:
  virtual ~Gate() = default;

  /// `route` is null when no route fits: then only Host, Origin and rate count. Sets `peer` to the
  /// client's address as trusted proxies tell it. Never blocks.
  virtual Admission Admit(Request& request, const Route* route, CallerMemory& memory) = 0;

  /// As Admit, for an admission that said `slow`.
  virtual Admission AdmitSlowly(Request& request, const Route* route, CallerMemory& memory) = 0;

  /// Told the size of every body that was read, for the quotas.
  virtual void CountBody(const Caller& caller, const CallerMemory& memory, std::uint64_t bytes) = 0;

  /// Adds headers to an answer: CORS, HSTS. `origin`: that of the request.
  virtual void AddHeaders(std::string_view origin, Response& response) const = 0;
};

/// What a gate lets in.
struct GateOptions {
  /// Without a token only open routes, and what `anonymous` may do. False: whoever reaches the
  /// server without a token may do everything; only right on a loopback address.
  bool require_tokens = false;
  Roles anonymous{};  ///< of callers without a token, where tokens are required
  std::vector<std::string> cors_origins{};  ///< "https://example.org", or "*"; none: no other pages
  std::vector<std::string> hosts{};         ///< names in Host; empty: loopback, or with tokens any
  std::vector<std::string> trusted_proxies{};  ///< networks whose X-Forwarded-For is believed
  bool https = false;                          ///< clients come by TLS, here or at the proxy: HSTS
  std::uint64_t address_requests_per_minute = 0;  ///< 0: no limit
  std::uint64_t token_requests_per_minute = 0;    ///< for tokens without a limit of their own
  std::uint64_t token_bytes_per_day = 0;          ///< of bodies; the same
  std::uint64_t anonymous_bytes_per_day = 0;      ///< of bodies, of one address
};

/// The one gate. `tokens` may be null: then a token is never right. All must outlive it. A gate of
/// default options lets everybody do everything who reaches it by a loopback Host without a foreign
/// Origin. Errors: kInvalidArgument (networks, origins).
Result<std::unique_ptr<Gate>> MakeGate(const GateOptions& options, TokenStore* tokens,
                                       const Clock& clock, Random& random);

}  // namespace datalake::server
