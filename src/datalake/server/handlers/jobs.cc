// GET and DELETE of jobs, in the seed's shapes.
#include <string>

#include "datalake/job/job_runner.h"
#include "datalake/job/job_store.h"
#include "datalake/json/writer.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {
namespace {

void RespondError(const Request& request, const Responder& respond, Error error) {
  // The seed's word for what cannot be done to a running job is 400.
  if (error.code == ErrorCode::kConflict) {
    respond(StatusResponse(400, error.message, ErrorForm::kDetail, request.request_id));
    return;
  }
  respond(ErrorResponse(error, ErrorForm::kDetail, request.request_id));
}

Response RenderList(const std::vector<job::JobRecord>& records) {
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("jobs");
  writer.BeginArray();
  for (const job::JobRecord& record : records) {
    writer.BeginObject();
    writer.Key("job_id");
    writer.String(record.id);
    writer.Key("status");
    writer.String(ToString(record.state));
    writer.Key("started_at");
    writer.String(FormatTimestamp(record.started_at));
    writer.Key("completed_at");
    if (record.completed_at) {
      writer.String(FormatTimestamp(*record.completed_at));
    } else {
      writer.Null();
    }
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return response;
}

}  // namespace

Status AddJobRoutes(Router& router, Service& service) {
  DATALAKE_TRY(router.Add({.method = "GET",
                           .path = "/jobs",
                           .summary = "All jobs, oldest first",
                           .tag = "Jobs",
                           .access = Access::To(Role::kRead),
                           .error_form = ErrorForm::kDetail,
                           .answers = {{200, "the jobs"}},
                           .handle = [&service](const Request& request, const Responder& respond) {
                             const auto records = service.jobs.List();
                             if (!records) {
                               RespondError(request, respond, records.error());
                               return;
                             }
                             respond(RenderList(*records));
                           }}));
  DATALAKE_TRY(router.Add({.method = "GET",
                           .path = "/jobs/{job_id}",
                           .summary = "One job: its state, progress, log and result",
                           .tag = "Jobs",
                           .access = Access::To(Role::kRead),
                           .error_form = ErrorForm::kDetail,
                           .answers = {{200, "the job"}, {404, "no such job"}},
                           .handle = [&service](const Request& request, const Responder& respond) {
                             const auto record =
                                 service.jobs.Get(request.path_parameters.at("job_id"));
                             if (!record) {
                               RespondError(request, respond, record.error());
                               return;
                             }
                             respond({.body = JobRecordJson(*record)});
                           }}));
  return router.Add(
      {.method = "DELETE",
       .path = "/jobs/{job_id}",
       .summary = "Forgets an ended job",
       .tag = "Jobs",
       .access = Access::To(Role::kWrite),
       .error_form = ErrorForm::kDetail,
       .answers = {{200, "it is forgotten"}, {400, "the job still runs"}, {404, "no such job"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         const std::string& id = request.path_parameters.at("job_id");
         if (Status removed = service.jobs.Remove(id); !removed) {
           RespondError(request, respond, removed.error());
           return;
         }
         respond({.body = R"({"message":"the job is forgotten"})"});
       }});
}

}  // namespace datalake::server
