// /v1/feeds: what feeds there are, what their records look like, and the quarantine's way out.
#include "datalake/server/feeds.h"

#include <string>
#include <utility>

#include "datalake/json/writer.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_definition.h"
#include "datalake/lake/lake.h"
#include "datalake/server/handlers/handlers.h"

namespace datalake::server {
namespace {

constexpr std::string_view kDefinitionSchema =
    R"({"type":"object","description":"docs/formats/feeds.md","properties":{)"
    R"("description":{"type":"string"},"shape":{"enum":["chat","fields"]},)"
    R"("licence":{"type":"string"},"consent":{"type":"string"},)"
    R"("retention_days":{"type":"integer","minimum":0},"roles":{"type":"array"},)"
    R"("limits":{"type":"object"},"rules":{"type":"object"},)"
    R"("fields":{"type":"array","items":{"type":"object"}}}})";

void Fail(const Error& error, const Request& request, const Responder& respond) {
  respond(ErrorResponse(error, ErrorForm::kProblem, request.request_id));
}

const std::string& FeedOf(const Request& request) {
  return request.path_parameters.at("feed");
}

// The definition in the body, under the name of the path.
Result<lake::FeedDefinition> DefinitionIn(const Request& request) {
  return lake::ParseFeedDefinition(FeedOf(request), request.body, "request body");
}

void List(const Service& service, const Request& request, const Responder& respond) {
  const lake::FeedDefinitions definitions(service.lake.context());
  const auto names = definitions.Names();
  if (!names) {
    return Fail(names.error(), request, respond);
  }
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("feeds");
  writer.BeginArray();
  for (const std::string& name : *names) {
    const auto definition = definitions.Find(name);
    if (!definition) {
      return Fail(definition.error(), request, respond);
    }
    if (request.caller->MayUseFeed(name)) {
      writer.Raw(lake::FeedDefinitionJson(*definition));
    }
  }
  writer.EndArray();
  writer.EndObject();
  respond(std::move(response));
}

Status AddDefinitionRoutes(Router& router, Service& service) {
  DATALAKE_TRY(router.Add({.method = "GET",
                           .path = "/v1/feeds",
                           .summary = "The feeds and their definitions",
                           .tag = "Feeds",
                           .access = Access::ByHandler(Role::kRead),
                           .answers = {{200, "the feeds"}},
                           .handle = [&service](const Request& request, const Responder& respond) {
                             List(service, request, respond);
                           }}));
  DATALAKE_TRY(router.Add(
      {.method = "GET",
       .path = "/v1/feeds/{feed}",
       .summary = "The definition of a feed: fields, limits, rules, licence, consent",
       .tag = "Feeds",
       .access = Access::ToFeed(Role::kRead, "{feed}"),
       .answers = {{200, "the definition", kDefinitionSchema}, {404, "no such feed"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         const auto found = lake::FeedDefinitions(service.lake.context()).Find(FeedOf(request));
         found ? respond({.body = lake::FeedDefinitionJson(*found)})
               : Fail(found.error(), request, respond);
       }}));
  DATALAKE_TRY(router.Add(
      {.method = "GET",
       .path = "/v1/feeds/{feed}/schema",
       .summary = "The JSON Schema of a feed's records",
       .tag = "Feeds",
       .access = Access::ToFeed(Role::kContribute, "{feed}"),
       .answers = {{200, "a JSON Schema, draft 2020-12", R"({"type":"object"})",
                    "application/schema+json"},
                   {404, "no such feed"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         const auto found = lake::FeedDefinitions(service.lake.context()).Find(FeedOf(request));
         found ? respond({.content_type = "application/schema+json",
                          .body = lake::FeedJsonSchema(*found)})
               : Fail(found.error(), request, respond);
       }}));
  return router.Add(
      {.method = "PUT",
       .path = "/v1/feeds/{feed}",
       .summary = "Makes a feed, or changes its definition; what would break older records is "
                  "refused",
       .tag = "Feeds",
       .access = Access::ToFeed(Role::kAdmin, "{feed}"),
       .request_schema = kDefinitionSchema,
       .answers = {{200, "changed", kDefinitionSchema},
                   {201, "made", kDefinitionSchema},
                   {400, "the definition is not valid, or would break older records"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         const lake::FeedDefinitions definitions(service.lake.context());
         const auto definition = DefinitionIn(request);
         if (!definition) {
           return Fail(definition.error(), request, respond);
         }
         const Status made = definitions.Create(*definition);
         if (made) {
           return respond({.status = 201, .body = lake::FeedDefinitionJson(*definition)});
         }
         if (made.error().code != ErrorCode::kAlreadyExists) {
           return Fail(made.error(), request, respond);
         }
         const auto changed = definitions.Update(*definition);
         if (!changed) {
           return Fail(changed.error(), request, respond);
         }
         if (const auto open = service.feeds.Get(FeedOf(request))) {
           if (const Status reloaded = (*open)->Reload(); !reloaded) {
             return Fail(reloaded.error(), request, respond);
           }
         }
         respond({.body = lake::FeedDefinitionJson(*changed)});
       }});
}

}  // namespace

Status AddFeedRoutes(Router& router, Service& service) {
  DATALAKE_TRY(AddDefinitionRoutes(router, service));
  return router.Add(
      {.method = "POST",
       .path = "/v1/feeds/{feed}/quarantine/replay",
       .summary = "Looks at quarantined records again and lets in what the rules of today allow",
       .tag = "Feeds",
       .access = Access::ToFeed(Role::kAdmin, "{feed}"),
       .parameters = {{.name = "accept",
                       .description = "true: lets in all of them, whatever the rules say",
                       .type = Parameter::Type::kBoolean}},
       .answers = {{200, "how many were looked at and let in",
                    R"({"type":"object","properties":{"looked_at":{"type":"integer"},)"
                    R"("released":{"type":"integer"}}})"},
                   {404, "no such feed"},
                   {503, "another server takes the records of this feed"}},
       .handle = [&service](const Request& request, const Responder& respond) {
         const auto feed = service.feeds.Open(FeedOf(request));
         if (!feed) {
           return Fail(feed.error(), request, respond);
         }
         const auto report = (*feed)->ReplayQuarantine(request.Query("accept") == "true"
                                                           ? lake::ReplayMode::kAccept
                                                           : lake::ReplayMode::kCheck);
         if (!report) {
           return Fail(report.error(), request, respond);
         }
         Response response;
         json::Writer writer(response.body);
         writer.BeginObject();
         writer.Key("looked_at");
         writer.Uint(report->looked_at);
         writer.Key("released");
         writer.Uint(report->released);
         writer.EndObject();
         respond(std::move(response));
       }});
}

}  // namespace datalake::server
