// GET /v1/feeds/{feed}/records/{ingest_id}: one contributed record as it was sent.
#include <string>

#include "datalake/lake/feed.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {

Status AddRecordRoutes(Router& router, Service& service) {
  return router.Add(
      {.method = "GET",
       .path = "/v1/feeds/{feed}/records/{ingest_id}",
       .summary = "The newest version of a record as it was sent, with what we know under _lake",
       .tag = "Feeds",
       .access = Access::ToFeed(Role::kRead, "{feed}"),
       .answers = {{200, "the record",
                    R"({"type":"object","properties":{"_lake":{"type":"object"}}})"},
                   {404, "no such feed or record"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         const auto open = service.feeds.Open(request.path_parameters.at("feed"));
         auto record = open ? (*open)->Get(request.path_parameters.at("ingest_id"))
                            : Result<std::string>(open.error());
         if (!record) {
           respond(ErrorResponse(record.error(), ErrorForm::kProblem, request.request_id));
           return;
         }
         respond({.body = *std::move(record)});
       }});
}

}  // namespace datalake::server
