#include "datalake/server/gate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "datalake/server/address_list.h"
#include "datalake/server/rate_limiter.h"
#include "datalake/server/target.h"
#include "datalake/server/token_store.h"

namespace datalake::server {
namespace {

constexpr std::chrono::seconds kMinute{60};
constexpr std::chrono::seconds kDay{86'400};
constexpr std::uint64_t kWrongTokensPerMinute = 30;  // of one address
constexpr std::string_view kBearer = "bearer ";

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           const auto lower = [](char c) {
             return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
           };
           return lower(x) == lower(y);
         });
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// A Host header or the rest of an Origin without the port.
std::string_view HostName(std::string_view host) {
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  return bracket != std::string_view::npos ? host.substr(0, bracket + 1)
                                           : host.substr(0, host.find(':'));
}

std::string_view OriginHost(std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

bool Reads(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

// The value that a route's access names: "{feed}" in the path, else in the query; else itself.
std::string_view ScopeName(const Access& access, const Request& request) {
  if (!access.name.starts_with('{')) {
    return access.name;
  }
  const std::string_view key = access.name.substr(1, access.name.size() - 2);
  const auto found = request.path_parameters.find(key);
  return found != request.path_parameters.end() ? std::string_view(found->second)
                                                : request.Query(key);
}

bool InScope(const Access& access, const Caller& caller, const Request& request) {
  if (!caller.scoped()) {
    return true;
  }
  switch (access.scope) {
    case Access::Scope::kLake:
      return false;
    case Access::Scope::kFeed:
      return caller.MayUseFeed(ScopeName(access, request));
    case Access::Scope::kProvider:
      return caller.MayUseProvider(ScopeName(access, request));
    case Access::Scope::kByHandler:
      break;
  }
  return true;
}

class PolicyGate final : public Gate {
 public:
  PolicyGate(GateOptions options, TokenStore* tokens, const Clock& clock, Random& random)
      : options_(std::move(options)), tokens_(tokens), clock_(clock), limiter_(clock, random) {
    any_origin_ = std::find(options_.cors_origins.begin(), options_.cors_origins.end(), "*") !=
                  options_.cors_origins.end();
    Roles roles = options_.anonymous;
    if (!options_.require_tokens) {
      roles.Add(Role::kAdmin);
    }
    anonymous_ = std::make_shared<const Caller>(Caller{.roles = roles});
  }

  Status Init() {
    for (const std::string& network : options_.trusted_proxies) {
      DATALAKE_TRY(proxies_.Add(network));
    }
    for (const std::string& origin : options_.cors_origins) {
      if (origin != "*" && OriginHost(origin).empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     "not an origin, such as https://example.org: " + origin};
      }
    }
    return {};
  }

  Admission Admit(Request& request, const Route* route, CallerMemory& memory) override {
    return Decide(request, route, memory, false);
  }

  Admission AdmitSlowly(Request& request, const Route* route, CallerMemory& memory) override {
    return Decide(request, route, memory, true);
  }

  void CountBody(const Caller& caller, const CallerMemory& memory, std::uint64_t bytes) override {
    const std::uint64_t quota = QuotaOf(caller);
    if (quota != 0 && bytes != 0) {
      limiter_.Charge(QuotaKey(caller, memory), quota, kDay, bytes);
    }
  }

  void AddHeaders(std::string_view origin, Response& response) const override {
    if (options_.https) {
      response.headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
    }
    if (options_.cors_origins.empty()) {
      return;
    }
    if (any_origin_) {
      if (std::none_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
            return header.first == "Access-Control-Allow-Origin";
          })) {
        response.headers.emplace_back("Access-Control-Allow-Origin", "*");
      }
    } else {
      response.headers.emplace_back("Vary", "Origin");
      if (!AllowedOrigin(origin)) {
        return;
      }
      response.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
    }
    response.headers.emplace_back("Access-Control-Expose-Headers",
                                  "X-Request-Id, Retry-After, ETag, Content-Range, Location");
  }

 private:
  Admission Decide(Request& request, const Route* route, CallerMemory& memory, bool slowly) {
    const ErrorForm form = route != nullptr ? route->error_form : ErrorFormOfPath(request.path);
    const auto refuse = [&](int status, std::string_view detail) {
      return Admission{.refusal = StatusResponse(status, detail, form, request.request_id)};
    };
    request.peer = ClientOf(request);
    if (memory.client != request.peer) {
      memory.client = request.peer;
      memory.client_key = "a:" + ClientKey(request.peer);
    }
    if (!HostAllowed(request.Header("host"))) {
      return refuse(403, "this server does not answer to this Host");
    }
    const std::string_view origin = request.Header("origin");
    const bool foreign = !origin.empty() && !AllowedOrigin(origin) && !SameOrigin(request, origin);
    if (request.method == "OPTIONS" && !request.Header("access-control-request-method").empty()) {
      return foreign ? refuse(403, "this Origin is not allowed") : Preflight();
    }
    if (foreign && !Reads(request.method)) {
      return refuse(403, "writes from a foreign Origin are refused");
    }
    if (!slowly) {  // the second visit of the same request
      if (auto limited =
              Limit(memory.client_key, options_.address_requests_per_minute, request, form)) {
        return {.refusal = std::move(limited)};
      }
    }
    Admission admission = FindCaller(request, route, memory, slowly, form);
    if (admission.refusal || admission.slow || route == nullptr) {
      return admission;
    }
    return Authorize(request, *route, std::move(admission), memory);
  }

  Admission FindCaller(Request& request, const Route* route, CallerMemory& memory, bool slowly,
                       ErrorForm form) {
    const std::string_view authorization = request.Header("authorization");
    if (authorization.empty()) {
      return {.caller = anonymous_};
    }
    const std::uint64_t generation = tokens_ == nullptr ? 0 : tokens_->generation();
    if (memory.caller != nullptr && memory.generation == generation &&
        memory.authorization == authorization &&
        (!memory.caller->expires || clock_.Now() < *memory.caller->expires)) {
      return {.caller = memory.caller};
    }
    TokenStore::Answer answer;
    if (tokens_ != nullptr && authorization.size() > kBearer.size() &&
        EqualsIgnoringCase(authorization.substr(0, kBearer.size()), kBearer)) {
      const std::string_view presented = Trim(authorization.substr(kBearer.size()));
      answer = slowly ? tokens_->VerifySlowly(presented) : tokens_->Find(presented);
    }
    switch (answer.outcome) {
      case TokenStore::Outcome::kKnown:
        memory.caller = answer.caller;
        memory.authorization = authorization;
        memory.generation = generation;
        return {.caller = std::move(answer.caller)};
      case TokenStore::Outcome::kSlow:
        if (auto limited = Limit("w" + memory.client_key, kWrongTokensPerMinute, request, form)) {
          return {.refusal = std::move(limited)};
        }
        return {.slow = true};
      case TokenStore::Outcome::kBusy: {
        Response busy =
            StatusResponse(503, "too many tokens are being checked", form, request.request_id);
        busy.headers.emplace_back("Retry-After", "1");
        return {.refusal = std::move(busy)};
      }
      case TokenStore::Outcome::kUnknown:
        break;
    }
    if (route != nullptr && route->access.open) {
      return {.caller = anonymous_};
    }
    return {.refusal = Unauthorized("the token is not known, revoked or expired",
                                    "Bearer realm=\"datalake\", error=\"invalid_token\"", form,
                                    request.request_id)};
  }

  Admission Authorize(const Request& request, const Route& route, Admission admission,
                      const CallerMemory& memory) {
    const Caller& caller = *admission.caller;
    const Access& access = route.access;
    if (!access.open && !caller.May(access.role)) {
      if (caller.anonymous()) {
        return {.refusal = Unauthorized("this needs a token", "Bearer realm=\"datalake\"",
                                        route.error_form, request.request_id)};
      }
      return {.refusal = StatusResponse(
                  403, fmt::format("this needs a token with the role {}", ToString(access.role)),
                  route.error_form, request.request_id)};
    }
    if (!access.open && !InScope(access, caller, request)) {
      return {.refusal = StatusResponse(403, "the token's scope does not contain this",
                                        route.error_form, request.request_id)};
    }
    if (!caller.anonymous()) {
      const std::uint64_t rate = caller.requests_per_minute != 0
                                     ? caller.requests_per_minute
                                     : options_.token_requests_per_minute;
      if (rate != 0) {
        if (auto limited = Limit("t:" + caller.token_id, rate, request, route.error_form)) {
          return {.refusal = std::move(limited)};
        }
      }
    }
    const std::uint64_t quota = Reads(request.method) ? 0 : QuotaOf(caller);
    if (quota != 0) {
      if (const auto wait = limiter_.Take(QuotaKey(caller, memory), quota, kDay, 1);
          wait.count() > 0) {
        return {.refusal = TooMany("the quota of a day is used up", wait, route.error_form,
                                   request.request_id)};
      }
    }
    return admission;
  }

  static Response Unauthorized(std::string_view detail, std::string_view challenge, ErrorForm form,
                               std::string_view request_id) {
    Response response = StatusResponse(401, detail, form, request_id);
    response.headers.emplace_back("WWW-Authenticate", std::string(challenge));
    return response;
  }

  static Response TooMany(std::string_view detail, std::chrono::nanoseconds wait, ErrorForm form,
                          std::string_view request_id) {
    Response response = StatusResponse(429, detail, form, request_id);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
    return response;
  }

  std::optional<Response> Limit(std::string_view key, std::uint64_t per_minute,
                                const Request& request, ErrorForm form) {
    if (per_minute == 0) {
      return std::nullopt;
    }
    const auto wait = limiter_.Take(key, per_minute, kMinute);
    if (wait.count() == 0) {
      return std::nullopt;
    }
    return TooMany("too many requests", wait, form, request.request_id);
  }

  std::uint64_t QuotaOf(const Caller& caller) const {
    if (caller.anonymous()) {
      return options_.anonymous_bytes_per_day;
    }
    return caller.bytes_per_day != 0 ? caller.bytes_per_day : options_.token_bytes_per_day;
  }

  static std::string QuotaKey(const Caller& caller, const CallerMemory& memory) {
    return "q" + (caller.anonymous() ? memory.client_key : "t:" + caller.token_id);
  }

  // From the right: each address was told by the one after it; the first that is no trusted proxy
  // is the client, whatever stands left of it.
  std::string ClientOf(const Request& request) const {
    if (proxies_.empty() || !proxies_.Contains(request.peer)) {
      return request.peer;
    }
    std::string client = request.peer;
    std::string all;  // several headers are one list (RFC 9110 §5.3); the proxy's own is the last
    for (const auto& [name, value] : request.headers) {
      if (name == "x-forwarded-for") {
        all += (all.empty() ? "" : ",") + value;
      }
    }
    std::string_view list = all;
    while (!list.empty()) {
      const std::size_t comma = list.rfind(',');
      const std::string_view one =
          Trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
      list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
      AddressList parsed;
      if (!parsed.Add(one)) {
        break;  // not an address: nobody to blame but the proxy
      }
      client = one;
      if (!proxies_.Contains(one)) {
        break;
      }
    }
    return client;
  }

  bool HostAllowed(std::string_view host) const {
    if (options_.hosts.empty()) {
      return options_.require_tokens || IsLoopbackHost(host);
    }
    return IsLoopbackHost(host) ||
           std::any_of(options_.hosts.begin(), options_.hosts.end(), [host](const auto& name) {
             return EqualsIgnoringCase(name, HostName(host));
           });
  }

  bool AllowedOrigin(std::string_view origin) const {
    return any_origin_ ||
           (!origin.empty() && std::find(options_.cors_origins.begin(), options_.cors_origins.end(),
                                         origin) != options_.cors_origins.end());
  }

  bool SameOrigin(const Request& request, std::string_view origin) const {
    return EqualsIgnoringCase(OriginHost(origin), request.Header("host")) ||
           (!options_.require_tokens && IsLoopbackOrigin(origin));
  }

  static Admission Preflight() {
    Response response{.status = 204};
    response.headers = {
        {"Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"},
        {"Access-Control-Allow-Headers",
         "Authorization, Content-Type, Content-Encoding, Idempotency-Key, If-Match, "
         "If-None-Match, If-Range, Range, Last-Event-ID, X-Content-SHA256"},
        {"Access-Control-Max-Age", "600"}};
    return {.refusal = std::move(response)};
  }

  const GateOptions options_;
  TokenStore* const tokens_;
  const Clock& clock_;
  AddressList proxies_;
  RateLimiter limiter_;
  bool any_origin_ = false;
  std::shared_ptr<const Caller> anonymous_;
};

}  // namespace

Result<std::unique_ptr<Gate>> MakeGate(const GateOptions& options, TokenStore* tokens,
                                       const Clock& clock, Random& random) {
  auto gate = std::make_unique<PolicyGate>(options, tokens, clock, random);
  DATALAKE_TRY(gate->Init());
  return std::unique_ptr<Gate>(std::move(gate));
}

}  // namespace datalake::server
