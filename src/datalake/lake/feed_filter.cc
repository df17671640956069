#include "datalake/lake/feed_filter.h"

#include <vector>

#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/json/writer.h"
#include "datalake/query/sql_text.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kTurns = "conversation";

struct EqualField {
  std::string_view parameter;
  std::string_view column;
  std::optional<std::string> FeedFilter::* value;
};

constexpr EqualField kEqualFields[] = {
    {"source", "source", &FeedFilter::source},
    {"agent", "agent_id", &FeedFilter::agent},
    {"submitter", "submitter_id", &FeedFilter::submitter},
    {"receipt", "receipt", &FeedFilter::receipt},
};

Error NoField(std::string_view parameter, std::string_view column) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("records of this feed have no field {}: cannot look for a {}", column,
                           parameter)};
}

Status CheckColumn(const arrow::Schema& schema, std::string_view parameter,
                   std::string_view column) {
  return schema.GetFieldByName(std::string(column)) == nullptr ? Status(NoField(parameter, column))
                                                               : Status();
}

}  // namespace

Status CheckDay(std::string_view what, std::string_view text) {
  const auto parsed = ParseTimestamp(fmt::format("{}T00:00:00Z", text));
  if (text.size() != 10 || !parsed || FormatDay(*parsed) != text) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} is no day, write it like 2026-01-31: {}", what, text)};
  }
  return {};
}

Status FeedFilter::Validate() const {
  for (const auto& [what, day] : {std::pair("from", &from), std::pair("to", &to)}) {
    DATALAKE_TRY(day->empty() ? Status() : CheckDay(what, *day));
  }
  if (!from.empty() && !to.empty() && to < from) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the last day lies before the first: {} to {}", from, to)};
  }
  for (const EqualField& field : kEqualFields) {
    const auto& value = this->*field.value;
    DATALAKE_TRY(value ? query::CheckSqlText(field.parameter, *value) : Status());
  }
  if (rating && *rating != "positive" && *rating != "negative") {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("rating is positive or negative: {}", *rating)};
  }
  return query::CheckSqlText("text", text);
}

std::string FeedFilterJson(const FeedFilter& filter) {
  std::string text;
  json::Writer writer(text);
  const auto add = [&writer](std::string_view key, const std::string& value) {
    writer.Key(key);
    writer.String(value);
  };
  writer.BeginObject();
  if (!filter.from.empty()) {
    add("from", filter.from);
  }
  if (!filter.to.empty()) {
    add("to", filter.to);
  }
  for (const EqualField& field : kEqualFields) {
    if (const auto& value = filter.*field.value) {
      add(field.parameter, *value);
    }
  }
  if (filter.rating) {
    add("rating", *filter.rating);
  }
  if (!filter.text.empty()) {
    add("text", filter.text);
  }
  writer.EndObject();
  return text;
}

Result<std::string> FeedFilterSql(const FeedFilter& filter, const arrow::Schema& schema) {
  DATALAKE_TRY(filter.Validate());
  std::string sql = "true";
  const auto add = [&sql](const std::string& condition) { sql += " AND " + condition; };
  if (!filter.from.empty()) {
    add("hits.day >= " + query::QuoteLiteral(filter.from));
  }
  if (!filter.to.empty()) {
    add("hits.day <= " + query::QuoteLiteral(filter.to));
  }
  for (const EqualField& field : kEqualFields) {
    if (const auto& value = filter.*field.value) {
      DATALAKE_TRY(CheckColumn(schema, field.parameter, field.column));
      add(fmt::format("hits.{} = {}", query::QuoteIdentifier(field.column),
                      query::QuoteLiteral(*value)));
    }
  }
  if (filter.rating) {
    DATALAKE_TRY(CheckColumn(schema, "rating", kTurns));
    add(fmt::format("list_contains([t.rating for t in hits.conversation], {})",
                    query::QuoteLiteral(*filter.rating)));
  }
  if (!filter.text.empty()) {
    const std::string wanted = query::QuoteLiteral(filter.text);
    add(schema.GetFieldByName(std::string(kTurns)) != nullptr
            ? fmt::format("list_contains([coalesce(contains(t.content, {0}), false) OR "
                          "coalesce(contains(t.edited_content, {0}), false) for t in "
                          "hits.conversation], true)",
                          wanted)
            : fmt::format("contains(hits.raw, {})", wanted));
  }
  return sql;
}

Result<std::string> FeedGroupingSql(FeedGrouping by, const arrow::Schema& schema) {
  switch (by) {
    case FeedGrouping::kDay:
      return std::string("hits.day");
    case FeedGrouping::kSource:
      DATALAKE_TRY(CheckColumn(schema, "source", "source"));
      return std::string("hits.source");
    case FeedGrouping::kAgent:
      DATALAKE_TRY(CheckColumn(schema, "agent", "agent_id"));
      return std::string("hits.agent_id");
    case FeedGrouping::kRating:
      break;
  }
  DATALAKE_TRY(CheckColumn(schema, "rating", kTurns));
  return std::string("unnest(list_distinct([t.rating for t in hits.conversation]))");
}

}  // namespace datalake::lake
