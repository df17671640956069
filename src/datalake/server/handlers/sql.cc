// POST /v1/sql: one read-only statement over the lake's views.
#include <string>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <nlohmann/json.hpp>

#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/writer.h"
#include "datalake/lake/queries.h"
#include "datalake/server/handlers/feed_filter.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/publishing.h"

namespace datalake::server {
namespace {

constexpr std::chrono::seconds kTimeout{30};
constexpr std::uint64_t kMostRows = 10'000;
constexpr std::uint64_t kUsualRows = 1'000;
constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // of an answer

constexpr std::string_view kRequestSchema =
    R"({"type":"object","required":["sql"],"additionalProperties":false,"properties":{"sql":)"
    R"({"type":"string","minLength":1},"limit":{"type":"integer","minimum":1,"maximum":10000}}})";

constexpr std::string_view kAnswerSchema =
    R"({"type":"object","required":["columns","rows","truncated","sources"],"properties":)"
    R"({"columns":{"type":"array","items":{"type":"object","properties":{"name":)"
    R"({"type":"string"},"type":{"type":"string"}}}},"rows":{"type":"array","items":)"
    R"({"type":"array"}},"truncated":{"type":"boolean"},"sources":{"type":"array"}}})";

struct SqlRequest {
  std::string sql;
  std::uint64_t limit = kUsualRows;
};

Result<SqlRequest> ParseRequest(std::string_view body) {
  DATALAKE_TRY_ASSIGN(const json::Value value, json::ParseValue(body, "body"));
  SqlRequest request;
  json::ConfigReader config(value, "body");
  config.Require("sql", request.sql);
  config.Read("limit", request.limit);
  DATALAKE_TRY(config.Finish());
  if (request.limit < 1 || request.limit > kMostRows) {
    return Error{ErrorCode::kInvalidArgument,
                 "limit is 1 to 10000; ask for less, or save the rows as a collection"};
  }
  return request;
}

// Rows as arrays, until one too many or too many bytes; true when there were more.
Result<bool> WriteRows(arrow::RecordBatchReader& rows, std::uint64_t limit, std::string& out) {
  const format::RowJsonOptions options{.big_integers_as_text = true};
  std::uint64_t written = 0;
  const std::size_t begin = out.size();
  while (true) {
    DATALAKE_TRY_ASSIGN(const auto batch, format::FromArrow(rows.Next(), "cannot read rows"));
    if (batch == nullptr) {
      return false;
    }
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      if (written == limit || out.size() - begin > kMostBytes) {
        return true;
      }
      out += written++ == 0 ? "[" : ",[";
      for (int column = 0; column < batch->num_columns(); ++column) {
        out += column == 0 ? "" : ",";
        DATALAKE_TRY(format::AppendValueJson(*batch->column(column), row, options, out));
      }
      out += ']';
    }
  }
}

// Admins see all; others the current records of feeds and the tables that their scopes name.
lake::SqlScope ScopeOf(std::shared_ptr<const Caller> caller) {
  if (caller == nullptr || (caller->May(Role::kAdmin) && !caller->scoped())) {
    return {};
  }
  lake::SqlScope scope{.lake_wide = !caller->scoped(), .stored_feeds = false};
  scope.allows = [caller = std::move(caller)](const lake::TableName& name) {
    return name.provider == lake::kFeedProvider ? caller->MayUseFeed(name.dataset)
                                                : caller->MayUseProvider(name.provider);
  };
  return scope;
}

Result<Response> Answer(Service& service, const Request& request) {
  DATALAKE_TRY_ASSIGN(const SqlRequest wanted, ParseRequest(request.body));
  const query::QueryLimits limits{.timeout = kTimeout,
                                  .max_rows = static_cast<std::int64_t>(wanted.limit + 1)};
  DATALAKE_TRY_ASSIGN(
      const lake::QueryAnswer answer,
      service.publishing->queries().Sql(wanted.sql, limits, {}, ScopeOf(request.caller)));
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("columns");
  writer.BeginArray();
  for (const auto& field : answer.rows->schema()->fields()) {
    writer.BeginObject();
    writer.Key("name");
    writer.String(field->name());
    writer.Key("type");
    writer.String(field->type()->ToString());
    writer.EndObject();
  }
  writer.EndArray();
  std::string rows;
  DATALAKE_TRY_ASSIGN(const bool is_cut, WriteRows(*answer.rows, wanted.limit, rows));
  writer.Key("rows");
  writer.Raw("[" + rows + "]");
  writer.Key("truncated");
  writer.Bool(is_cut);
  writer.Key("sources");
  writer.BeginArray();
  for (const lake::TableVersion& source : answer.sources) {
    writer.BeginObject();
    writer.Key("table");
    writer.String(lake::ToString(source.table));
    writer.Key("version");
    writer.Int(source.version);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return response;
}

}  // namespace

Status AddSqlRoutes(Router& router, Service& service) {
  return router.Add(
      {.method = "POST",
       .path = "/v1/sql",
       .summary = "Runs one read-only statement over catalog, data.*, feeds.*, collections.*, "
                  "assets and jobs, as far as the caller may see them",
       .tag = "Queries",
       .access = Access::ByHandler(Role::kRead),
       .request_schema = kRequestSchema,
       .max_body_bytes = std::uint64_t{1} << 20,
       .answers = {{200, "the rows, as arrays in the order of the columns", kAnswerSchema},
                   {400, "no statement, or one that is wrong, with the place"},
                   {403, "a statement that reads files, or writes"},
                   {404, "no such view"},
                   {503, "it took too long or too much memory; ask for less"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         Result<Response> answer = Answer(service, request);
         if (!answer && answer.error().code == ErrorCode::kUnsupported) {
           answer = Error{ErrorCode::kInvalidArgument, answer.error().message};
         }
         respond(AnswerOf(std::move(answer), request));
       }});
}

}  // namespace datalake::server
