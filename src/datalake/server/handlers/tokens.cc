// /v1/tokens: who may use this server. A secret is in the answer to its creation and nowhere else.
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/config_reader.h"
#include "datalake/json/writer.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/token_audit.h"
#include "datalake/server/token_store.h"

namespace datalake::server {
namespace {

constexpr std::string_view kTokenSchema =
    R"({"type":"object","required":["id","name","roles"],"properties":{"id":{"type":"string"},)"
    R"("name":{"type":"string"},"roles":{"type":"array","items":{"type":"string"}},)"
    R"("feeds":{"type":"array","items":{"type":"string"}},)"
    R"("providers":{"type":"array","items":{"type":"string"}},"created":{"type":"string"},)"
    R"("expires":{"type":["string","null"]},"revoked":{"type":["string","null"]},)"
    R"("requests_per_minute":{"type":"integer"},"bytes_per_day":{"type":"integer"}}})";
constexpr std::string_view kNewTokenSchema =
    R"({"type":"object","required":["name","roles"],"additionalProperties":false,"properties":{)"
    R"("name":{"type":"string","pattern":"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"},)"
    R"("roles":{"type":"array","minItems":1,"items":{"enum":["contribute","read","write","admin"]}},)"
    R"("feeds":{"type":"array","items":{"type":"string"},"description":"only these feeds"},)"
    R"("providers":{"type":"array","items":{"type":"string"},"description":"only these providers"},)"
    R"("expires":{"type":["string","null"],"format":"date-time"},)"
    R"("requests_per_minute":{"type":"integer","minimum":0},)"
    R"("bytes_per_day":{"type":"integer","minimum":0,"description":"of bodies; 0: as configured"}}})";

Result<NewToken> ParseNewToken(const Request& request) {
  DATALAKE_TRY_ASSIGN(const json::Value body, json::ParseValue(request.body, "body"));
  if (!body.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "body must be an object"};
  }
  json::ConfigReader reader(body, "body");
  NewToken wanted;
  std::vector<std::string> roles;
  std::string expires;
  reader.Require("name", wanted.name);
  reader.Require("roles", roles);
  reader.Read("feeds", wanted.feeds);
  reader.Read("providers", wanted.providers);
  reader.Read("expires", expires);
  reader.Read("requests_per_minute", wanted.requests_per_minute);
  reader.Read("bytes_per_day", wanted.bytes_per_day);
  DATALAKE_TRY(reader.Finish());
  for (const std::string& name : roles) {
    const auto role = ParseRole(name);
    if (!role) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("unknown role: {}; known: contribute, read, write, admin", name)};
    }
    wanted.roles.Add(*role);
  }
  if (!expires.empty()) {
    DATALAKE_TRY_ASSIGN(const Timestamp time, ParseTimestamp(expires));
    wanted.expires = time;
  }
  return wanted;
}

// Whom the lake's log names: the bearer of a token, or who came without one.
std::string UserOf(const Request& request) {
  const Caller& caller = *request.caller;
  return caller.anonymous() ? std::string("anonymous")
                            : fmt::format("token {} {}", caller.token_id, caller.name);
}

Result<Response> List(Service& service, const Request&) {
  DATALAKE_TRY_ASSIGN(const std::vector<Token> tokens, service.tokens->List());
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("tokens");
  writer.BeginArray();
  for (const Token& token : tokens) {
    writer.Raw(TokenJson(token));
  }
  writer.EndArray();
  writer.EndObject();
  return response;
}

Result<Response> Create(Service& service, const Request& request) {
  DATALAKE_TRY_ASSIGN(const NewToken wanted, ParseNewToken(request));
  DATALAKE_TRY_ASSIGN(const CreatedToken created, service.tokens->Create(wanted));
  DATALAKE_TRY(AuditToken(service.lake, TokenChange::kCreated, UserOf(request), created.token));
  DATALAKE_TRY(service.token_store->Reload());
  Response response{.status = 201};
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("secret");
  writer.String(created.secret);
  writer.Key("token");
  writer.Raw(TokenJson(created.token));
  writer.EndObject();
  return response;
}

Result<Response> Revoke(Service& service, const Request& request) {
  DATALAKE_TRY_ASSIGN(const Token token,
                      service.tokens->Revoke(request.path_parameters.at("token")));
  DATALAKE_TRY(AuditToken(service.lake, TokenChange::kRevoked, UserOf(request), token));
  DATALAKE_TRY(service.token_store->Reload());
  return Response{.body = TokenJson(token)};
}

Status Add(Router& router, Service& service, Route route,
           Result<Response> (*work)(Service&, const Request&)) {
  route.tag = "Tokens";
  route.access = Access::To(Role::kAdmin);
  route.handle = [&service, work](const Request& request, const Responder& respond) {
    if (service.tokens == nullptr || service.token_store == nullptr) {
      respond(StatusResponse(503, "no tokens here", ErrorForm::kProblem, request.request_id));
      return;
    }
    auto response = work(service, request);
    respond(response ? *std::move(response)
                     : ErrorResponse(response.error(), ErrorForm::kProblem, request.request_id));
  };
  return router.Add(std::move(route));
}

}  // namespace

Status AddTokenRoutes(Router& router, Service& service) {
  DATALAKE_TRY(Add(router, service,
                   {.method = "GET",
                    .path = "/v1/tokens",
                    .summary = "All tokens without their secrets, revoked ones too",
                    .tag = {},
                    .answers = {{200, "the tokens"}}},
                   &List));
  DATALAKE_TRY(Add(router, service,
                   {.method = "POST",
                    .path = "/v1/tokens",
                    .summary = "Makes a token; its secret is in this answer and nowhere else",
                    .tag = {},
                    .request_schema = kNewTokenSchema,
                    .answers = {{201, "the token",
                                 R"({"type":"object","required":["secret","token"],"properties":{)"
                                 R"("secret":{"type":"string"},"token":{"type":"object"}}})"},
                                {409, "a token has this name"},
                                {507, "the disk is full"}}},
                   &Create));
  return Add(router, service,
             {.method = "DELETE",
              .path = "/v1/tokens/{token}",
              .summary = "Revokes a token, by id or name; all servers see it within two seconds",
              .tag = {},
              .answers = {{200, "it is revoked", kTokenSchema}, {507, "the disk is full"}}},
             &Revoke);
}

}  // namespace datalake::server
