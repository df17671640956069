#include "apps/datalake/config_interpolation.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/thread_pool.h"
#include "datalake/io/file_system.h"
#include "datalake/io/glob.h"

#include "apps/datalake/config_scalar.h"

namespace datalake::apps {
namespace {

constexpr int kMaxDepth = 64;               // of values that refer to values
constexpr std::size_t kMaxNodes = 200'000;  // references cannot blow up

using Path = std::vector<std::string>;  // from the top: keys, and positions in lists

std::string_view Trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

// Where the "}" is that belongs to the "${" at `begin`; npos when there is none.
std::size_t EndOf(std::string_view text, std::size_t begin) {
  int depth = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    if (text.substr(at).starts_with("${")) {
      ++depth;
      ++at;
    } else if (text[at] == '}' && --depth == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

// Cuts at commas that are in no interpolation and in no quotes.
std::vector<std::string_view> Arguments(std::string_view text) {
  std::vector<std::string_view> arguments;
  std::size_t begin = 0;
  char quote = '\0';
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (quote != '\0') {
      quote = text[at] == quote ? '\0' : quote;
    } else if (text[at] == '"' || text[at] == '\'') {
      quote = text[at];
    } else if (text.substr(at).starts_with("${")) {
      at = std::min(EndOf(text, at), text.size() - 1);
    } else if (text[at] == ',') {
      arguments.push_back(Trimmed(text.substr(begin, at - begin)));
      begin = at + 1;
    }
  }
  arguments.push_back(Trimmed(text.substr(begin)));
  return arguments;
}

// "a.b[0].c" as its parts.
Path PartsOf(std::string_view reference) {
  Path parts;
  std::string part;
  for (const char c : reference) {
    if (c == '.' || c == '[' || c == ']') {
      if (!part.empty()) {
        parts.push_back(std::exchange(part, {}));
      }
    } else {
      part.push_back(c);
    }
  }
  if (!part.empty()) {
    parts.push_back(part);
  }
  return parts;
}

std::string TextOf(const json::Value& value) {
  return value.is_string() ? value.get<std::string>() : json::DumpValue(value);
}

class Resolver {
 public:
  Resolver(io::FileSystem& fs, const json::Value& root, std::string_view where)
      : fs_(fs), root_(root), where_(where) {}

  // NOLINTNEXTLINE(misc-no-recursion): bounded by the depth of the config and kMaxDepth
  Result<json::Value> Resolve(const json::Value& value, const Path& path, int depth) {
    if (++nodes_ > kMaxNodes) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("config too large: {}", where_)};
    }
    if (value.is_string()) {
      return ResolveText(value.get_ref<const std::string&>(), path, depth);
    }
    if (!value.is_structured()) {
      return value;
    }
    json::Value out = value.is_array() ? json::Value::array() : json::Value::object();
    Path inner = path;
    for (const auto& item : value.items()) {
      inner.push_back(item.key());
      DATALAKE_TRY_ASSIGN(json::Value resolved, Resolve(item.value(), inner, depth));
      inner.pop_back();
      if (value.is_array()) {
        out.push_back(std::move(resolved));
      } else {
        out[item.key()] = std::move(resolved);
      }
    }
    return out;
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion)
  Result<json::Value> ResolveText(const std::string& text, const Path& path, int depth) {
    if (text.find("${") == std::string::npos) {
      return json::Value(text);
    }
    if (depth > kMaxDepth) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a value refers to itself: {}: {}", where_, text)};
    }
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t begin = text.find("${", at);
      if (begin == std::string::npos) {
        return json::Value(out + text.substr(at));
      }
      if (begin > 0 && text[begin - 1] == '\\') {  // as it is written
        out += text.substr(at, begin - 1 - at) + "${";
        at = begin + 2;
        continue;
      }
      const std::size_t end = EndOf(text, begin);
      if (end == std::string::npos) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("no }} behind ${{: {}: {}", where_, text)};
      }
      const std::string_view inner = std::string_view(text).substr(begin + 2, end - begin - 2);
      DATALAKE_TRY_ASSIGN(json::Value value, Interpolate(inner, path, depth));
      if (begin == 0 && end + 1 == text.size()) {
        return value;
      }
      out += text.substr(at, begin - at) + TextOf(value);
      at = end + 1;
    }
    return json::Value(out);
  }

  // The value of "${<inner>}".
  // NOLINTNEXTLINE(misc-no-recursion)
  Result<json::Value> Interpolate(std::string_view inner, const Path& path, int depth) {
    const std::size_t colon = inner.find(':');
    const std::size_t nested = inner.find("${");
    if (colon == std::string_view::npos || nested < colon) {
      DATALAKE_TRY_ASSIGN(const std::string reference, TextArgument(inner, path, depth));
      return Refer(Trimmed(reference), path, depth);
    }
    const std::string_view name = Trimmed(inner.substr(0, colon));
    std::vector<std::string> arguments;
    for (const std::string_view argument : Arguments(inner.substr(colon + 1))) {
      DATALAKE_TRY_ASSIGN(std::string text, TextArgument(argument, path, depth));
      arguments.push_back(std::move(text));
    }
    return Call(name, arguments);
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<std::string> TextArgument(std::string_view argument, const Path& path, int depth) {
    DATALAKE_TRY_ASSIGN(const json::Value value,
                        ResolveText(std::string(argument), path, depth + 1));
    std::string text = TextOf(value);
    const bool is_quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                           text.back() == text.front();
    return is_quoted ? text.substr(1, text.size() - 2) : text;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<json::Value> Refer(std::string_view reference, const Path& path, int depth) {
    Path target;
    if (reference.starts_with('.')) {
      std::size_t up = 0;
      while (up < reference.size() && reference[up] == '.') {
        ++up;
      }
      const std::size_t kept = path.size() - std::min(up, path.size());
      target.assign(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(kept));
    }
    for (std::string& part : PartsOf(reference)) {
      target.push_back(std::move(part));
    }
    const json::Value* value = &root_;
    for (const std::string& part : target) {
      value = Member(*value, part);
      if (value == nullptr) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("no such key: {}: ${{{}}}", where_, reference)};
      }
    }
    return Resolve(*value, target, depth + 1);
  }

  static const json::Value* Member(const json::Value& value, const std::string& part) {
    if (value.is_object()) {
      const auto at = value.find(part);
      return at == value.end() ? nullptr : &*at;
    }
    std::size_t position = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), position);
    const bool is_position = error == std::errc() && stop == part.data() + part.size();
    return value.is_array() && is_position && position < value.size() ? &value[position] : nullptr;
  }

  Result<json::Value> Call(std::string_view name, const std::vector<std::string>& arguments) {
    if (name == "oc.env") {
      return Environment(arguments);
    }
    if (name == "d.glob") {
      return Glob(arguments.front());
    }
    if (name == "d.processes") {
      return Processes(arguments.front());
    }
    if (name == "d.cache") {
      if (arguments.front().find("://") != std::string::npos) {
        return Error{ErrorCode::kUnsupported,
                     fmt::format("remote files are not fetched: {}: {}; copy it and name the copy",
                                 where_, arguments.front())};
      }
      return json::Value(arguments.front());
    }
    return Error{ErrorCode::kUnsupported,
                 fmt::format("unknown interpolation: {}: ${{{}:...}}; known: oc.env, d.glob, "
                             "d.processes, d.cache",
                             where_, name)};
  }

  Result<json::Value> Environment(const std::vector<std::string>& arguments) const {
    if (const char* const value = std::getenv(arguments.front().c_str()); value != nullptr) {
      return ScalarValue(value);
    }
    if (arguments.size() > 1) {
      return ScalarValue(arguments[1]);
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("environment variable is not set: {}: {}", where_, arguments.front())};
  }

  Result<json::Value> Glob(const std::string& pattern) const {
    if (pattern.find("://") != std::string::npos) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("remote files are not listed: {}: {}", where_, pattern)};
    }
    DATALAKE_TRY_ASSIGN(const std::vector<std::string> files, io::Glob(fs_, pattern));
    if (files.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("no file matches: {}: {}", where_, pattern)};
    }
    return json::Value(files);
  }

  Result<json::Value> Processes(const std::string& less) const {
    const json::Value number = less.empty() ? json::Value(0) : ScalarValue(less);
    if (!number.is_number_integer()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("d.processes needs an integer: {}: {}", where_, less)};
    }
    const auto cores = static_cast<std::int64_t>(AvailableCores());
    return json::Value(std::max<std::int64_t>(1, cores - number.get<std::int64_t>()));
  }

  io::FileSystem& fs_;
  const json::Value& root_;
  const std::string_view where_;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<json::Value> ResolveInterpolations(io::FileSystem& fs, const json::Value& config,
                                          std::string_view where) {
  return Resolver(fs, config, where).Resolve(config, {}, 0);
}

}  // namespace datalake::apps
