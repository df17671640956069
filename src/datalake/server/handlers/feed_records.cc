// GET /v1/feeds/{feed}/records and /v1/feeds/{feed}/stats: the read side of feeds.
#include <charconv>
#include <string>

#include "datalake/json/writer.h"
#include "datalake/lake/feed_query.h"
#include "datalake/server/handlers/feed_filter.h"
#include "datalake/server/handlers/handlers.h"
#include "datalake/server/publishing.h"

namespace datalake::server {
namespace {

constexpr std::chrono::seconds kTimeout{30};

constexpr std::string_view kRecordsSchema =
    R"({"type":"object","required":["records","next_cursor"],"properties":{"records":)"
    R"({"type":"array","items":{"type":"object","properties":{"_lake":{"type":"object"}}}},)"
    R"("next_cursor":{"type":["string","null"]},"total":{"type":"integer"}}})";

constexpr std::string_view kStatsSchema =
    R"({"type":"object","required":["feed","records"],"properties":{"feed":{"type":"string"},)"
    R"("records":{"type":"integer"},"days":{"type":"array","items":{"type":"object"}},"sources":)"
    R"({"type":"array","items":{"type":"object"}},"agents":{"type":"array","items":)"
    R"({"type":"object"}},"ratings":{"type":"array","items":{"type":"object"}}}})";

std::int64_t NumberOf(std::string_view text, std::int64_t otherwise) {
  std::int64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);  // checked by the route
  return number;
}

Result<Response> Records(Service& service, const Request& request) {
  const std::string& feed = request.path_parameters.at("feed");
  lake::FeedPageRequest wanted{.filter = FeedFilterOf(request),
                               .cursor = std::string(request.Query("cursor")),
                               .limit = NumberOf(request.Query("limit"), 100)};
  const query::QueryLimits limits{.timeout = kTimeout};
  lake::FeedQueries& feeds = service.publishing->feeds();
  DATALAKE_TRY_ASSIGN(const lake::FeedPage page, feeds.Page(feed, wanted, limits));
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("records");
  writer.BeginArray();
  for (const lake::FeedRow& row : page.rows) {
    writer.Raw(lake::WithLakeMember(row));
  }
  writer.EndArray();
  writer.Key("next_cursor");
  if (page.next.empty()) {
    writer.Null();
  } else {
    writer.String(page.next);
  }
  if (request.Query("count") == "true") {
    DATALAKE_TRY_ASSIGN(const std::int64_t total, feeds.Count(feed, wanted.filter, limits));
    writer.Key("total");
    writer.Int(total);
  }
  writer.EndObject();
  return response;
}

Result<Response> Stats(Service& service, const Request& request) {
  const std::string& feed = request.path_parameters.at("feed");
  const lake::FeedFilter filter = FeedFilterOf(request);
  const query::QueryLimits limits{.timeout = kTimeout};
  lake::FeedQueries& feeds = service.publishing->feeds();
  DATALAKE_TRY_ASSIGN(const std::int64_t records, feeds.Count(feed, filter, limits));
  Response response;
  json::Writer writer(response.body);
  writer.BeginObject();
  writer.Key("feed");
  writer.String(feed);
  writer.Key("records");
  writer.Int(records);
  constexpr std::pair<std::string_view, lake::FeedGrouping> kGroupings[] = {
      {"days", lake::FeedGrouping::kDay},
      {"sources", lake::FeedGrouping::kSource},
      {"agents", lake::FeedGrouping::kAgent},
      {"ratings", lake::FeedGrouping::kRating}};
  for (const auto& [key, grouping] : kGroupings) {
    const auto groups = feeds.CountBy(feed, filter, grouping, limits);
    if (!groups && groups.error().code == ErrorCode::kInvalidArgument) {
      continue;  // records of this feed have no such field
    }
    if (!groups) {
      return groups.error();
    }
    writer.Key(key);
    writer.BeginArray();
    for (const lake::FeedGroup& group : *groups) {
      writer.BeginObject();
      writer.Key("value");
      if (group.value) {
        writer.String(*group.value);
      } else {
        writer.Null();
      }
      writer.Key("records");
      writer.Int(group.records);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.EndObject();
  return response;
}

std::vector<RouteAnswer> Answers(std::string_view what, std::string_view schema) {
  return {{200, what, schema},
          {400, "a value that is none, a filter by a field that the feed has not"},
          {404, "no such feed"},
          {503, "the query took too long or too much memory; ask for less"}};
}

}  // namespace

std::vector<Parameter> FeedFilterParameters() {
  using enum Parameter::Type;
  return {{.name = "day", .description = "day of receipt (UTC)", .type = kDay},
          {.name = "from", .description = "first day of receipt", .type = kDay},
          {.name = "to", .description = "last day of receipt", .type = kDay},
          {.name = "source", .description = "equal to the field source"},
          {.name = "agent", .description = "equal to the field agent_id"},
          {.name = "submitter", .description = "equal to the field submitter_id"},
          {.name = "rating", .description = "of any turn", .values = {"positive", "negative"}},
          {.name = "text", .description = "in the text, letter by letter"}};
}

lake::FeedFilter FeedFilterOf(const Request& request) {
  const auto given = [&request](std::string_view name) {
    const std::string_view value = request.Query(name);
    return value.empty() ? std::nullopt : std::optional<std::string>(value);
  };
  const std::string_view day = request.Query("day");
  return {.from = std::string(day.empty() ? request.Query("from") : day),
          .to = std::string(day.empty() ? request.Query("to") : day),
          .source = given("source"),
          .agent = given("agent"),
          .submitter = given("submitter"),
          .rating = given("rating"),
          .text = std::string(request.Query("text"))};
}

Response AnswerOf(Result<Response> answer, const Request& request) {
  if (answer) {
    return std::move(answer).value();
  }
  Error error = answer.error();
  if (error.code == ErrorCode::kResourceExhausted) {
    error.code = ErrorCode::kUnavailable;  // time or memory of a query, not the disk's space
  }
  return ErrorResponse(error, ErrorForm::kProblem, request.request_id);
}

Status AddFeedRecordRoutes(Router& router, Service& service) {
  std::vector<Parameter> parameters = FeedFilterParameters();
  parameters.push_back({.name = "limit",
                        .description = "at most so many records; 100 when not said",
                        .type = Parameter::Type::kInteger,
                        .minimum = 1,
                        .maximum = lake::FeedPageRequest::kMaxLimit});
  parameters.push_back({.name = "cursor", .description = "next_cursor of the page before"});
  parameters.push_back({.name = "count",
                        .description = "also count all records that pass the filter",
                        .type = Parameter::Type::kBoolean});
  DATALAKE_TRY(router.Add(
      {.method = "GET",
       .path = "/v1/feeds/{feed}/records",
       .summary = "Current records in the order of their receipt, a page at a time",
       .tag = "Feeds",
       .access = Access::ToFeed(Role::kRead, "{feed}"),
       .parameters = std::move(parameters),
       .answers = Answers("a page of records, as they were sent, with what we know under _lake",
                          kRecordsSchema),
       .handle = [&service](const Request& request, const Responder& respond) {
         respond(AnswerOf(Records(service, request), request));
       }}));
  return router.Add({.method = "GET",
                     .path = "/v1/feeds/{feed}/stats",
                     .summary = "Current records by day, source, agent and rating",
                     .tag = "Feeds",
                     .access = Access::ToFeed(Role::kRead, "{feed}"),
                     .parameters = FeedFilterParameters(),
                     .answers = Answers("the counts", kStatsSchema),
                     .handle = [&service](const Request& request, const Responder& respond) {
                       respond(AnswerOf(Stats(service, request), request));
                     }});
}

}  // namespace datalake::server
