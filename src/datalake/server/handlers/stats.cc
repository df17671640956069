// GET /v1/stats: the whole lake in numbers.
#include <string>

#include "datalake/json/writer.h"
#include "datalake/lake/catalog_summary.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/feed_view.h"
#include "datalake/server/handlers/feed_filter.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/publishing.h"

namespace datalake::server {
namespace {

constexpr std::chrono::seconds kTimeout{30};

constexpr std::string_view kSchema =
    R"({"type":"object","required":["tables","files","rows","bytes","feeds","collections"],)"
    R"("properties":{"tables":{"type":"integer"},"files":{"type":"integer"},"rows":)"
    R"({"type":"integer"},"bytes":{"type":"integer"},"datasets":{"type":"integer"},"problems":)"
    R"({"type":"integer"},"feeds":{"type":"array","items":{"type":"object"}},"collections":)"
    R"({"type":"integer"}}})";

Result<Response> Answer(Service& service, const Request&) {
  NullProgress progress;
  DATALAKE_TRY_ASSIGN(
      const lake::CatalogSummary summary,
      lake::SummarizeCatalog(service.lake, lake::CatalogCheck::kLogs, progress, {}));
  DATALAKE_TRY_ASSIGN(const auto feeds, lake::ListFeeds(service.lake));
  DATALAKE_TRY_ASSIGN(const auto collections, lake::Collections(service.lake).List());
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("tables");
  writer.Int(summary.tables);
  writer.Key("files");
  writer.Int(summary.all.files);
  writer.Key("rows");
  writer.Int(summary.all.rows);
  writer.Key("bytes");
  writer.Uint(summary.all.bytes);
  writer.Key("datasets");
  writer.Uint(summary.datasets.size());
  writer.Key("problems");
  writer.Uint(summary.problems.size());
  writer.Key("feeds");
  writer.BeginArray();
  for (const std::string& feed : feeds) {
    DATALAKE_TRY_ASSIGN(const std::int64_t records,
                        service.publishing->feeds().Count(feed, {}, {.timeout = kTimeout}));
    writer.BeginObject();
    writer.Key("feed");
    writer.String(feed);
    writer.Key("records");
    writer.Int(records);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("collections");
  writer.Uint(collections.size());
  writer.EndObject();
  return response;
}

}  // namespace

Status AddStatsRoutes(Router& router, Service& service) {
  return router.Add(
      {.method = "GET",
       .path = "/v1/stats",
       .summary = "Tables, rows, bytes, records of feeds and collections of the lake",
       .tag = "Queries",
       .access = Access::To(Role::kRead),
       .answers = {{200, "the numbers", kSchema}, {503, "it took too long or too much memory"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         respond(AnswerOf(Answer(service, request), request));
       }});
}

}  // namespace datalake::server
