#include "datalake/table/schema_json.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"
#include "datalake/table/schema_json_internal.h"
#include "datalake/text/utf8.h"

namespace datalake::table {
namespace {

using arrow::Type;
using json::Value;

constexpr std::string_view kArrowTypeKey = "datalake.arrow_type";
constexpr int kMaxDecimalPrecision = 38;

Error UnsupportedType(std::string_view column, std::string_view type) {
  return Error{ErrorCode::kUnsupported,
               fmt::format("column type has no place in a Delta table: {}: {}", column, type)};
}

std::string Dotted(std::string_view parent, std::string_view name) {
  return parent.empty() ? std::string(name) : fmt::format("{}.{}", parent, name);
}

Result<std::shared_ptr<arrow::Field>> ToDeltaField(const arrow::Field& field,
                                                   std::string_view parent);

Result<std::shared_ptr<arrow::DataType>> ToDeltaType(const arrow::DataType& type,
                                                     std::string_view column) {
  switch (type.id()) {
    case Type::BOOL:
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::STRING:
    case Type::BINARY:
    case Type::DATE32:
    case Type::DECIMAL128:
      return type.GetSharedPtr();
    case Type::UINT8:
      return arrow::int16();
    case Type::UINT16:
      return arrow::int32();
    case Type::UINT32:
      return arrow::int64();
    case Type::UINT64:
      return arrow::decimal128(20, 0);
    case Type::DECIMAL32:
    case Type::DECIMAL64: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      return arrow::decimal128(decimal.precision(), decimal.scale());
    }
    case Type::HALF_FLOAT:
      return arrow::float32();
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::NA:
      return arrow::utf8();
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::FIXED_SIZE_BINARY:
      return arrow::binary();
    case Type::DATE64:
      return arrow::date32();
    case Type::TIMESTAMP:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case Type::DICTIONARY:
      return ToDeltaType(*static_cast<const arrow::DictionaryType&>(type).value_type(), column);
    case Type::EXTENSION:
      return ToDeltaType(*static_cast<const arrow::ExtensionType&>(type).storage_type(), column);
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW: {
      DATALAKE_TRY_ASSIGN(auto element, ToDeltaField(*type.field(0), column));
      return arrow::list(element->WithName("element"));
    }
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      DATALAKE_TRY_ASSIGN(auto key, ToDeltaField(*map.key_field(), column));
      DATALAKE_TRY_ASSIGN(auto item, ToDeltaField(*map.item_field(), column));
      return std::make_shared<arrow::MapType>(key->WithName("key")->WithNullable(false),
                                              item->WithName("value"));
    }
    case Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& child : type.fields()) {
        DATALAKE_TRY_ASSIGN(auto field, ToDeltaField(*child, column));
        fields.push_back(std::move(field));
      }
      if (fields.empty()) {
        return UnsupportedType(column, "struct without fields");
      }
      return arrow::struct_(std::move(fields));
    }
    default:
      return UnsupportedType(column, type.ToString());
  }
}

bool IsNested(const arrow::DataType& type) {
  return type.num_fields() > 0;
}

Result<std::shared_ptr<arrow::Field>> ToDeltaField(const arrow::Field& field,
                                                   std::string_view parent) {
  DATALAKE_TRY_ASSIGN(auto type, ToDeltaType(*field.type(), Dotted(parent, field.name())));
  auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  if (field.metadata() != nullptr) {
    for (std::int64_t i = 0; i < field.metadata()->size(); ++i) {
      // Ids that a Parquet reader noted belong to that file, not to the table.
      if (!field.metadata()->key(i).starts_with("PARQUET:")) {
        metadata->Append(field.metadata()->key(i), field.metadata()->value(i));
      }
    }
  }
  const bool is_noted = metadata->FindKey(std::string(kArrowTypeKey)) >= 0;
  const bool is_changed =
      field.type()->id() != type->id() || (!IsNested(*type) && !field.type()->Equals(*type));
  if (is_changed && !is_noted) {
    metadata->Append(std::string(kArrowTypeKey), field.type()->ToString());
  }
  return arrow::field(field.name(), std::move(type), field.nullable(),
                      metadata->size() > 0 ? metadata : nullptr);
}

Value FieldToJson(const arrow::Field& field, std::optional<Error>& error);

Value TypeToJson(const arrow::Field& field, std::optional<Error>& error) {
  const arrow::DataType& type = *field.type();
  switch (type.id()) {
    case Type::BOOL:
      return "boolean";
    case Type::INT8:
      return "byte";
    case Type::INT16:
      return "short";
    case Type::INT32:
      return "integer";
    case Type::INT64:
      return "long";
    case Type::FLOAT:
      return "float";
    case Type::DOUBLE:
      return "double";
    case Type::STRING:
      return "string";
    case Type::BINARY:
      return "binary";
    case Type::DATE32:
      return "date";
    case Type::NA:
      return "void";
    case Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty() ? "timestamp_ntz"
                                                                               : "timestamp";
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      return fmt::format("decimal({},{})", decimal.precision(), decimal.scale());
    }
    case Type::LIST:
      return Value{{"type", "array"},
                   {"elementType", TypeToJson(*type.field(0), error)},
                   {"containsNull", type.field(0)->nullable()}};
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      return Value{{"type", "map"},
                   {"keyType", TypeToJson(*map.key_field(), error)},
                   {"valueType", TypeToJson(*map.item_field(), error)},
                   {"valueContainsNull", map.item_field()->nullable()}};
    }
    case Type::STRUCT: {
      Value fields = Value::array();
      for (const auto& child : type.fields()) {
        fields.push_back(FieldToJson(*child, error));
      }
      return Value{{"type", "struct"}, {"fields", std::move(fields)}};
    }
    default:
      error = UnsupportedType(field.name(), type.ToString());
      return nullptr;
  }
}

Value FieldToJson(const arrow::Field& field, std::optional<Error>& error) {
  Value metadata = Value::object();
  if (field.metadata() != nullptr) {
    for (std::int64_t i = 0; i < field.metadata()->size(); ++i) {
      metadata[field.metadata()->key(i)] = field.metadata()->value(i);
    }
  }
  return Value{{"name", field.name()},
               {"type", TypeToJson(field, error)},
               {"nullable", field.nullable()},
               {"metadata", std::move(metadata)}};
}

// Reads a schemaString; `where_` names it.
class SchemaParser {
 public:
  explicit SchemaParser(std::string_view where) : where_(where) {}

  Result<arrow::FieldVector> Fields(const Value& type, std::string_view column) {
    const Value* fields = json::Find(type, "fields");
    if (fields == nullptr || !fields->is_array()) {
      return Corrupt("struct without fields", column);
    }
    arrow::FieldVector result;
    for (const Value& field : *fields) {
      DATALAKE_TRY_ASSIGN(const std::string name, json::GetString(field, "name", where_));
      const std::string path = Dotted(column, name);
      const Value* child = json::Find(field, "type");
      if (child == nullptr) {
        return Corrupt("column without type", path);
      }
      DATALAKE_TRY_ASSIGN(auto arrow_type, Type(*child, path));
      DATALAKE_TRY_ASSIGN(const auto nullable, json::FindBool(field, "nullable", where_));
      result.push_back(
          arrow::field(name, std::move(arrow_type), nullable.value_or(true), Metadata(field)));
    }
    return result;
  }

 private:
  Error Corrupt(std::string_view what, std::string_view column) const {
    return Error{ErrorCode::kCorruption,
                 fmt::format("bad table schema: {}: column {}: {}", what, column, where_)};
  }

  static std::shared_ptr<arrow::KeyValueMetadata> Metadata(const Value& field) {
    const Value* metadata = json::Find(field, "metadata");
    if (metadata == nullptr || !metadata->is_object() || metadata->empty()) {
      return nullptr;
    }
    auto result = std::make_shared<arrow::KeyValueMetadata>();
    for (const auto& [key, value] : metadata->items()) {
      result->Append(key, value.is_string() ? value.get<std::string>() : json::DumpValue(value));
    }
    return result;
  }

  Result<std::shared_ptr<arrow::DataType>> Type(const Value& type, std::string_view column) {
    if (type.is_string()) {
      return Primitive(type.get<std::string>(), column);
    }
    DATALAKE_TRY_ASSIGN(const std::string kind, json::GetString(type, "type", where_));
    if (kind == "struct") {
      DATALAKE_TRY_ASSIGN(auto fields, Fields(type, column));
      return arrow::struct_(std::move(fields));
    }
    if (kind == "array") {
      DATALAKE_TRY_ASSIGN(auto element, Child(type, "elementType", column));
      DATALAKE_TRY_ASSIGN(const auto nullable, json::FindBool(type, "containsNull", where_));
      return arrow::list(arrow::field("element", std::move(element), nullable.value_or(true)));
    }
    if (kind == "map") {
      DATALAKE_TRY_ASSIGN(auto key, Child(type, "keyType", column));
      DATALAKE_TRY_ASSIGN(auto item, Child(type, "valueType", column));
      DATALAKE_TRY_ASSIGN(const auto nullable, json::FindBool(type, "valueContainsNull", where_));
      return std::make_shared<arrow::MapType>(
          arrow::field("key", std::move(key), false),
          arrow::field("value", std::move(item), nullable.value_or(true)));
    }
    return UnsupportedType(column, kind);
  }

  Result<std::shared_ptr<arrow::DataType>> Child(const Value& type, std::string_view key,
                                                 std::string_view column) {
    const Value* child = json::Find(type, key);
    if (child == nullptr) {
      return Corrupt(fmt::format("{} is missing", key), column);
    }
    return Type(*child, column);
  }

  Result<std::shared_ptr<arrow::DataType>> Primitive(std::string_view name,
                                                     std::string_view column) {
    const std::pair<std::string_view, std::shared_ptr<arrow::DataType>> types[] = {
        {"string", arrow::utf8()},
        {"long", arrow::int64()},
        {"integer", arrow::int32()},
        {"short", arrow::int16()},
        {"byte", arrow::int8()},
        {"float", arrow::float32()},
        {"double", arrow::float64()},
        {"boolean", arrow::boolean()},
        {"binary", arrow::binary()},
        {"date", arrow::date32()},
        {"void", arrow::null()},
        {"timestamp", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")},
        {"timestamp_ntz", arrow::timestamp(arrow::TimeUnit::MICRO)}};
    for (const auto& [known, type] : types) {
      if (known == name) {
        return type;
      }
    }
    if (name.starts_with("decimal")) {
      return Decimal(name, column);
    }
    return UnsupportedType(column, name);
  }

  // "decimal(10,2)"; plain "decimal" is decimal(10,0) in Spark.
  Result<std::shared_ptr<arrow::DataType>> Decimal(std::string_view name, std::string_view column) {
    if (name == "decimal") {
      return arrow::decimal128(10, 0);
    }
    std::string digits(name.substr(7));
    std::erase(digits, ' ');
    int precision = 0;
    int scale = 0;
    const char* end = digits.data() + digits.size();
    if (digits.starts_with("(") && digits.ends_with(")")) {
      const auto first = std::from_chars(digits.data() + 1, end, precision);
      if (first.ec == std::errc() && *first.ptr == ',') {
        const auto second = std::from_chars(first.ptr + 1, end, scale);
        if (second.ec == std::errc() && *second.ptr == ')' && precision >= 1 &&
            precision <= kMaxDecimalPrecision && scale >= 0 && scale <= precision) {
          return arrow::decimal128(precision, scale);
        }
      }
    }
    return Corrupt(fmt::format("bad type {}", name), column);
  }

  const std::string_view where_;
};

Error BadName(std::string_view what, std::string_view column) {
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", what, column)};
}

std::string Lowered(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

Status CheckFieldNames(const arrow::FieldVector& fields, std::string_view parent, bool is_list) {
  std::set<std::string> seen;
  for (const auto& field : fields) {
    const std::string path = Dotted(parent, field->name());
    if (!is_list) {
      DATALAKE_TRY(CheckColumnName(field->name(), path));
      if (!seen.insert(Lowered(field->name())).second) {
        return BadName("column name is there twice (case does not count)", path);
      }
    }
    const bool is_repeated = field->type()->id() == Type::LIST || field->type()->id() == Type::MAP;
    if (field->type()->id() == Type::MAP) {
      const auto& map = static_cast<const arrow::MapType&>(*field->type());
      DATALAKE_TRY(CheckFieldNames({map.key_field(), map.item_field()}, path, is_repeated));
    } else {
      DATALAKE_TRY(CheckFieldNames(field->type()->fields(), path, is_repeated));
    }
  }
  return {};
}

}  // namespace

Status CheckColumnName(std::string_view name, std::string_view path) {
  if (name.empty()) {
    return BadName("column name is empty", path);
  }
  if (!text::IsValidUtf8(name)) {
    return BadName("column name is not valid UTF-8", path);
  }
  constexpr std::string_view kForbidden = " ,;{}()\n\t=";
  if (name.find_first_of(kForbidden) != std::string_view::npos) {
    return BadName("column name holds a blank, tab, line end or one of ,;{}()= ; rename it", path);
  }
  return {};
}

bool SameIgnoringCase(std::string_view a, std::string_view b) {
  return Lowered(a) == Lowered(b);
}

Result<std::shared_ptr<arrow::Schema>> ToDeltaSchema(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) {
    DATALAKE_TRY_ASSIGN(auto converted, ToDeltaField(*field, ""));
    fields.push_back(std::move(converted));
  }
  return arrow::schema(std::move(fields));
}

Result<std::string> SchemaToJson(const arrow::Schema& schema) {
  Value fields = Value::array();
  std::optional<Error> error;
  for (const auto& field : schema.fields()) {
    fields.push_back(FieldToJson(*field, error));
  }
  if (error.has_value()) {
    return *error;
  }
  return json::DumpValue(Value{{"type", "struct"}, {"fields", std::move(fields)}});
}

namespace {

// Puts the names of wider types into a type of the schemaString, where the two agree in shape.
void WidenTypeJson(Value& json, const arrow::DataType& type, std::optional<Error>& error) {
  if (!json.is_object()) {
    json = FieldToJson(arrow::Field("", type.GetSharedPtr()), error)["type"];
    return;
  }
  if (type.id() == Type::STRUCT) {
    Value& fields = json["fields"];
    for (int i = 0; i < type.num_fields() && i < static_cast<int>(fields.size()); ++i) {
      WidenTypeJson(fields[static_cast<std::size_t>(i)]["type"], *type.field(i)->type(), error);
    }
  } else if (type.id() == Type::LIST) {
    WidenTypeJson(json["elementType"], *type.field(0)->type(), error);
  } else if (type.id() == Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    WidenTypeJson(json["keyType"], *map.key_type(), error);
    WidenTypeJson(json["valueType"], *map.item_type(), error);
  }
}

}  // namespace

Result<std::string> ChangeSchemaJson(std::string_view schema_json, const SchemaChange& change,
                                     std::string_view where) {
  DATALAKE_TRY_ASSIGN(Value schema, json::ParseValue(schema_json, where));
  std::optional<Error> error;
  for (const auto& wide : change.widened) {
    for (Value& field : schema["fields"]) {
      if (field["name"] == wide->name()) {
        WidenTypeJson(field["type"], *wide->type(), error);
      }
    }
  }
  for (const auto& field : change.added) {
    schema["fields"].push_back(FieldToJson(*field->WithNullable(true), error));
  }
  if (error.has_value()) {
    return *error;
  }
  return json::DumpValue(schema);
}

Result<std::shared_ptr<arrow::Schema>> SchemaFromJson(std::string_view text,
                                                      std::string_view where) {
  auto value = json::ParseValue(text, where);
  if (!value) {
    return Error{ErrorCode::kCorruption, value.error().message};
  }
  auto fields = SchemaParser(where).Fields(*value, "");
  if (!fields) {
    Error error = std::move(fields).error();
    error.code = error.code == ErrorCode::kInvalidArgument ? ErrorCode::kCorruption : error.code;
    return error;
  }
  return arrow::schema(std::move(*fields));
}

Status CheckColumnNames(const arrow::Schema& schema) {
  return CheckFieldNames(schema.fields(), "", /*is_list=*/false);
}

}  // namespace datalake::table
