// POST /v1/ingest/chat: one contributed chat, acknowledged when it is durable.
#include <string>
#include <utility>

#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/server/feeds.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {
namespace {

constexpr std::string_view kChatSchema =
    R"({"type":"object","required":["agent_id","conversation"],"properties":{)"
    R"("ingest_id":{"type":["string","null"],"description":"made by the server when absent"},)"
    R"("source":{"type":["string","null"]},)"
    R"("submitter_id":{"type":["string","null"],"description":"absent or null: anonymous"},)"
    R"("network/attribution":{"type":["string","null"],"description":"name to be credited"},)"
    R"("agent_id":{"type":"string"},"prompt_template":{"type":"string"},)"
    R"("chat_template":{"type":"string","description":"may stand in place of prompt_template"},)"
    R"("conversation":{"type":"array","items":{"type":"object","required":["content"],)"
    R"("properties":{"content":{"type":"string"},"role":{"type":["string","null"]},)"
    R"("rating":{"enum":["positive","negative",null]},"stopped":{"type":["boolean","string"]},)"
    R"("edited_content":{"type":["string","null"]}}}}}})";
constexpr std::string_view kAnswerSchema =
    R"({"type":"object","properties":{"ingest_id":{"type":"string"}},"required":["ingest_id"]})";
constexpr std::string_view kInvalidSchema =
    R"({"type":"object","properties":{"detail":{"type":"array","items":{"type":"object",)"
    R"("properties":{"loc":{"type":"array"},"msg":{"type":"string"},"type":{"type":"string"}}}}}})";

Response Busy(const std::string& request_id) {
  Response busy = StatusResponse(429, "too many records wait to be stored; try again",
                                 ErrorForm::kDetail, request_id);
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

// `bytes`: of the record.
Response Render(const Result<lake::FeedAnswer>& answer, const lake::Feed& feed, std::size_t bytes,
                const std::string& request_id) {
  using Outcome = lake::FeedAnswer::Outcome;
  if (!answer) {
    if (answer.error().code == ErrorCode::kInvalidArgument &&
        bytes > feed.definition()->limits.max_record_bytes) {
      return StatusResponse(413, answer.error().message, ErrorForm::kDetail, request_id);
    }
    // A log that has failed takes nothing until the server is started again.
    return feed.health()
               ? ErrorResponse(answer.error(), ErrorForm::kDetail, request_id)
               : StatusResponse(503, answer.error().message, ErrorForm::kDetail, request_id);
  }
  if (answer->outcome == Outcome::kBusy) {
    return Busy(request_id);
  }
  Response response;
  if (answer->outcome == Outcome::kInvalid) {
    response.status = 422;
    response.body = lake::ValidationProblemsJson(answer->problems);
    return response;
  }
  if (!answer->receipt_token.empty()) {
    response.headers.emplace_back("Receipt-Token", answer->receipt_token);
  }
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("ingest_id");
  writer.String(answer->ingest_id);
  writer.EndObject();
  return response;
}

}  // namespace

Status AddIngestRoutes(Router& router, Service& service) {
  return router.Add(
      {.method = "POST",
       .path = "/v1/ingest/chat",
       .summary = "Takes one chat; a 200 means that it is on the disk",
       .tag = "Ingest",
       .access = Access::ToFeed(Role::kContribute, "chat"),
       // Checked on the connection's thread (some microseconds), answered by the log's.
       .execution = Execution::kInline,
       .error_form = ErrorForm::kDetail,
       .request_schema = kChatSchema,
       .answers = {{200, "stored, durably", kAnswerSchema},
                   {409, "another record has this ingest_id"},
                   {413, "the body is too large"},
                   {422, "the record is not valid", kInvalidSchema},
                   {429, "too much waits to be stored; see Retry-After"},
                   {503, "another server of this lake takes the records, or its log has failed"},
                   {507, "the disk is almost full"}},
       .handle = [&service](Request request, const Responder& respond) {
         const auto opened = service.feeds.Get("chat");
         if (!opened) {
           respond(ErrorResponse(opened.error(), ErrorForm::kDetail, request.request_id));
           return;
         }
         lake::Feed* const feed = opened->get();  // closed after the last request
         lake::Contribution from{.receipt_token = std::string(request.Header("receipt-token")),
                                 .idempotency_key = std::string(request.Header("idempotency-key"))};
         if (!from.idempotency_key.empty()) {
           // Keys of different callers are different keys.
           from.idempotency_key += "\n" + request.caller->token_id;
         }
         const std::size_t bytes = request.body.size();
         feed->AppendAsync(std::move(request.body), std::move(from),
                           [respond, feed, bytes,
                            id = request.request_id](const Result<lake::FeedAnswer>& answer) {
                             respond(Render(answer, *feed, bytes, id));
                           });
       }});
}

}  // namespace datalake::server
