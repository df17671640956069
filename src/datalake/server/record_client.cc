#include "datalake/server/record_client.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"
#include "datalake/server/http_client.h"

namespace datalake::server {
namespace {

Result<SentRecords> ReadAnswer(const std::string& text) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(text, "answer of the server"));
  SentRecords sent;
  DATALAKE_TRY_ASSIGN(sent.stored, json::GetUint(value, "stored", "answer"));
  DATALAKE_TRY_ASSIGN(sent.replayed, json::GetUint(value, "replayed", "answer"));
  DATALAKE_TRY_ASSIGN(sent.quarantined, json::GetUint(value, "quarantined", "answer"));
  DATALAKE_TRY_ASSIGN(sent.refused, json::GetUint(value, "refused", "answer"));
  DATALAKE_TRY_ASSIGN(const auto token, json::FindString(value, "receipt_token", "answer"));
  sent.receipt_token = token.value_or("");
  if (const json::Value* records = json::Find(value, "records")) {
    sent.problems = json::DumpValue(*records);
  }
  return sent;
}

// Counts come with these; every other status is an error.
bool HasCounts(const HttpAnswer& answer) {
  return (answer.status == 200 || answer.status == 207 || answer.status == 409 ||
          answer.status == 422) &&
         answer.body.find("\"records\"") != std::string::npos;
}

class HttpRecordClient final : public RecordClient {
 public:
  HttpRecordClient(const RecordClientOptions& options, std::unique_ptr<HttpClient> client)
      : url_(options.url),
        target_(fmt::format("/v1/feeds/{}/records?results=problems", options.feed)),
        client_(std::move(client)) {}

  Result<SentRecords> Send(std::string_view lines, const std::stop_token& stop) override {
    DATALAKE_TRY_ASSIGN(const HttpAnswer answer,
                        client_->Call({.method = "POST",
                                       .target = target_,
                                       .body = lines,
                                       .content_type = "application/x-ndjson"},
                                      stop));
    return HasCounts(answer) ? ReadAnswer(answer.body) : ErrorOfAnswer(url_, answer);
  }

 private:
  const std::string url_;
  const std::string target_;
  const std::unique_ptr<HttpClient> client_;
};

}  // namespace

Result<std::unique_ptr<RecordClient>> RecordClient::Make(const RecordClientOptions& options) {
  DATALAKE_TRY_ASSIGN(auto client, HttpClient::Make({.url = options.url,
                                                     .token = options.token,
                                                     .attempts = options.attempts,
                                                     .timeout = options.timeout}));
  return std::unique_ptr<RecordClient>(
      std::make_unique<HttpRecordClient>(options, std::move(client)));
}

}  // namespace datalake::server
