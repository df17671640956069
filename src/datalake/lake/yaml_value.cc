#include "datalake/lake/yaml_value.h"

#include <charconv>
#include <exception>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

namespace datalake::lake {
namespace {

constexpr int kMaxYamlDepth = 16;

// A YAML scalar as JSON would have it: plain true, false, null and numbers are themselves.
json::Value ScalarValue(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") {  // quoted
    return text;
  }
  if (text.empty() || text == "~" || text == "null") {
    return nullptr;
  }
  if (text == "true" || text == "false") {
    return text == "true";
  }
  constexpr std::size_t kMostDigits = 18;  // fits in 64 bits
  if (text.size() > kMostDigits || text.find_first_not_of("0123456789.") != std::string::npos ||
      text.front() == '.' || text.back() == '.') {
    return text;
  }
  const char* end = text.data() + text.size();
  if (text.find('.') == std::string::npos) {
    std::int64_t number = 0;
    std::from_chars(text.data(), end, number);
    return number;
  }
  double number = 0;
  return std::from_chars(text.data(), end, number).ptr == end ? json::Value(number)
                                                              : json::Value(text);
}

Result<json::Value> ValueOfYaml(const YAML::Node& node, std::string_view where, int depth) {
  if (depth > kMaxYamlDepth) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("nested too deeply: {}", where)};
  }
  if (node.IsSequence()) {
    json::Value list = json::Value::array();
    for (const YAML::Node& item : node) {
      DATALAKE_TRY_ASSIGN(json::Value value, ValueOfYaml(item, where, depth + 1));
      list.push_back(std::move(value));
    }
    return list;
  }
  if (node.IsMap()) {
    json::Value object = json::Value::object();
    for (const auto& member : node) {
      const std::string key = member.first.Scalar();
      if (object.contains(key)) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("{}:{}: key is there twice: {}", where, member.first.Mark().line + 1, key)};
      }
      DATALAKE_TRY_ASSIGN(object[key], ValueOfYaml(member.second, where, depth + 1));
    }
    return object;
  }
  return node.IsScalar() ? ScalarValue(node) : json::Value(nullptr);
}

}  // namespace

Result<json::Value> ParseYaml(std::string_view text, std::string_view where) {
  try {
    return ValueOfYaml(YAML::Load(std::string(text)), where, 0);
  } catch (const YAML::Exception& exception) {
    return Error{ErrorCode::kInvalidArgument,
                 exception.mark.is_null()
                     ? fmt::format("{}: {}", where, exception.msg)
                     : fmt::format("{}:{}: {}", where, exception.mark.line + 1, exception.msg)};
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, exception.what())};
  }
}

}  // namespace datalake::lake
