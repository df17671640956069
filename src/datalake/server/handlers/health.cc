// Readiness for people, clients and load balancers, in the forms of both seeds.
#include <algorithm>
#include <string>

#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/readiness.h"

namespace datalake::server {
namespace {

constexpr std::string_view kUnhealthySchema =
    R"({"type":"object","properties":{"status":{"const":"unhealthy"},)"
    R"("detail":{"type":"string"}}})";

// {"status": …}, with the reason when records cannot be taken; the object is left open.
void BeginStatus(const Status& health, std::string_view good, json::Writer& writer) {
  writer.BeginObject();
  writer.Key("status");
  writer.String(health ? good : "unhealthy");
  if (!health) {
    writer.Key("detail");
    writer.String(health.error().message);
  }
}

constexpr std::string_view kReadySchema =
    R"({"type":"object","required":["ready","checks"],"properties":{"ready":{"type":"boolean"},)"
    R"("checks":{"type":"array","items":{"type":"object","required":["name","ready"],)"
    R"("properties":{"name":{"type":"string"},"ready":{"type":"boolean"},)"
    R"("reason":{"type":"string"}}}}}})";

Response RenderReadiness(const std::vector<ReadinessCheck>& checks, bool tell_reasons) {
  const bool ready = std::all_of(checks.begin(), checks.end(),
                                 [](const ReadinessCheck& check) { return check.ready; });
  Response response{.status = ready ? 200 : 503};
  if (!ready) {
    response.headers.emplace_back("Retry-After", "5");
  }
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("ready");
  writer.Bool(ready);
  writer.Key("checks");
  writer.BeginArray();
  for (const ReadinessCheck& check : checks) {
    writer.BeginObject();
    writer.Key("name");
    writer.String(check.name);
    writer.Key("ready");
    writer.Bool(check.ready);
    if (!check.ready && tell_reasons) {
      writer.Key("reason");
      writer.String(check.reason);
    }
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return response;
}

}  // namespace

Status AddHealthRoutes(Router& router, Service& service) {
  DATALAKE_TRY(router.Add(
      {.method = "GET",
       .path = "/v1/health",
       .summary = "Says that the server takes records",
       .tag = "Health",
       .access = Access::Open(),
       .execution = Execution::kInline,
       .error_form = ErrorForm::kDetail,
       .answers = {{200, "it does", R"({"type":"object","properties":{"status":{"const":"ok"}}})"},
                   {503, "it does not, and why", kUnhealthySchema}},
       .handle = [&service](const Request&, const Responder& respond) {
         const auto feed = service.feeds.Get("chat");
         const Status health = feed ? (*feed)->health() : feed.error();
         // Open to every page: the desktop client and status pages call it.
         Response response{.status = health ? 200 : 503,
                           .headers = {{"Access-Control-Allow-Origin", "*"}}};
         json::Writer writer(response.body);
         BeginStatus(health, "ok", writer);
         writer.EndObject();
         respond(std::move(response));
       }}));
  DATALAKE_TRY(router.Add(
      {.method = "GET",
       .path = "/v1/ready",
       .summary = "Says whether this server should get requests, and what is wrong if not",
       .tag = "Health",
       .access = Access::Open(),
       .answers = {{200, "it should", kReadySchema}, {503, "it should not, and why", kReadySchema}},
       .handle = [&service](const Request& request, const Responder& respond) {
         // Reasons name paths: they are for those who may see the lake.
         const bool tell = request.caller != nullptr && request.caller->May(Role::kRead);
         respond(RenderReadiness(CheckReadiness(service), tell));
       }}));
  return router.Add({.method = "GET",
                     .path = "/health",
                     // A server that stands by for records does all else.
                     .summary = "Says that the server works, with its time",
                     .tag = "Health",
                     .access = Access::Open(),
                     .execution = Execution::kInline,
                     .error_form = ErrorForm::kDetail,
                     .answers = {{200, "it does",
                                  R"({"type":"object","properties":{"status":{"const":"healthy"},)"
                                  R"("timestamp":{"type":"string","format":"date-time"}}})"},
                                 {503, "it does not, and why", kUnhealthySchema}},
                     .handle = [&service](const Request&, const Responder& respond) {
                       const auto feed = service.feeds.Get("chat");
                       const Status health = feed ? (*feed)->health() : Status();
                       Response response{.status = health ? 200 : 503};
                       json::Writer writer(response.body);
                       BeginStatus(health, "healthy", writer);
                       writer.Key("timestamp");
                       writer.String(FormatTimestamp(service.clock.Now()));
                       writer.EndObject();
                       respond(std::move(response));
                     }});
}

}  // namespace datalake::server
