// Readiness for people, clients and load balancers, in the forms of both seeds.
#include <string>

#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/handlers.h"

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
