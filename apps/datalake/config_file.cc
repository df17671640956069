#include "apps/datalake/config_file.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"

namespace datalake::apps {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 16 << 20;
constexpr std::size_t kMaxNodes = 200'000;  // aliases of aliases cannot blow up

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) {
      return true;
    }
  }
  return false;
}

template <typename Number>
std::optional<Number> ReadNumber(std::string_view digits) {
  Number number{};
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

// A plain scalar's value by its form.
json::Value ScalarValue(const std::string& text) {
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) {
    return nullptr;
  }
  if (IsOneOf(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    return true;
  }
  if (IsOneOf(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    return false;
  }
  std::string digits;
  for (const char c : text) {
    if (c != '_') {
      digits.push_back(c);
    }
  }
  const bool is_numeric = digits.find_first_not_of("0123456789+-.eE") == std::string::npos &&
                          digits.find_first_of("0123456789") != std::string::npos &&
                          text.front() != '_';
  if (!is_numeric) {
    return text;
  }
  const std::string_view unsigned_part =
      std::string_view(digits).substr(digits.front() == '+' ? 1 : 0);
  if (const auto integer = ReadNumber<std::int64_t>(unsigned_part); integer.has_value()) {
    return *integer;
  }
  if (const auto integer = ReadNumber<std::uint64_t>(unsigned_part); integer.has_value()) {
    return *integer;
  }
  if (const auto number = ReadNumber<double>(unsigned_part); number.has_value()) {
    return *number;
  }
  return text;
}

// `${oc.env:NAME}` replaced, at any place of the text.
Result<std::string> Interpolate(std::string text, std::string_view where) {
  static constexpr std::string_view kEnvironment = "${oc.env:";
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t begin = text.find("${", at);
    const std::size_t end = text.find('}', begin);
    if (begin == std::string::npos || end == std::string::npos) {
      return out + text.substr(at);
    }
    const std::string whole = text.substr(begin, end - begin + 1);
    if (!whole.starts_with(kEnvironment)) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("only ${{oc.env:NAME}} is interpolated: {}: {}", where, whole)};
    }
    const std::string inner =
        whole.substr(kEnvironment.size(), whole.size() - 1 - kEnvironment.size());
    const std::size_t comma = inner.find(',');
    const char* value = std::getenv(inner.substr(0, comma).c_str());
    if (value == nullptr && comma == std::string::npos) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("environment variable is not set: {}: {}", where, inner)};
    }
    out += text.substr(at, begin - at);
    out += value != nullptr ? std::string(value) : inner.substr(comma + 1);
    at = end + 1;
  }
}

class Converter {
 public:
  explicit Converter(std::string_view where) : where_(where) {}

  // Depth is bounded by yaml-cpp's own guard.
  Result<json::Value> Convert(const YAML::Node& node) {
    if (++nodes_ > kMaxNodes) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("config too large: {}", where_)};
    }
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return Scalar(node);
      case YAML::NodeType::Sequence: {
        json::Value list = json::Value::array();
        for (const YAML::Node& item : node) {
          DATALAKE_TRY_ASSIGN(json::Value value, Convert(item));
          list.push_back(std::move(value));
        }
        return list;
      }
      case YAML::NodeType::Map: {
        json::Value object = json::Value::object();
        for (const auto& member : node) {
          const std::string key = member.first.Scalar();
          if (object.contains(key)) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("key given twice: {}: line {}: {}", where_,
                                     member.first.Mark().line + 1, key)};
          }
          DATALAKE_TRY_ASSIGN(json::Value value, Convert(member.second));
          object[key] = std::move(value);
        }
        return object;
      }
      default:
        return json::Value(nullptr);
    }
  }

 private:
  Result<json::Value> Scalar(const YAML::Node& node) {
    DATALAKE_TRY_ASSIGN(std::string text, Interpolate(node.Scalar(), where_));
    // yaml-cpp tags quoted scalars "!" and plain ones "?".
    return node.Tag() == "!" ? json::Value(std::move(text)) : ScalarValue(text);
  }

  std::string_view where_;
  std::size_t nodes_ = 0;
};

Result<json::Value> ReadFile(io::FileSystem& fs, std::string_view path) {
  DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(fs, path, kMaxConfigBytes));
  try {
    return Converter(path).Convert(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("bad YAML: {}: line {}: {}", path, error.mark.line + 1, error.msg)};
  }
}

Status Put(json::Value& config, const ConfigOverride& override) {
  json::Value* at = &config;
  std::string_view rest = override.key;
  while (true) {
    const std::size_t dot = rest.find('.');
    if (at->is_null()) {
      *at = json::Value::object();
    }
    if (!at->is_object()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("cannot set --{}: the config has a value above it", override.key)};
    }
    at = &(*at)[std::string(rest.substr(0, dot))];
    if (dot == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(dot + 1);
  }
  if (override.is_list) {
    *at = override.values;
  } else {
    *at = ScalarValue(override.values.empty() ? std::string() : override.values.back());
  }
  return {};
}

}  // namespace

Result<json::Value> ReadConfig(io::FileSystem& fs, std::string_view path,
                               const std::vector<ConfigOverride>& overrides) {
  json::Value config = json::Value::object();
  if (!path.empty()) {
    DATALAKE_TRY_ASSIGN(config, ReadFile(fs, path));
    if (config.is_null()) {
      config = json::Value::object();
    }
    if (!config.is_object()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a config must be a set of keys: {}", path)};
    }
  }
  for (const ConfigOverride& override : overrides) {
    DATALAKE_TRY(Put(config, override));
  }
  return config;
}

}  // namespace datalake::apps
