// The text forms of a feed definition: YAML (or JSON) as people write it, JSON, and the JSON Schema
// of its records.
#include <array>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/config_reader.h"
#include "datalake/json/value.h"
#include "datalake/lake/feed_definition.h"
#include "datalake/lake/yaml_value.h"

namespace datalake::lake {
namespace {

template <typename Enum, std::size_t Count>
std::optional<Enum> FromWord(const std::array<Enum, Count>& values, std::string_view word) {
  for (const Enum value : values) {
    if (ToString(value) == word) {
      return value;
    }
  }
  return std::nullopt;
}

constexpr std::array kTypes = {
    FeedFieldType::kText, FeedFieldType::kInteger, FeedFieldType::kNumber, FeedFieldType::kBoolean,
    FeedFieldType::kDate, FeedFieldType::kTexts,   FeedFieldType::kJson};
constexpr std::array kActions = {RuleAction::kKeep, RuleAction::kMark, RuleAction::kQuarantine,
                                 RuleAction::kRefuse};
constexpr std::array kShapes = {FeedShape::kChat, FeedShape::kFields};

FeedField ReadField(json::ConfigReader& reader) {
  FeedField field;
  std::string type = "text";
  reader.Require("name", field.name);
  reader.Read("type", type);
  reader.Read("required", field.required);
  reader.Read("allowed", field.allowed);
  reader.Read("max_chars", field.max_chars);
  reader.Read("description", field.description);
  if (const auto known = ParseFeedFieldType(type)) {
    field.type = *known;
  } else {
    reader.Fail(known.error().message);
  }
  return field;
}

void ReadRules(json::ConfigReader& reader, std::map<FeedRule, RuleAction>& rules) {
  for (const FeedRule rule : AllFeedRules()) {
    std::optional<std::string> word;
    reader.Read(ToString(rule), word);
    if (!word) {
      continue;
    }
    if (const auto action = ParseRuleAction(*word)) {
      rules[rule] = *action;
    } else {
      reader.Fail(fmt::format("{}: {}", ToString(rule), action.error().message));
    }
  }
}

json::Value FieldValue(const FeedField& field) {
  json::Value value = {{"name", field.name}, {"type", ToString(field.type)}};
  if (field.required) {
    value["required"] = true;
  }
  if (!field.allowed.empty()) {
    value["allowed"] = field.allowed;
  }
  if (field.max_chars > 0) {
    value["max_chars"] = field.max_chars;
  }
  if (!field.description.empty()) {
    value["description"] = field.description;
  }
  return value;
}

json::Value DefinitionValue(const FeedDefinition& definition) {
  json::Value value = {{"description", definition.description},
                       {"shape", ToString(definition.shape)},
                       {"schema_version", definition.schema_version},
                       {"licence", definition.licence},
                       {"consent", definition.consent},
                       {"retention_days", definition.retention_days}};
  value["limits"] = {{"max_record_bytes", definition.limits.max_record_bytes},
                     {"max_text_chars", definition.limits.max_text_chars},
                     {"max_items", definition.limits.max_items}};
  value["rules"] = json::Value::object();
  for (const auto& [rule, action] : definition.rules) {
    value["rules"][std::string(ToString(rule))] = ToString(action);
  }
  if (!definition.roles.empty()) {
    value["roles"] = definition.roles;
  }
  if (definition.shape == FeedShape::kFields) {
    value["fields"] = json::Value::array();
    for (const FeedField& field : definition.fields) {
      value["fields"].push_back(FieldValue(field));
    }
  }
  return value;
}

// `value` or null.
json::Value Nullable(json::Value type) {
  return {{"anyOf", json::Value::array({std::move(type), {{"type", "null"}}})}};
}

json::Value TextSchema(const FeedField& field) {
  json::Value schema = {{"type", "string"}};
  if (!field.allowed.empty()) {
    schema["enum"] = field.allowed;
  }
  if (field.max_chars > 0) {
    schema["maxLength"] = field.max_chars;
  }
  return schema;
}

json::Value FieldSchema(const FeedField& field) {
  json::Value schema = json::Value::object();
  switch (field.type) {
    case FeedFieldType::kText:
      schema = TextSchema(field);
      break;
    case FeedFieldType::kInteger:
      schema = {{"type", "integer"},
                {"minimum", std::numeric_limits<std::int64_t>::min()},
                {"maximum", std::numeric_limits<std::int64_t>::max()}};
      break;
    case FeedFieldType::kNumber:
      schema = {{"type", "number"}};
      break;
    case FeedFieldType::kBoolean:
      schema = {{"type", "boolean"}};
      break;
    case FeedFieldType::kDate:
      schema = {{"type", "string"}, {"format", "date"}};
      break;
    case FeedFieldType::kTexts:
      schema = {{"type", "array"}, {"items", TextSchema(field)}};
      break;
    case FeedFieldType::kJson:
      break;
  }
  if (!field.required && field.type != FeedFieldType::kJson) {
    schema = Nullable(std::move(schema));
  }
  if (!field.description.empty()) {
    schema["description"] = field.description;
  }
  return schema;
}

json::Value TextOrNull() {
  return {{"type", json::Value::array({"string", "null"})}};
}

// The keys that every feed knows.
json::Value CommonProperties() {
  json::Value properties = json::Value::object();
  properties["ingest_id"] =
      Nullable({{"type", "string"}, {"pattern", "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}});
  properties["ingest_id"]["description"] = "the record's own id; made by the server when absent";
  properties["submitter_id"] = TextOrNull();
  properties["submitter_id"]["description"] = "absent, null or empty: anonymous";
  properties["source"] = TextOrNull();
  properties["network/attribution"] = TextOrNull();
  properties["network/attribution"]["description"] = "name to be credited, published as given";
  return properties;
}

json::Value ChatProperties(json::Value properties) {
  const json::Value text = {{"type", json::Value::array({"string", "number", "boolean"})}};
  properties["agent_id"] = text;
  properties["prompt_template"] = text;
  properties["chat_template"] = Nullable(text);
  json::Value turn = {{"type", "object"}, {"required", json::Value::array({"content"})}};
  turn["properties"] = {
      {"content", text},
      {"role", Nullable(text)},
      {"rating", {{"enum", json::Value::array({"positive", "negative", nullptr})}}},
      {"stopped", {{"type", json::Value::array({"boolean", "string", "integer"})}}},
      {"edited_content", Nullable(text)}};
  properties["conversation"] = {{"type", "array"}, {"items", std::move(turn)}};
  return properties;
}

}  // namespace

Result<FeedFieldType> ParseFeedFieldType(std::string_view word) {
  if (const auto known = FromWord(kTypes, word)) {
    return *known;
  }
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("type must be text, integer, number, boolean, date, texts or json, not: {}",
                  word)};
}

Result<FeedRule> ParseFeedRule(std::string_view word) {
  std::string words;
  for (const FeedRule rule : AllFeedRules()) {
    if (ToString(rule) == word) {
      return rule;
    }
    words += fmt::format("{}{}", words.empty() ? "" : ", ", ToString(rule));
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("unknown rule: {}; there are {}", word, words)};
}

Result<RuleAction> ParseRuleAction(std::string_view word) {
  if (const auto known = FromWord(kActions, word)) {
    return *known;
  }
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("a rule's action must be keep, mark, quarantine or refuse, not: {}", word)};
}

Result<FeedDefinition> ParseFeedDefinition(std::string_view name, std::string_view text,
                                           std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value value, ParseYaml(text, where));
  if (!value.is_object()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("not a feed definition: {}", where)};
  }
  FeedDefinition definition;
  const FeedDefinition built_in = ChatDefinition();
  if (name == built_in.name) {
    definition = built_in;
  }
  definition.name = name;
  json::ConfigReader reader(value, std::string(where));
  std::string shape(ToString(definition.shape));
  std::uint64_t version = 1;
  reader.Read("description", definition.description);
  reader.Read("shape", shape);
  reader.Read("schema_version", version);
  reader.Read("licence", definition.licence);
  reader.Read("consent", definition.consent);
  reader.Read("retention_days", definition.retention_days);
  reader.Read("roles", definition.roles);
  definition.schema_version = static_cast<std::int64_t>(version);
  if (const auto known = FromWord(kShapes, shape)) {
    definition.shape = *known;
  } else {
    reader.Fail("shape must be chat or fields, not: " + shape);
  }
  if (auto limits = reader.Object("limits")) {
    limits->Read("max_record_bytes", definition.limits.max_record_bytes);
    limits->Read("max_text_chars", definition.limits.max_text_chars);
    limits->Read("max_items", definition.limits.max_items);
    reader.Merge(*limits);
  }
  if (auto rules = reader.Object("rules")) {
    ReadRules(*rules, definition.rules);
    reader.Merge(*rules);
  }
  for (json::ConfigReader& field : reader.Objects("fields")) {
    definition.fields.push_back(ReadField(field));
    reader.Merge(field);
  }
  DATALAKE_TRY(reader.Finish());
  if (definition.roles.empty() && definition.shape == FeedShape::kChat) {
    definition.roles = built_in.roles;
  }
  DATALAKE_TRY(CheckFeedDefinition(definition));
  return definition;
}

std::string FeedDefinitionYaml(const FeedDefinition& definition) {
  // Block style by hand for the first level, JSON (which is YAML) below it.
  std::string out = fmt::format("# Feed {}: see docs/formats/feeds.md\n", definition.name);
  const json::Value value = DefinitionValue(definition);
  for (const auto& [key, member] : value.items()) {
    if (key != "fields") {
      out += fmt::format("{}: {}\n", key, json::DumpValue(member));
      continue;
    }
    out += "fields:\n";
    for (const json::Value& field : member) {
      out += fmt::format("  - {}\n", json::DumpValue(field));
    }
  }
  return out;
}

std::string FeedDefinitionJson(const FeedDefinition& definition) {
  json::Value value = {{"feed", definition.name}};
  value.update(DefinitionValue(definition));
  return json::DumpValue(value);
}

std::string FeedJsonSchema(const FeedDefinition& definition) {
  json::Value schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"title", definition.name},
                        {"description", definition.description},
                        {"type", "object"}};
  schema["x-schema-version"] = definition.schema_version;
  schema["x-licence"] = definition.licence;
  schema["x-consent"] = definition.consent;
  json::Value required = json::Value::array();
  if (definition.shape == FeedShape::kChat) {
    schema["properties"] = ChatProperties(CommonProperties());
    required = {"agent_id", "conversation"};
    schema["anyOf"] = json::Value::array({{{"required", json::Value::array({"prompt_template"})}},
                                          {{"required", json::Value::array({"chat_template"})}}});
    if (definition.limits.max_items > 0) {
      schema["properties"]["conversation"]["maxItems"] = definition.limits.max_items;
    }
  } else {
    json::Value properties = CommonProperties();
    for (const FeedField& field : definition.fields) {
      properties[field.name] = FieldSchema(field);
      if (field.required) {
        required.push_back(field.name);
      }
    }
    schema["properties"] = std::move(properties);
  }
  schema["required"] = std::move(required);
  schema["additionalProperties"] =
      definition.ActionOf(FeedRule::kUnknownFields) != RuleAction::kRefuse;
  return json::DumpValue(schema);
}

}  // namespace datalake::lake
