// POST /process and GET /status: the processing of staged uploads, in the seed's words.
#include <string>

#include "datalake/base/thread_pool.h"
#include "datalake/job/job_runner.h"
#include "datalake/json/writer.h"
#include "datalake/lake/lake.h"
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

Response RenderInfo(const Service& service) {
  const lake::Layout& layout = service.lake.layout();
  Response response;
  json::Writer writer(response.body);
  const auto text = [&writer](std::string_view key, std::string_view value) {
    writer.Key(key);
    writer.String(value);
  };
  writer.BeginObject();
  text("server_status", "running");
  text("version", service.version);
  text("image_version", service.image_version);
  writer.Key("num_proc");
  writer.Uint(AvailableCores());
  text("timestamp", FormatTimestamp(service.clock.Now()));
  writer.Key("paths");
  writer.BeginObject();
  text("base", layout.root());
  text("pending", layout.Staging(lake::UploadState::kPending));
  text("processing", layout.Staging(lake::UploadState::kProcessing));
  text("failed", layout.Staging(lake::UploadState::kFailed));
  text("catalog", layout.catalog());
  text("assets", layout.assets());
  text("collections", layout.collections());
  text("index", layout.index());
  writer.EndObject();
  writer.EndObject();
  return response;
}

}  // namespace

Status AddProcessRoutes(Router& router, Service& service) {
  DATALAKE_TRY(router.Add({.method = "GET",
                           .path = "/info",
                           .summary = "Version and folders of this server",
                           .tag = "Processing",
                           // Paths of the machine are for who looks after it.
                           .access = Access::To(Role::kAdmin),
                           .execution = Execution::kInline,
                           .error_form = ErrorForm::kDetail,
                           .answers = {{200, "what it is", R"({"type":"object"})"}},
                           .handle = [&service](const Request&, const Responder& respond) {
                             respond(RenderInfo(service));
                           }}));
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
