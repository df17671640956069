// From DuckDB's syntax tree of an expression (json_serialize_sql). What is not known for certain to
// mean what SQL says becomes kUnknown.
#include "datalake/query/condition.h"

#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/query/condition_internal.h"
#include "datalake/query/sql_text.h"

namespace datalake::query {
namespace {

using Json = nlohmann::json;
using Kind = Condition::Kind;
using Comparison = Condition::Comparison;

// Deeper nesting than this is left unknown.
constexpr int kMaxDepth = 100;

std::string Text(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get_ref<const std::string&>() : "";
}

const Json& Member(const Json& node, const char* key) {
  static const Json kNone;
  const auto found = node.find(key);
  return found == node.end() ? kNone : *found;
}

std::vector<std::string> ColumnOf(const Json& node) {
  std::vector<std::string> names;
  if (Text(node, "class") == "COLUMN_REF") {
    for (const Json& name : Member(node, "column_names")) {
      names.push_back(name.is_string() ? name.get<std::string>() : "");
    }
  }
  return names;
}

// "-1.5" for -15 with scale 1.
std::string DecimalText(std::int64_t unscaled, std::int64_t scale) {
  std::string digits = std::to_string(unscaled);
  const std::string sign = unscaled < 0 ? "-" : "";
  digits.erase(0, sign.size());
  const auto width = static_cast<std::size_t>(scale) + 1;
  if (digits.size() < width) {
    digits.insert(0, width - digits.size(), '0');
  }
  const std::string_view text = digits;
  const std::size_t whole = text.size() - static_cast<std::size_t>(scale);
  return fmt::format("{}{}.{}", sign, text.substr(0, whole),
                     scale == 0 ? std::string_view("0") : text.substr(whole));
}

// The constant as JSON; "" when it is no number and no text.
std::string ConstantOf(const Json& node) {
  if (Text(node, "class") == "CAST") {  // date '2026-01-31', written so or as a cast
    const std::string type = Text(Member(node, "cast_type"), "id");
    const bool is_time =
        type == "DATE" || type == "TIMESTAMP" || type == "TIMESTAMP WITH TIME ZONE";
    return is_time ? ConstantOf(Member(node, "child")) : "";
  }
  if (Text(node, "class") != "CONSTANT") {
    return "";
  }
  const Json& value = Member(node, "value");
  const Json& type = Member(value, "type");
  const Json& content = Member(value, "value");
  const std::string name = Text(type, "id");
  if (name == "VARCHAR" && content.is_string()) {
    return content.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (name == "DECIMAL" && content.is_number_integer()) {
    const Json& scale = Member(Member(type, "type_info"), "scale");
    return scale.is_number_integer() && scale.get<std::int64_t>() >= 0 &&
                   scale.get<std::int64_t>() <= 18
               ? DecimalText(content.get<std::int64_t>(), scale.get<std::int64_t>())
               : "";
  }
  const bool is_integer = name == "INTEGER" || name == "BIGINT";
  const bool is_number = (is_integer && content.is_number_integer()) ||
                         (name == "DOUBLE" && content.is_number_float());
  return is_number ? content.dump() : "";
}

std::optional<Comparison> ComparisonOf(const std::string& type) {
  static const std::map<std::string, Comparison> kComparisons = {
      {"COMPARE_EQUAL", Comparison::kEqual},
      {"COMPARE_LESSTHAN", Comparison::kLess},
      {"COMPARE_LESSTHANOREQUALTO", Comparison::kLessOrEqual},
      {"COMPARE_GREATERTHAN", Comparison::kGreater},
      {"COMPARE_GREATERTHANOREQUALTO", Comparison::kGreaterOrEqual}};
  const auto found = kComparisons.find(type);
  return found == kComparisons.end() ? std::nullopt : std::optional(found->second);
}

Comparison Mirrored(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return Comparison::kGreater;
    case Comparison::kLessOrEqual:
      return Comparison::kGreaterOrEqual;
    case Comparison::kGreater:
      return Comparison::kLess;
    case Comparison::kGreaterOrEqual:
      return Comparison::kLessOrEqual;
    case Comparison::kEqual:
      break;
  }
  return comparison;
}

Condition Compare(const Json& column, Comparison comparison, const Json& constant) {
  Condition condition{.kind = Kind::kCompare,
                      .column = ColumnOf(column),
                      .comparison = comparison,
                      .value = ConstantOf(constant)};
  if (condition.column.empty() || condition.value.empty()) {
    return {};
  }
  return condition;
}

Condition Convert(const Json& node, int depth);

Condition ConvertAll(Kind kind, const Json& nodes, int depth) {
  Condition condition{.kind = kind};
  for (const Json& node : nodes) {
    condition.children.push_back(Convert(node, depth + 1));
  }
  return condition;
}

Condition ConvertOperator(const Json& node, const std::string& type) {
  const Json& children = Member(node, "children");
  if (!children.is_array() || children.empty()) {
    return {};
  }
  if (type == "OPERATOR_IS_NULL" || type == "OPERATOR_IS_NOT_NULL") {
    Condition condition{.kind = type == "OPERATOR_IS_NULL" ? Kind::kIsNull : Kind::kIsNotNull,
                        .column = ColumnOf(children.front())};
    return condition.column.empty() ? Condition{} : condition;
  }
  if (type == "COMPARE_IN") {
    Condition condition{.kind = Kind::kOr};
    for (std::size_t i = 1; i < children.size(); ++i) {
      condition.children.push_back(Compare(children.front(), Comparison::kEqual, children[i]));
    }
    return condition;
  }
  return {};
}

Condition Convert(const Json& node, int depth) {
  const std::string kind = Text(node, "class");
  const std::string type = Text(node, "type");
  if (depth > kMaxDepth) {
    return {};
  }
  if (type == "CONJUNCTION_AND" || type == "CONJUNCTION_OR") {
    return ConvertAll(type == "CONJUNCTION_AND" ? Kind::kAnd : Kind::kOr, Member(node, "children"),
                      depth);
  }
  if (kind == "COMPARISON") {
    const auto comparison = ComparisonOf(type);
    if (!comparison.has_value()) {
      return {};
    }
    const Json& left = Member(node, "left");
    const Json& right = Member(node, "right");
    return ColumnOf(left).empty() ? Compare(right, Mirrored(*comparison), left)
                                  : Compare(left, *comparison, right);
  }
  if (type == "COMPARE_BETWEEN") {
    const Json& input = Member(node, "input");
    return {.kind = Kind::kAnd,
            .children = {Compare(input, Comparison::kGreaterOrEqual, Member(node, "lower")),
                         Compare(input, Comparison::kLessOrEqual, Member(node, "upper"))}};
  }
  return kind == "OPERATOR" ? ConvertOperator(node, type) : Condition{};
}

}  // namespace

ConditionFacts ConditionOfTree(std::string_view tree) {
  const Json root = Json::parse(tree, nullptr, false);
  ConditionFacts facts{.condition = Convert(root, 0), .names = std::set<std::string>()};
  std::vector<const Json*> open = {&root};
  while (!open.empty()) {
    const Json& node = *open.back();
    open.pop_back();
    if (node.is_object() && Text(node, "class") == "STAR") {
      facts.names = std::nullopt;
      return facts;
    }
    if (node.is_object()) {
      for (const std::string& name : ColumnOf(node)) {
        facts.names->insert(FoldName(name));
      }
    }
    if (node.is_structured()) {
      for (const Json& child : node) {
        open.push_back(&child);
      }
    }
  }
  return facts;
}

}  // namespace datalake::query
