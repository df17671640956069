#include "datalake/server/jobs.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "datalake/job/job_runner.h"
#include "datalake/json/value.h"
#include "datalake/lake/process.h"

namespace datalake::server {

Status RegisterJobs(job::JobRunner& runner, lake::Lake& lake) {
  // `total` lasts for one job, whose body may be called more than once.
  const auto body = [&lake, total = lake::ProcessReport()](
                        job::JobContext& context) mutable -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(lake::ProcessReport report,
                        lake::ProcessUploads(lake, {}, context.progress(), context.stop()));
    total.Add(std::move(report));
    return lake::ProcessReportJson(total);
  };
  DATALAKE_TRY(runner.Register(kProcessJob, body));
  return runner.Register(kValidateJob, [&lake](job::JobContext& context) -> Result<std::string> {
    DATALAKE_TRY_ASSIGN(const ValidateRequest request, ParseValidateRequest(context.parameters()));
    return lake::ValidateAssetPairs(lake, request.pairs, request.options, context.progress(),
                                    context.stop());
  });
}

Result<ValidateRequest> ParseValidateRequest(std::string_view body) {
  constexpr std::string_view kWhere = "request body";
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(body, kWhere));
  ValidateRequest request;
  DATALAKE_TRY_ASSIGN(const auto user, json::FindString(value, "user_id", kWhere));
  request.options.user_id = user.value_or("");
  DATALAKE_TRY_ASSIGN(const auto sample, json::FindDouble(value, "sample_percent", kWhere));
  // The seed's clients send a part of 1; what is above can only be percent.
  request.options.sample = !sample ? 1 : *sample > 1 ? *sample / 100 : *sample;
  DATALAKE_TRY_ASSIGN(const auto deep, json::FindBool(value, "deep", kWhere));
  request.options.deep = deep.value_or(false);
  const json::Value* data = json::Find(value, "search_data");
  if (data == nullptr || !data->is_array()) {
    return Error{ErrorCode::kInvalidArgument,
                 "request body: search_data must be a list of {hash, path}"};
  }
  for (const json::Value& item : *data) {
    DATALAKE_TRY_ASSIGN(auto hash, json::FindString(item, "hash", kWhere));
    DATALAKE_TRY_ASSIGN(auto path, json::FindString(item, "path", kWhere));
    request.pairs.push_back({.hash = hash.value_or(""), .path = path.value_or("")});
  }
  DATALAKE_TRY(lake::CheckAssetPairs(request.pairs, request.options));
  return request;
}

}  // namespace datalake::server
