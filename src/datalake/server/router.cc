// Routes as a tree of path segments (a trie): finding one costs the length of the path.
#include "datalake/server/router.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/clock.h"

namespace datalake::server {
namespace {

constexpr std::size_t kMaxSegments = 24;

struct Segments {
  std::array<std::string_view, kMaxSegments> parts;
  std::size_t count = 0;
  bool too_many = false;
};

Segments SplitPath(std::string_view path) {
  Segments segments;
  while (!path.empty()) {
    path.remove_prefix(path.front() == '/' ? 1 : 0);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (part.empty() && path.empty()) {
      break;  // a trailing slash
    }
    if (segments.count == kMaxSegments) {
      segments.too_many = true;
      break;
    }
    segments.parts[segments.count++] = part;
  }
  return segments;
}

bool IsParameter(std::string_view segment) {
  return segment.starts_with('{');
}

std::string_view ParameterName(std::string_view segment) {
  return segment.substr(1, segment.size() - 2);
}

bool IsDay(std::string_view text) {
  return text.size() == 10 && ParseTimestamp(std::string(text) + "T00:00:00Z");
}

std::string_view Where(Parameter::Place place) {
  switch (place) {
    case Parameter::Place::kQuery:
      return "query parameter";
    case Parameter::Place::kHeader:
      return "header";
    case Parameter::Place::kPath:
      break;
  }
  return "path parameter";
}

Status CheckInteger(const Parameter& parameter, std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return Error{ErrorCode::kInvalidArgument, "not a whole number"};
  }
  if (number < parameter.minimum || number > parameter.maximum) {
    return Error{ErrorCode::kInvalidArgument,
                 parameter.maximum == INT64_MAX
                     ? fmt::format("must be at least {}", parameter.minimum)
                     : fmt::format("must be {} to {}", parameter.minimum, parameter.maximum)};
  }
  return {};
}

Status CheckValue(const Parameter& parameter, std::string_view text) {
  if (!parameter.values.empty()) {
    if (std::find(parameter.values.begin(), parameter.values.end(), text) ==
        parameter.values.end()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("must be one of {}", fmt::join(parameter.values, ", "))};
    }
    return {};
  }
  switch (parameter.type) {
    case Parameter::Type::kInteger:
      return CheckInteger(parameter, text);
    case Parameter::Type::kBoolean:
      if (text != "true" && text != "false") {
        return Error{ErrorCode::kInvalidArgument, "must be true or false"};
      }
      return {};
    case Parameter::Type::kDay:
      if (!IsDay(text)) {
        return Error{ErrorCode::kInvalidArgument, "must be a day, as 2026-01-31"};
      }
      return {};
    case Parameter::Type::kText:
      break;
  }
  if (std::cmp_less(text.size(), parameter.minimum) ||
      std::cmp_greater(text.size(), parameter.maximum)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("must have {} to {} bytes", parameter.minimum, parameter.maximum)};
  }
  return {};
}

template <typename Pairs>
const std::string* FindIn(const Pairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key.size() == name.size() &&
        std::equal(key.begin(), key.end(), name.begin(), [](char a, char b) {
          return a == b || (a == (b | 0x20) && b >= 'A' && b <= 'Z');
        })) {
      return &value;
    }
  }
  return nullptr;
}

const std::string* FindValue(const Request& request, const Parameter& parameter) {
  switch (parameter.place) {
    case Parameter::Place::kQuery:
      return FindIn(request.query, parameter.name);
    case Parameter::Place::kHeader:
      return FindIn(request.headers, parameter.name);
    case Parameter::Place::kPath:
      break;
  }
  return FindIn(request.path_parameters, parameter.name);
}

}  // namespace

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> names;
  std::unique_ptr<Node> parameter;
  std::vector<std::size_t> routes;  // that end here, one a method

  // The node where `segments` from `at` on end, names before parameters; null: none with routes.
  const Node* Find(const Segments& segments, std::size_t at) const {
    if (at == segments.count) {
      return routes.empty() ? nullptr : this;
    }
    if (const auto named = names.find(segments.parts[at]); named != names.end()) {
      if (const Node* found = named->second->Find(segments, at + 1)) {
        return found;
      }
    }
    return parameter == nullptr || segments.parts[at].empty() ? nullptr
                                                              : parameter->Find(segments, at + 1);
  }
};

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

Router::Router() : root_(std::make_unique<Node>()) {}

Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Status Router::Add(Route route) {
  const Segments segments = SplitPath(route.path);
  if (segments.too_many) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("path of a route is too deep: {}", route.path)};
  }
  Node* node = root_.get();
  for (std::size_t i = 0; i < segments.count; ++i) {
    auto& child = IsParameter(segments.parts[i]) ? node->parameter
                                                 : node->names[std::string(segments.parts[i])];
    if (child == nullptr) {
      child = std::make_unique<Node>();
    }
    node = child.get();
  }
  for (const std::size_t known : node->routes) {
    if (routes_[known].method == route.method) {
      return Error{ErrorCode::kAlreadyExists,
                   fmt::format("route registered twice: {} {}", route.method, route.path)};
    }
  }
  node->routes.push_back(routes_.size());
  routes_.push_back(std::move(route));
  return {};
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  Match match;
  const Segments segments = SplitPath(path);
  const Node* node = segments.too_many ? nullptr : root_->Find(segments, 0);
  if (node == nullptr) {
    return match;
  }
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const std::size_t index : node->routes) {
    const Route& route = routes_[index];
    if (route.method == wanted) {
      const Segments pattern = SplitPath(route.path);
      for (std::size_t i = 0; i < pattern.count; ++i) {
        if (IsParameter(pattern.parts[i])) {
          match.parameters.emplace(ParameterName(pattern.parts[i]), segments.parts[i]);
        }
      }
      match.route = &route;
      match.index = index;
      return match;
    }
  }
  for (const std::size_t index : node->routes) {
    match.allow += (match.allow.empty() ? "" : ", ") + std::string(routes_[index].method);
    match.allow += routes_[index].method == "GET" ? ", HEAD" : "";
  }
  return match;
}

Status CheckParameters(const Route& route, const Request& request) {
  for (const Parameter& parameter : route.parameters) {
    const std::string* value = FindValue(request, parameter);
    if (value == nullptr) {
      if (parameter.required) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is missing: {}", Where(parameter.place), parameter.name)};
      }
      continue;
    }
    if (const Status fits = CheckValue(parameter, *value); !fits) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("{} {} {}", Where(parameter.place),
                                                            parameter.name, fits.error().message)};
    }
  }
  return {};
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

}  // namespace datalake::server
