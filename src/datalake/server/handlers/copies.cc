// GET /v1/feeds/{feed}/copies: how far the copies of a feed are.
#include <string>

#include "datalake/json/writer.h"
#include "datalake/server/handlers/feed_filter.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/publisher.h"

namespace datalake::server {
namespace {

constexpr std::string_view kSchema =
    R"({"type":"object","required":["copies"],"properties":{"copies":{"type":"array","items":)"
    R"({"type":"object","properties":{"to":{"type":"string"},"copied":{"type":"integer"},)"
    R"("removed":{"type":"integer"},"failures":{"type":"integer"},"caught_up":)"
    R"({"type":"boolean"},"last_error":{"type":["string","null"]}}}}}})";

Response Answer(const Service& service, const Request& request) {
  const std::string& feed = request.path_parameters.at("feed");
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("copies");
  writer.BeginArray();
  const auto copies =
      service.publisher == nullptr ? std::vector<CopyState>() : service.publisher->copies();
  for (const CopyState& copy : copies) {
    if (copy.feed != feed) {
      continue;
    }
    writer.BeginObject();
    writer.Key("to");
    writer.String(copy.url);
    writer.Key("copied");
    writer.Uint(copy.copied);
    writer.Key("removed");
    writer.Uint(copy.removed);
    writer.Key("failures");
    writer.Uint(copy.failures);
    writer.Key("caught_up");
    writer.Bool(copy.is_caught_up);
    writer.Key("last_error");
    if (copy.last_error.empty()) {
      writer.Null();
    } else {
      writer.String(copy.last_error);
    }
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return response;
}

}  // namespace

Status AddCopyRoutes(Router& router, Service& service) {
  return router.Add({.method = "GET",
                     .path = "/v1/feeds/{feed}/copies",
                     .summary = "Where the feed is copied to, how far, and the last error",
                     .tag = "Feeds",
                     .access = Access::ToFeed(Role::kRead, "{feed}"),
                     .answers = {{200, "the copies", kSchema}},
                     .handle = [&service](const Request& request, const Responder& respond) {
                       respond(Answer(service, request));
                     }});
}

}  // namespace datalake::server
