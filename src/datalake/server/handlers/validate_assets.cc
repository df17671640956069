// POST /validate-assets: whether links of a search result lead to files, in the seed's words.
#include <string>

#include "datalake/job/job_runner.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/lake/verify.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/jobs.h"

namespace datalake::server {
namespace {

constexpr int kUnprocessable = 422;

Response RenderStarted(const job::StartedJob& started) {
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("job_id");
  writer.String(started.id);
  writer.Key("status");
  writer.String(started.already_running ? "already_running" : "started");
  writer.Key("message");
  writer.String(started.already_running ? "a validation is already running" : "validation started");
  writer.EndObject();
  return response;
}

}  // namespace

Status AddValidateAssetsRoutes(Router& router, Service& service) {
  return router.Add(
      {.method = "POST",
       .path = "/validate-assets",
       .summary = "Starts to check that assets are there, or says which check already runs",
       .tag = "Integrity",
       .access = Access::To(Role::kRead),
       .error_form = ErrorForm::kDetail,
       .request_schema =
           R"({"type":"object","required":["search_data"],"properties":{"user_id":{"type":)"
           R"("string"},"search_data":{"type":"array","items":{"type":"object","properties":)"
           R"({"hash":{"type":"string"},"path":{"type":"string"}}}},"sample_percent":{"type":)"
           R"("number","description":"a part of 1, or percent above 1"},"deep":{"type":)"
           R"("boolean"}}})",
       .answers = {{200, "the job",
                    R"({"type":"object","properties":{"job_id":{"type":"string"},"status":)"
                    R"({"enum":["started","already_running"]},"message":{"type":"string"}}})"},
                   {422, "the body is not such a request, or a path leads out of assets/"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         // Refused here, not by the job: a bad path is the client's mistake.
         const auto parsed = ParseValidateRequest(request.body);
         if (!parsed) {
           respond(StatusResponse(kUnprocessable, parsed.error().message, ErrorForm::kDetail,
                                  request.request_id));
           return;
         }
         const auto started = service.jobs.Start(kValidateJob, request.body);
         respond(started ? RenderStarted(*started)
                         : ErrorResponse(started.error(), ErrorForm::kDetail, request.request_id));
       }});
}

}  // namespace datalake::server
