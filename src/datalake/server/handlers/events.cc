// GET /events: what happens, as server-sent events.
#include "datalake/server/event_stream.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {

Status AddEventRoutes(Router& router, Service& service) {
  for (const std::string_view path : {"/v1/events", "/events"}) {
    DATALAKE_TRY(router.Add(
        {.method = "GET",
         .path = path,
         .summary = "Jobs as they go on, as server-sent events without an end",
         .tag = "Jobs",
         .access = Access::To(Role::kRead),
         .execution = Execution::kInline,
         .parameters =
             {{.name = "topic", .description = "only events of this name", .values = {"job"}},
              {.name = "last_event_id", .description = "go on after this event; as Last-Event-ID"},
              {.name = "Last-Event-ID",
               .description = "as browsers send it when they come back",
               .place = Parameter::Place::kHeader}},
         .answers = {{200,
                      "events named job, each with a job's id, kind, status and progress; "
                      "`missed` when some are no longer kept",
                      R"({"type":"string"})", "text/event-stream"}},
         .handle = [&service](const Request& request, const Responder& respond) {
           if (service.events == nullptr) {
             respond(
                 StatusResponse(503, "no events here", ErrorForm::kProblem, request.request_id));
             return;
           }
           const std::string_view header = request.Header("last-event-id");
           respond(service.events->Subscribe(
               header.empty() ? request.Query("last_event_id") : header, request.Query("topic")));
         }}));
  }
  return {};
}

}  // namespace datalake::server
