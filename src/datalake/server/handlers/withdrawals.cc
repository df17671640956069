// POST /v1/feeds/{feed}/withdrawals: contributors take back what they gave.
#include <string>

#include <nlohmann/json.hpp>

#include "datalake/job/job_runner.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/feed_withdrawal.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/feed_filter.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/publishing.h"

namespace datalake::server {
namespace {

constexpr std::string_view kRequestSchema =
    R"({"type":"object","additionalProperties":false,"properties":{"ingest_id":)"
    R"({"type":"string","description":"one record"},"submitter_id":{"type":"string",)"
    R"("description":"all records of a submitter; for admins"},"all":{"type":"boolean",)"
    R"("description":"with ingest_id: all records of the same submitter"},"receipt_token":)"
    R"({"type":"string","description":"shown when the record was accepted; alone: all records of )"
    R"(that submission. Also as the header X-Receipt-Token"},"reason":{"type":"string",)"
    R"("maxLength":200,"description":"for the lake log, where it stays; of admins"}}})";

constexpr std::string_view kAnswerSchema =
    R"({"type":"object","required":["withdrawal","records","job_id"],"properties":{"withdrawal":)"
    R"({"type":"string"},"records":{"type":"integer"},"job_id":{"type":"string"}}})";

struct WithdrawalRequest {
  std::string ingest_id;
  std::string submitter_id;
  std::string receipt_token;
  std::string reason;
  bool all = false;
};

Result<WithdrawalRequest> ParseRequest(const Request& request) {
  json::Value value = json::Value::object();
  if (!request.body.empty()) {
    DATALAKE_TRY_ASSIGN(value, json::ParseValue(request.body, "body"));
  }
  if (!value.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "the body is no JSON object"};
  }
  WithdrawalRequest wanted;
  wanted.receipt_token = request.Header("x-receipt-token");
  json::ConfigReader config(value, "body");
  config.Read("ingest_id", wanted.ingest_id);
  config.Read("submitter_id", wanted.submitter_id);
  config.Read("receipt_token", wanted.receipt_token);
  config.Read("reason", wanted.reason);
  config.Read("all", wanted.all);
  DATALAKE_TRY(config.Finish());
  if (!wanted.ingest_id.empty() && !wanted.submitter_id.empty()) {
    return Error{ErrorCode::kInvalidArgument, "give ingest_id or submitter_id, not both"};
  }
  if (wanted.ingest_id.empty() && wanted.submitter_id.empty() && wanted.receipt_token.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "what to withdraw was not said: ingest_id, submitter_id or receipt_token"};
  }
  if (wanted.all && wanted.ingest_id.empty()) {
    return Error{ErrorCode::kInvalidArgument, "all needs the ingest_id of one of the records"};
  }
  return wanted;
}

// Whom the record says it is of; empty: nobody.
Result<std::string> SubmitterOf(lake::Feed& feed, const std::string& ingest_id) {
  DATALAKE_TRY_ASSIGN(const std::string body, feed.Get(ingest_id));
  DATALAKE_TRY_ASSIGN(const json::Value record, json::ParseValue(body, "record"));
  DATALAKE_TRY_ASSIGN(const auto submitter, json::FindString(record, "submitter_id", "record"));
  return submitter.value_or("");
}

// What is meant, if the caller may ask for it.
Result<lake::Withdrawal> Decide(lake::Feed& feed, const WithdrawalRequest& wanted,
                                const Request& request) {
  const bool is_admin = request.caller != nullptr && request.caller->May(Role::kAdmin);
  const bool owns = !wanted.ingest_id.empty() && !wanted.receipt_token.empty() &&
                    feed.Owns(wanted.ingest_id, wanted.receipt_token);
  const Error refused{
      ErrorCode::kPermissionDenied,
      "only the contributor, with the receipt token, or an admin withdraws records"};
  if (!wanted.submitter_id.empty()) {
    if (!is_admin) {
      return refused;
    }
    return lake::Withdrawal{.scope = lake::WithdrawalScope::kSubmitter,
                            .submitter_id = wanted.submitter_id};
  }
  if (wanted.ingest_id.empty()) {
    return lake::Withdrawal{.scope = lake::WithdrawalScope::kReceipt,
                            .receipt = lake::HashReceipt(wanted.receipt_token)};
  }
  // Who may not know says nothing of whether the record is there.
  if (!is_admin && !owns) {
    return refused;
  }
  DATALAKE_TRY_ASSIGN(const lake::RecordFacts facts, feed.Find(wanted.ingest_id));
  if (wanted.all && !facts.is_anonymous) {
    DATALAKE_TRY_ASSIGN(std::string submitter, SubmitterOf(feed, wanted.ingest_id));
    return lake::Withdrawal{.scope = lake::WithdrawalScope::kSubmitter,
                            .submitter_id = std::move(submitter)};
  }
  return lake::Withdrawal{.scope = lake::WithdrawalScope::kRecord, .ingest_id = wanted.ingest_id};
}

Result<Response> Answer(Service& service, const Request& request) {
  const std::string& name = request.path_parameters.at("feed");
  DATALAKE_TRY_ASSIGN(const WithdrawalRequest wanted, ParseRequest(request));
  DATALAKE_TRY_ASSIGN(const auto feed, service.feeds.Open(name));
  DATALAKE_TRY_ASSIGN(lake::Withdrawal withdrawal, Decide(*feed, wanted, request));
  const bool is_admin = request.caller != nullptr && request.caller->May(Role::kAdmin);
  if (!wanted.reason.empty() && !is_admin) {
    return Error{ErrorCode::kPermissionDenied, "only an admin gives a reason"};
  }
  DATALAKE_TRY_ASSIGN(const lake::BegunWithdrawal begun,
                      lake::FeedWithdrawals(service.lake)
                          .Begin(*feed, service.publishing->feeds(),
                                 {.feed = name,
                                  .what = std::move(withdrawal),
                                  .user = request.caller == nullptr ? "" : request.caller->name,
                                  .reason = wanted.reason}));
  DATALAKE_TRY_ASSIGN(const job::StartedJob job, service.jobs.Start(kWithdrawalJob, "{}"));
  Response response{.status = 202, .headers = {{"Location", "/jobs/" + job.id}}};
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("withdrawal");
  writer.String(begun.id);
  writer.Key("records");
  writer.Uint(begun.records);
  writer.Key("job_id");
  writer.String(job.id);
  writer.EndObject();
  return response;
}

}  // namespace

Status AddWithdrawalRoutes(Router& router, Service& service) {
  return router.Add(
      {.method = "POST",
       .path = "/v1/feeds/{feed}/withdrawals",
       .summary = "Withdraws a record, a submission, or all records of a submitter: gone from the "
                  "feed at once, from what was published by a job",
       .tag = "Feeds",
       .access = Access::ToFeed(Role::kContribute, "{feed}"),
       .parameters = {{.name = "X-Receipt-Token",
                       .description = "shown when the record was accepted",
                       .place = Parameter::Place::kHeader}},
       .request_schema = kRequestSchema,
       .max_body_bytes = std::uint64_t{1} << 16,
       .answers = {{202, "withdrawn; the job takes the records out of snapshots and copies",
                    kAnswerSchema},
                   {400, "nothing to withdraw was named"},
                   {403, "neither the contributor nor an admin"},
                   {404, "no such feed or record"},
                   {503, "another server has the feed, or its log failed"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         respond(AnswerOf(Answer(service, request), request));
       }});
}

}  // namespace datalake::server
