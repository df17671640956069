// Liveness for people, clients and load balancers, in the forms of both seeds.
#include <string>

#include "datalake/json/writer.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {

Status AddHealthRoutes(Router& router, Service& service) {
  DATALAKE_TRY(router.Add(
      {.method = "GET",
       .path = "/v1/health",
       .summary = "Says that the server answers",
       .tag = "Health",
       .execution = Execution::kInline,
       .error_form = ErrorForm::kDetail,
       .answers = {{200, "it does", R"({"type":"object","properties":{"status":{"const":"ok"}}})"}},
       .handle = [](const Request&, const Responder& respond) {
         // Open to every page: the desktop client and status pages call it, and it tells nothing.
         respond({.headers = {{"Access-Control-Allow-Origin", "*"}}, .body = R"({"status":"ok"})"});
       }}));
  return router.Add({.method = "GET",
                     .path = "/health",
                     .summary = "Says that the server answers, with its time",
                     .tag = "Health",
                     .execution = Execution::kInline,
                     .error_form = ErrorForm::kDetail,
                     .answers = {{200, "it does",
                                  R"({"type":"object","properties":{"status":{"const":"healthy"},)"
                                  R"("timestamp":{"type":"string","format":"date-time"}}})"}},
                     .handle = [&service](const Request&, const Responder& respond) {
                       Response response;
                       json::Writer writer(response.body);
                       writer.BeginObject();
                       writer.Key("status");
                       writer.String("healthy");
                       writer.Key("timestamp");
                       writer.String(FormatTimestamp(service.clock.Now()));
                       writer.EndObject();
                       respond(std::move(response));
                     }});
}

}  // namespace datalake::server
