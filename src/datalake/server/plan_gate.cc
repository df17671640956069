#include "datalake/server/plan_gate.h"

#include <fmt/format.h>

#include "datalake/server/target.h"

namespace datalake::server {
namespace {

constexpr std::uint64_t kPublicAddressRate = 1'200;
constexpr std::uint64_t kPublicTokenRate = 60'000;

}  // namespace

Result<GateOptions> PlanGate(const HttpServerOptions& http, const DoorOptions& door,
                             bool has_tokens, std::string_view lake_path) {
  const bool is_public = !IsLoopbackHost(http.bind) || door.behind_proxy;
  GateOptions gate{.require_tokens = door.require_tokens || is_public,
                   .cors_origins = door.cors_origins,
                   .hosts = door.hosts,
                   .trusted_proxies = door.trusted_proxies,
                   .https = http.tls || door.behind_proxy,
                   .address_requests_per_minute = door.address_requests_per_minute.value_or(
                       is_public ? kPublicAddressRate : 0),
                   .token_requests_per_minute =
                       door.token_requests_per_minute.value_or(is_public ? kPublicTokenRate : 0),
                   .token_bytes_per_day = door.token_bytes_per_day,
                   .anonymous_bytes_per_day = door.anonymous_bytes_per_day};
  for (const std::string& name : door.anonymous_roles) {
    const auto role = ParseRole(name);
    if (!role) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("unknown role: {}; known: contribute, read, write, admin", name)};
    }
    gate.anonymous.Add(*role);
  }
  if (door.behind_proxy && gate.trusted_proxies.empty()) {
    gate.trusted_proxies = {"127.0.0.0/8", "::1"};
  }
  if (is_public && !http.tls && !door.behind_proxy) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("an address that is not loopback needs TLS: {}; give --tls-cert and "
                             "--tls-key, or --behind-proxy when a proxy before this server has it",
                             http.bind)};
  }
  if (gate.require_tokens && !has_tokens && gate.anonymous.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("nobody could use this server, as the lake has no token; make one: "
                             "datalake --lake {} token create admin --role admin",
                             lake_path)};
  }
  return gate;
}

}  // namespace datalake::server
