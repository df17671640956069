#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/server/http.h"
#include "datalake/server/router.h"

namespace datalake::server {

/// What a connection remembers of its last caller, so that a kept connection costs no lookup.
/// Single-threaded.
struct CallerMemory {
  std::string authorization{};
  std::shared_ptr<const Caller> caller{};
  std::uint64_t generation = 0;  ///< of the tokens when `caller` was looked up
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

  /// Headers that answers to this request carry beside the usual ones: CORS, HSTS.
  virtual void AddHeaders(const Request& request, Response& response) const = 0;
};

/// The gate of a server on a loopback address without tokens: everybody who reaches it may do
/// everything, if Host is a loopback name (no DNS rebinding) and a write has no foreign Origin.
std::unique_ptr<Gate> MakeLoopbackGate();

}  // namespace datalake::server
