#include "apps/datalake/config_file.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"

#include "apps/datalake/config_interpolation.h"
#include "apps/datalake/config_scalar.h"

namespace datalake::apps {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 16 << 20;
constexpr std::size_t kMaxNodes = 200'000;  // aliases of aliases cannot blow up

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
    // yaml-cpp tags quoted scalars "!" and plain ones "?".
    return node.Tag() == "!" ? json::Value(node.Scalar()) : ScalarValue(node.Scalar());
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

// Plain where it reads back as the same text, else in quotes.
void EmitText(YAML::Emitter& out, const std::string& text) {
  const json::Value value = ScalarValue(text);
  if (!value.is_string() || text.find_first_of(":#{}[],&*!|>'\"%@`\\") != std::string::npos) {
    out << YAML::DoubleQuoted;
  }
  out << text;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the config
void Emit(YAML::Emitter& out, const json::Value& value) {
  if (value.is_object()) {
    if (value.empty()) {
      out << YAML::Flow;
    }
    out << YAML::BeginMap;
    for (const auto& member : value.items()) {
      out << YAML::Key;
      EmitText(out, member.key());
      out << YAML::Value;
      Emit(out, member.value());
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    if (value.empty()) {
      out << YAML::Flow;
    }
    out << YAML::BeginSeq;
    for (const json::Value& item : value) {
      Emit(out, item);
    }
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    EmitText(out, value.get_ref<const std::string&>());
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << json::DumpValue(value);  // numbers and booleans are the same in YAML
  }
}

}  // namespace

std::string ConfigAsYaml(const json::Value& config) {
  YAML::Emitter out;
  Emit(out, config);
  return fmt::format("{}\n", out.c_str());
}

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
  return ResolveInterpolations(fs, config, path.empty() ? "options" : path);
}

}  // namespace datalake::apps
