// POST /process and GET /status: the processing of staged uploads, in the seed's words.
#include <string>

#include "datalake/job/job_runner.h"
#include "datalake/json/writer.h"
#include "datalake/lake/upload.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/jobs.h"

namespace datalake::server {
namespace {

Response RenderStarted(const job::StartedJob& started) {
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("job_id");
  writer.String(started.id);
  writer.Key("status");
  writer.String(started.already_running ? "already_running" : "started");
  writer.Key("message");
  writer.String(started.already_running ? "processing is already running" : "processing started");
  writer.EndObject();
  return response;
}

Response RenderStatus(const lake::UploadCounts& counts, const Clock& clock) {
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("pending");
  writer.Uint(counts.pending);
  writer.Key("processing");
  writer.Uint(counts.processing);
  writer.Key("failed");
  writer.Uint(counts.failed);
  writer.Key("server_status");
  writer.String("running");
  writer.Key("last_updated");
  writer.String(FormatTimestamp(clock.Now()));
  writer.EndObject();
  return response;
}

}  // namespace

Status AddProcessRoutes(Router& router, Service& service) {
  DATALAKE_TRY(router.Add(
      {.method = "POST",
       .path = "/process",
       .summary = "Starts to process the pending uploads, or says which job already does",
       .tag = "Processing",
       .access = Access::To(Role::kWrite),
       .error_form = ErrorForm::kDetail,
       .answers = {{200, "the job",
                    R"({"type":"object","properties":{"job_id":{"type":"string"},"status":)"
                    R"({"enum":["started","already_running"]},"message":{"type":"string"}}})"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         const auto started = service.jobs.Start(kProcessJob, "{}");
         respond(started ? RenderStarted(*started)
                         : ErrorResponse(started.error(), ErrorForm::kDetail, request.request_id));
       }}));
  return router.Add(
      {.method = "GET",
       .path = "/status",
       .summary = "How many uploads wait, are processed, or failed",
       .tag = "Processing",
       .access = Access::To(Role::kRead),
       .error_form = ErrorForm::kDetail,
       .answers = {{200, "the counts",
                    R"({"type":"object","properties":{"pending":{"type":"integer"},"processing":)"
                    R"({"type":"integer"},"failed":{"type":"integer"},"server_status":)"
                    R"({"type":"string"},"last_updated":{"type":"string"}}})"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         lake::Uploads uploads(service.lake);
         const auto counts = uploads.Counts();
         respond(counts ? RenderStatus(*counts, service.clock)
                        : ErrorResponse(counts.error(), ErrorForm::kDetail, request.request_id));
       }});
}

}  // namespace datalake::server
