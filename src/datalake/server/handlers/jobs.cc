// Jobs: on the seed's paths in its shapes (GET /jobs, GET and DELETE /jobs/{id}), and under /v1
// with more: log, cancel, retry.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/job/job_runner.h"
#include "datalake/job/job_store.h"
#include "datalake/json/writer.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {
namespace {

constexpr std::string_view kJobSchema =
    R"({"type":"object","required":["job_id","status","started_at"],"properties":{)"
    R"("job_id":{"type":"string"},"status":{"enum":["running","completed","failed","cancelled"]},)"
    R"("started_at":{"type":"string"},"completed_at":{"type":["string","null"]},"result":{},)"
    R"("error":{"type":["string","null"]},"error_code":{"type":["string","null"]},)"
    R"("kind":{"type":"string"},"progress":{"type":"object"},)"
    R"("log":{"type":"array","items":{"type":"string"}},"interrupted":{"type":"boolean"},)"
    R"("restarts":{"type":"integer"}}})";
constexpr std::string_view kJobsSchema =
    R"({"type":"object","required":["jobs"],"properties":{"jobs":{"type":"array",)"
    R"("items":{"type":"object"}}}})";
constexpr std::string_view kStartedSchema =
    R"({"type":"object","required":["job_id","status"],"properties":{"job_id":{"type":"string"},)"
    R"("status":{"enum":["started","already_running"]}}})";

using Work = Result<Response> (*)(Service&, const Request&);

const std::string& JobId(const Request& request) {
  return request.path_parameters.find("job_id")->second;
}

Result<Response> List(Service& service, const Request&) {
  DATALAKE_TRY_ASSIGN(const std::vector<job::JobRecord> records, service.jobs.List());
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("jobs");
  writer.BeginArray();
  for (const job::JobRecord& record : records) {
    writer.Raw(job::JobSummaryJson(record));
  }
  writer.EndArray();
  writer.EndObject();
  return response;
}

Result<Response> Show(Service& service, const Request& request) {
  DATALAKE_TRY_ASSIGN(const job::JobRecord record, service.jobs.Get(JobId(request)));
  return Response{.body = job::JobRecordJson(record)};
}

Result<Response> ShowLog(Service& service, const Request& request) {
  DATALAKE_TRY_ASSIGN(const job::JobRecord record, service.jobs.Get(JobId(request)));
  Response response{.content_type = "text/plain; charset=utf-8"};
  for (const std::string& line : record.log) {
    response.body += line + "\n";
  }
  return response;
}

Result<Response> Cancel(Service& service, const Request& request) {
  DATALAKE_TRY(service.jobs.Cancel(JobId(request)));
  return Response{.status = 202, .body = R"({"message":"the job was asked to stop"})"};
}

Result<Response> Retry(Service& service, const Request& request) {
  DATALAKE_TRY_ASSIGN(const job::StartedJob started, service.jobs.Restart(JobId(request)));
  Response response{.status = 202};
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("job_id");
  writer.String(started.id);
  writer.Key("status");
  writer.String(started.already_running ? "already_running" : "started");
  writer.EndObject();
  return response;
}

Result<Response> Remove(Service& service, const Request& request) {
  DATALAKE_TRY(service.jobs.Remove(JobId(request)));
  return Response{.body = R"({"message":"the job is forgotten"})"};
}

Response Refusal(const Error& error, ErrorForm form, std::string_view request_id) {
  // The seed's word for what cannot be done to a running job is 400.
  if (form == ErrorForm::kDetail && error.code == ErrorCode::kConflict) {
    return StatusResponse(400, error.message, form, request_id);
  }
  return ErrorResponse(error, form, request_id);
}

Status Add(Router& router, Service& service, Route route, Work work) {
  route.tag = "Jobs";
  route.access = Access::To(route.method == "GET" ? Role::kRead : Role::kWrite);
  route.error_form = ErrorFormOfPath(route.path);
  route.handle = [&service, work, form = route.error_form](const Request& request,
                                                           const Responder& respond) {
    auto response = work(service, request);
    respond(response ? *std::move(response) : Refusal(response.error(), form, request.request_id));
  };
  return router.Add(std::move(route));
}

// The list and a job, as the seed's clients ask for them and under /v1.
Status AddReads(Router& router, Service& service, const char* list, const char* one) {
  DATALAKE_TRY(Add(router, service,
                   {.method = "GET",
                    .path = list,
                    .summary = "All jobs, oldest first",
                    .tag = {},
                    .answers = {{200, "the jobs", kJobsSchema}}},
                   &List));
  return Add(router, service,
             {.method = "GET",
              .path = one,
              .summary = "One job: its state, progress, log and result",
              .tag = {},
              .answers = {{200, "the job", kJobSchema}, {404, "no such job"}}},
             &Show);
}

}  // namespace

Status AddJobRoutes(Router& router, Service& service) {
  const RouteAnswer unknown{404, "no such job"};
  DATALAKE_TRY(AddReads(router, service, "/jobs", "/jobs/{job_id}"));
  DATALAKE_TRY(AddReads(router, service, "/v1/jobs", "/v1/jobs/{job_id}"));
  DATALAKE_TRY(Add(router, service,
                   {.method = "DELETE",
                    .path = "/jobs/{job_id}",
                    .summary = "Forgets an ended job",
                    .tag = {},
                    .answers = {{200, "it is forgotten"},
                                {400, "the job still runs, or this is no job's id"},
                                unknown}},
                   &Remove));
  DATALAKE_TRY(Add(
      router, service,
      {.method = "GET",
       .path = "/v1/jobs/{job_id}/log",
       .summary = "The newest lines of a job's log",
       .tag = {},
       .answers = {{200, "one line a message", R"({"type":"string"})", "text/plain; charset=utf-8"},
                   unknown}},
      &ShowLog));
  DATALAKE_TRY(Add(router, service,
                   {.method = "POST",
                    .path = "/v1/jobs/{job_id}/cancel",
                    .summary = "Asks a running job to stop; what it has finished stays",
                    .tag = {},
                    .answers = {{202, "it was asked"}, unknown, {409, "it does not run here"}}},
                   &Cancel));
  DATALAKE_TRY(Add(router, service,
                   {.method = "POST",
                    .path = "/v1/jobs/{job_id}/retry",
                    .summary = "Starts an ended job again, as a new one",
                    .tag = {},
                    .answers = {{202, "the new job", kStartedSchema},
                                unknown,
                                {409, "the job still runs"},
                                {507, "the disk is full"}}},
                   &Retry));
  return Add(router, service,
             {.method = "DELETE",
              .path = "/v1/jobs/{job_id}",
              .summary = "Forgets an ended job",
              .tag = {},
              .answers = {{200, "it is forgotten"}, unknown, {409, "the job still runs"}}},
             &Remove);
}

}  // namespace datalake::server
