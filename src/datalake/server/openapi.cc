#include "datalake/server/openapi.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "datalake/json/writer.h"

namespace datalake::server {
namespace {

constexpr std::string_view kComponents =
    R"({"schemas":{"Problem":{"type":"object","description":"RFC 9457","properties":{)"
    R"("type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},)"
    R"("detail":{"type":"string"},"request_id":{"type":"string"}},)"
    R"("required":["type","title","status","detail","request_id"]},)"
    R"("Detail":{"type":"object","properties":{"detail":{}},"required":["detail"]}},)"
    R"("securitySchemes":{"token":{"type":"http","scheme":"bearer",)"
    R"("description":"a token of `datalake token create`; none is needed on a loopback address"}}})";

std::vector<std::string_view> PathParameters(std::string_view path) {
  std::vector<std::string_view> names;
  for (std::size_t at = path.find('{'); at != std::string_view::npos; at = path.find('{', at)) {
    const std::size_t end = path.find('}', at);
    names.push_back(path.substr(at + 1, end - at - 1));
    at = end;
  }
  return names;
}

void WriteContent(json::Writer& writer, const std::vector<std::string_view>& media_types,
                  std::string_view schema) {
  writer.Key("content");
  writer.BeginObject();
  for (const std::string_view media_type : media_types) {
    writer.Key(media_type);
    writer.BeginObject();
    writer.Key("schema");
    writer.Raw(schema);
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteParameterSchema(json::Writer& writer, const Parameter& parameter) {
  const auto bound = [&writer](std::string_view key, std::int64_t value) {
    writer.Key(key);
    writer.Int(value);
  };
  writer.BeginObject();
  writer.Key("type");
  switch (parameter.type) {
    case Parameter::Type::kInteger:
      writer.String("integer");
      bound("minimum", parameter.minimum);
      bound("maximum", parameter.maximum);
      break;
    case Parameter::Type::kBoolean:
      writer.String("boolean");
      break;
    case Parameter::Type::kDay:
      writer.String("string");
      writer.Key("format");
      writer.String("date");
      break;
    case Parameter::Type::kText:
      writer.String("string");
      if (parameter.minimum > 0) {
        bound("minLength", 1);
      }
      break;
  }
  if (!parameter.values.empty()) {
    writer.Key("enum");
    writer.BeginArray();
    for (const std::string_view value : parameter.values) {
      writer.String(value);
    }
    writer.EndArray();
  }
  writer.EndObject();
}

std::string_view PlaceName(Parameter::Place place) {
  switch (place) {
    case Parameter::Place::kQuery:
      return "query";
    case Parameter::Place::kHeader:
      return "header";
    case Parameter::Place::kPath:
      break;
  }
  return "path";
}

void WriteParameter(json::Writer& writer, const Parameter& parameter) {
  const bool in_path = parameter.place == Parameter::Place::kPath;
  writer.BeginObject();
  writer.Key("name");
  writer.String(parameter.name);
  writer.Key("in");
  writer.String(PlaceName(parameter.place));
  writer.Key("required");
  writer.Bool(in_path || parameter.required);
  if (!parameter.description.empty()) {
    writer.Key("description");
    writer.String(parameter.description);
  }
  writer.Key("schema");
  WriteParameterSchema(writer, parameter);
  writer.EndObject();
}

void WriteParameters(json::Writer& writer, const Route& route) {
  writer.Key("parameters");
  writer.BeginArray();
  for (const std::string_view name : PathParameters(route.path)) {
    const bool described = std::any_of(
        route.parameters.begin(), route.parameters.end(), [name](const Parameter& parameter) {
          return parameter.place == Parameter::Place::kPath && parameter.name == name;
        });
    if (!described) {
      WriteParameter(
          writer,
          {.name = name, .description = {}, .place = Parameter::Place::kPath, .minimum = 1});
    }
  }
  for (const Parameter& parameter : route.parameters) {
    WriteParameter(writer, parameter);
  }
  writer.EndArray();
}

// "get_v1_feeds_feed_records"
std::string OperationId(const Route& route) {
  std::string id;
  for (const char c : fmt::format("{}{}", route.method, route.path)) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (word) {
      id.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
    } else if (!id.empty() && id.back() != '_') {
      id.push_back('_');
    }
  }
  return id.substr(0, id.find_last_not_of('_') + 1);
}

void WriteSecurity(json::Writer& writer, const Access& access) {
  writer.Key("security");
  writer.BeginArray();
  writer.BeginObject();  // without a token: open routes, and all of a loopback server
  writer.EndObject();
  if (!access.open) {
    writer.BeginObject();
    writer.Key("token");
    writer.BeginArray();
    writer.EndArray();
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("description");
  writer.String(access.open ? "Open to all." : fmt::format("Role: {}.", ToString(access.role)));
}

void WriteAnswers(json::Writer& writer, const Route& route) {
  const bool problem = route.error_form == ErrorForm::kProblem;
  writer.Key("responses");
  writer.BeginObject();
  for (const RouteAnswer& answer : AllAnswers(route)) {
    writer.Key(std::to_string(answer.status));
    writer.BeginObject();
    writer.Key("description");
    writer.String(answer.description);
    if (!answer.schema.empty()) {
      WriteContent(writer, {answer.media_type}, answer.schema);
    } else if (answer.status >= 400) {
      WriteContent(writer, {problem ? "application/problem+json" : "application/json"},
                   problem ? R"({"$ref":"#/components/schemas/Problem"})"
                           : R"({"$ref":"#/components/schemas/Detail"})");
    } else if (answer.status != 204 && answer.status != 304) {
      WriteContent(writer, {answer.media_type}, "{}");
    }
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteOperation(json::Writer& writer, const Route& route) {
  writer.BeginObject();
  writer.Key("operationId");
  writer.String(OperationId(route));
  writer.Key("summary");
  writer.String(route.summary);
  writer.Key("tags");
  writer.BeginArray();
  writer.String(route.tag);
  writer.EndArray();
  WriteSecurity(writer, route.access);
  WriteParameters(writer, route);
  if (!route.request_schema.empty()) {
    writer.Key("requestBody");
    writer.BeginObject();
    writer.Key("required");
    writer.Bool(true);
    WriteContent(writer, route.request_media_types, route.request_schema);
    writer.EndObject();
  }
  WriteAnswers(writer, route);
  writer.EndObject();
}

}  // namespace

std::vector<RouteAnswer> AllAnswers(const Route& route) {
  std::vector<RouteAnswer> answers = route.answers;
  const auto add = [&answers](int status, std::string_view description) {
    const bool known =
        std::any_of(answers.begin(), answers.end(),
                    [status](const RouteAnswer& answer) { return answer.status == status; });
    if (!known) {
      answers.push_back({status, description});
    }
  };
  add(400, "not a valid request; says what is wrong with it");
  if (!route.access.open) {
    add(401, "no token, or one that is not known, revoked or expired");
  }
  add(403, "the token has not this role or scope, or a foreign Host or Origin");
  if (route.path.find('{') != std::string_view::npos) {
    add(404, "nothing has this name");
  }
  if (!route.request_schema.empty()) {
    add(413, "the body is too large; it was not read");
  }
  add(429, "too many requests; Retry-After says when to come back");
  add(431, "the header is too large");
  add(500, "a fault of the server; its log has it under the request id");
  add(503, "not now; Retry-After says when to come back");
  std::stable_sort(answers.begin(), answers.end(),
                   [](const RouteAnswer& a, const RouteAnswer& b) { return a.status < b.status; });
  return answers;
}

std::string OpenApiDocument(const Router& router, std::string_view version) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  writer.Key("openapi");
  writer.String("3.1.0");
  writer.Key("info");
  writer.BeginObject();
  writer.Key("title");
  writer.String("datalake");
  writer.Key("version");
  writer.String(version);
  writer.Key("description");
  writer.String(
      "One lake for AI training data: collect, keep, curate, version and serve it. Every answer "
      "carries X-Request-Id; errors say what is wrong.");
  writer.EndObject();
  writer.Key("paths");
  writer.BeginObject();
  std::set<std::string_view> written;
  for (const Route& first : router.routes()) {
    if (!written.insert(first.path).second) {
      continue;
    }
    writer.Key(first.path);
    writer.BeginObject();
    for (const Route& route : router.routes()) {
      if (route.path == first.path) {
        std::string method(route.method);
        std::transform(method.begin(), method.end(), method.begin(),
                       [](unsigned char c) { return static_cast<char>(c | 0x20); });
        writer.Key(method);
        WriteOperation(writer, route);
      }
    }
    writer.EndObject();
  }
  writer.EndObject();
  writer.Key("components");
  writer.Raw(kComponents);
  writer.EndObject();
  return text;
}

}  // namespace datalake::server
