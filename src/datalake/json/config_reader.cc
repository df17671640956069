#include "datalake/json/config_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/name.h"

namespace datalake::json {

ConfigReader::ConfigReader(const Value& object, std::string where)
    : object_(&object), where_(std::move(where)) {
  if (!object.is_object() && !object.is_null()) {
    Keep({ErrorCode::kInvalidArgument,
          fmt::format("{}: must be a set of keys, not {}", where_, TypeName(object))});
  }
}

void ConfigReader::Read(std::string_view key, std::string& target) {
  std::optional<std::string> value;
  Read(key, value);
  if (value.has_value()) {
    target = *std::move(value);
  }
}

void ConfigReader::Read(std::string_view key, std::optional<std::string>& target) {
  const Value* value = Take(key);
  if (value == nullptr) {
    return;
  }
  if (value->is_string()) {
    target = value->get_ref<const std::string&>();
  } else if (value->is_number() || value->is_boolean()) {
    target = DumpValue(*value);  // a name such as 2024 needs no quotes in YAML
  } else {
    Fail(fmt::format("{} must be a string, not {}", key, TypeName(*value)));
  }
}

void ConfigReader::Read(std::string_view key, std::uint64_t& target) {
  if (Take(key) == nullptr) {
    return;
  }
  if (Result<std::uint64_t> value = GetUint(*object_, key, where_); value) {
    target = *value;
  } else {
    Keep(value.error());
  }
}

void ConfigReader::Read(std::string_view key, double& target) {
  std::optional<double> value;
  Read(key, value);
  target = value.value_or(target);
}

void ConfigReader::Read(std::string_view key, std::optional<double>& target) {
  if (Take(key) == nullptr) {
    return;
  }
  if (Result<double> value = GetDouble(*object_, key, where_); value) {
    target = *value;
  } else {
    Keep(value.error());
  }
}

void ConfigReader::Read(std::string_view key, bool& target) {
  if (Take(key) == nullptr) {
    return;
  }
  if (Result<bool> value = GetBool(*object_, key, where_); value) {
    target = *value;
  } else {
    Keep(value.error());
  }
}

void ConfigReader::Read(std::string_view key, std::vector<std::string>& target) {
  const Value* value = Take(key);
  if (value == nullptr) {
    return;
  }
  if (value->is_string()) {
    target = {value->get_ref<const std::string&>()};
    return;
  }
  if (!value->is_array()) {
    Fail(fmt::format("{} must be a list, not {}", key, TypeName(*value)));
    return;
  }
  target.clear();
  for (const Value& item : *value) {
    if (!item.is_string()) {
      Fail(fmt::format("{} must be a list of strings; it holds {}", key, TypeName(item)));
      return;
    }
    target.push_back(item.get_ref<const std::string&>());
  }
}

std::vector<std::string> ConfigReader::Keys() const {
  std::vector<std::string> keys;
  if (object_->is_object()) {
    for (const auto& [key, value] : object_->items()) {
      keys.push_back(key);
    }
  }
  return keys;
}

std::optional<ConfigReader> ConfigReader::Object(std::string_view key) {
  const Value* value = Take(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  return ConfigReader(*value, fmt::format("{}: {}", where_, key));
}

std::vector<ConfigReader> ConfigReader::Objects(std::string_view key) {
  std::vector<ConfigReader> readers;
  const Value* value = Take(key);
  if (value == nullptr) {
    return readers;
  }
  if (!value->is_array()) {
    Fail(fmt::format("{} must be a list, not {}", key, TypeName(*value)));
    return readers;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    readers.emplace_back((*value)[i], fmt::format("{}: {}[{}]", where_, key, i));
  }
  return readers;
}

void ConfigReader::Merge(const ConfigReader& part) {
  if (Status status = part.Finish(); !status) {
    Keep(std::move(status).error());
  }
}

void ConfigReader::Fail(std::string_view message) {
  Keep({ErrorCode::kInvalidArgument, fmt::format("{}: {}", where_, message)});
}

Status ConfigReader::Finish() const {
  if (error_.has_value()) {
    return *error_;
  }
  const std::vector<std::string> unknown = Unknown();
  return unknown.empty() ? Status()
                         : Status(Error{ErrorCode::kInvalidArgument, UnknownText(unknown.front())});
}

void ConfigReader::WarnOfUnknown(std::vector<std::string>& warnings) {
  for (std::string& key : Unknown()) {
    warnings.push_back(UnknownText(key) + "; it has no effect");
    known_.push_back(std::move(key));
  }
}

std::vector<std::string> ConfigReader::Unknown() const {
  std::vector<std::string> unknown;
  if (object_->is_object()) {
    for (const auto& [key, value] : object_->items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        unknown.push_back(key);
      }
    }
  }
  return unknown;
}

std::string ConfigReader::UnknownText(std::string_view key) const {
  if (const auto near = NearestName(key, known_); near.has_value()) {
    return fmt::format("unknown key: {}: {}; did you mean {}?", where_, key, *near);
  }
  return fmt::format("unknown key: {}: {}; known: {}", where_, key, fmt::join(known_, ", "));
}

const Value* ConfigReader::Take(std::string_view key) {
  known_.emplace_back(key);
  return Find(*object_, key);
}

bool ConfigReader::Check(std::string_view key) {
  if (Find(*object_, key) != nullptr) {
    return true;
  }
  known_.emplace_back(key);
  Fail(fmt::format("missing key: {}", key));
  return false;
}

void ConfigReader::Keep(Error error) {
  if (!error_.has_value()) {
    error_ = std::move(error);
  }
}

}  // namespace datalake::json
