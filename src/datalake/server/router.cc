#include "datalake/server/router.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datalake/json/writer.h"

namespace datalake::server {
namespace {

std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(path.front() == '/' ? 1 : 0);
    const std::string_view segment = path.substr(0, path.find('/'));
    segments.push_back(segment);
    path.remove_prefix(segment.size());
  }
  if (!segments.empty() && segments.back().empty()) {
    segments.pop_back();
  }
  return segments;
}

bool IsParameter(std::string_view segment) {
  return segment.starts_with('{');
}

std::string ParameterName(std::string_view segment) {
  return std::string(segment.substr(1, segment.size() - 2));
}

bool Fits(std::string_view pattern, const std::vector<std::string_view>& segments,
          std::map<std::string, std::string, std::less<>>& parameters) {
  const auto parts = Segments(pattern);
  if (parts.size() != segments.size()) {
    return false;
  }
  parameters.clear();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (IsParameter(parts[i])) {
      parameters[ParameterName(parts[i])] = std::string(segments[i]);
    } else if (parts[i] != segments[i]) {
      return false;
    }
  }
  return true;
}

void WriteContent(json::Writer& writer, std::string_view media_type, std::string_view schema) {
  writer.Key("content");
  writer.BeginObject();
  writer.Key(media_type);
  writer.BeginObject();
  writer.Key("schema");
  writer.Raw(schema);
  writer.EndObject();
  writer.EndObject();
}

void WriteOperation(json::Writer& writer, const Route& route) {
  writer.BeginObject();
  writer.Key("summary");
  writer.String(route.summary);
  writer.Key("tags");
  writer.BeginArray();
  writer.String(route.tag);
  writer.EndArray();
  writer.Key("parameters");
  writer.BeginArray();
  for (const std::string_view segment : Segments(route.path)) {
    if (IsParameter(segment)) {
      writer.Raw(
          fmt::format(R"({{"name":"{}","in":"path","required":true,"schema":{{"type":"string"}}}})",
                      ParameterName(segment)));
    }
  }
  writer.EndArray();
  if (!route.request_schema.empty()) {
    writer.Key("requestBody");
    writer.BeginObject();
    writer.Key("required");
    writer.Bool(true);
    WriteContent(writer, "application/json", route.request_schema);
    writer.EndObject();
  }
  writer.Key("responses");
  writer.BeginObject();
  for (const RouteAnswer& answer : route.answers) {
    writer.Key(std::to_string(answer.status));
    writer.BeginObject();
    writer.Key("description");
    writer.String(answer.description);
    if (!answer.schema.empty()) {
      WriteContent(writer, "application/json", answer.schema);
    }
    writer.EndObject();
  }
  writer.Key("default");
  writer.BeginObject();
  writer.Key("description");
  writer.String("an error, with its reason");
  const bool problem = route.error_form == ErrorForm::kProblem;
  WriteContent(writer, problem ? "application/problem+json" : "application/json",
               problem ? R"({"$ref":"#/components/schemas/Problem"})"
                       : R"({"$ref":"#/components/schemas/Detail"})");
  writer.EndObject();
  writer.EndObject();
  writer.EndObject();
}

}  // namespace

std::string_view Request::Header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [name](const auto& header) { return header.first == name; });
  return found == headers.end() ? std::string_view() : found->second;
}

std::string_view Request::Query(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(),
                                  [name](const auto& value) { return value.first == name; });
  return found == query.end() ? std::string_view() : found->second;
}

Status Router::Add(Route route) {
  for (const Route& known : routes_) {
    if (known.method == route.method && known.path == route.path) {
      return Error{ErrorCode::kAlreadyExists,
                   fmt::format("route registered twice: {} {}", route.method, route.path)};
    }
  }
  routes_.push_back(std::move(route));
  return {};
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  const auto segments = Segments(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  Match match;
  for (const Route& route : routes_) {
    if (!Fits(route.path, segments, match.parameters)) {
      continue;
    }
    if (route.method == wanted) {
      match.route = &route;
      return match;
    }
    match.allow += (match.allow.empty() ? "" : ", ") + std::string(route.method);
  }
  match.parameters.clear();
  return match;
}

ErrorForm ErrorFormOfPath(std::string_view path) {
  for (const std::string_view seed : {"/v1/ingest", "/v1/health", "/process", "/status", "/jobs",
                                      "/validate-assets", "/health", "/info"}) {
    if (path == seed || (path.starts_with(seed) && path[seed.size()] == '/')) {
      return ErrorForm::kDetail;
    }
  }
  return ErrorForm::kProblem;
}

std::string OpenApiDocument(const Router& router, std::string_view version) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  writer.Key("openapi");
  writer.String("3.1.0");
  writer.Key("info");
  writer.Raw(fmt::format(R"({{"title":"datalake","version":"{}","description":"One lake for AI )"
                         R"(training data: collect, keep, curate, version and serve it."}})",
                         version));
  writer.Key("paths");
  writer.BeginObject();
  std::vector<std::string_view> paths;
  for (const Route& route : router.routes()) {
    if (std::find(paths.begin(), paths.end(), route.path) == paths.end()) {
      paths.push_back(route.path);
    }
  }
  for (const std::string_view path : paths) {
    writer.Key(path);
    writer.BeginObject();
    for (const Route& route : router.routes()) {
      if (route.path == path) {
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
  writer.Raw(R"({"schemas":{"Problem":{"type":"object","description":"RFC 9457","properties":{)"
             R"("type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},)"
             R"("detail":{"type":"string"},"request_id":{"type":"string"}},)"
             R"("required":["type","title","status","detail","request_id"]},)"
             R"("Detail":{"type":"object","properties":{"detail":{}},"required":["detail"]}}})");
  writer.EndObject();
  return text;
}

}  // namespace datalake::server
