#include "datalake/format/hf_features.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/format/arrow_status.h"
#include "datalake/json/value.h"

namespace datalake::format {
namespace {

using arrow::Type;
using json::Value;

Error NoFeature(const arrow::DataType& type) {
  return Error{ErrorCode::kUnsupported,
               fmt::format("column type has no Hugging Face feature: {}", type.ToString())};
}

Result<std::shared_ptr<arrow::Field>> ToHfField(const arrow::Field& field);

Result<std::shared_ptr<arrow::DataType>> ToHfType(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::DICTIONARY:
      return ToHfType(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case Type::EXTENSION:
      return ToHfType(*static_cast<const arrow::ExtensionType&>(type).storage_type());
    case Type::MAP: {
      DATALAKE_TRY_ASSIGN(auto entry, ToHfField(*type.field(0)));
      return arrow::list(entry);
    }
    case Type::LIST: {
      DATALAKE_TRY_ASSIGN(auto item, ToHfField(*type.field(0)));
      return arrow::list(item);
    }
    case Type::LARGE_LIST: {
      DATALAKE_TRY_ASSIGN(auto item, ToHfField(*type.field(0)));
      return arrow::large_list(item);
    }
    case Type::FIXED_SIZE_LIST: {
      DATALAKE_TRY_ASSIGN(auto item, ToHfField(*type.field(0)));
      return arrow::fixed_size_list(item,
                                    static_cast<const arrow::FixedSizeListType&>(type).list_size());
    }
    case Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& child : type.fields()) {
        DATALAKE_TRY_ASSIGN(auto field, ToHfField(*child));
        fields.push_back(std::move(field));
      }
      return arrow::struct_(std::move(fields));
    }
    default:
      return type.GetSharedPtr();
  }
}

Result<std::shared_ptr<arrow::Field>> ToHfField(const arrow::Field& field) {
  DATALAKE_TRY_ASSIGN(auto type, ToHfType(*field.type()));
  return arrow::field(field.name(), std::move(type));
}

std::string_view UnitName(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return "s";
    case arrow::TimeUnit::MILLI:
      return "ms";
    case arrow::TimeUnit::MICRO:
      return "us";
    default:
      return "ns";
  }
}

// As `_arrow_to_datasets_dtype` of the package names them.
Result<std::string> Dtype(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::NA:
    case Type::BOOL:
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
    case Type::UINT64:
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
      break;
    case Type::HALF_FLOAT:
      return "float16";
    case Type::FLOAT:
      return "float32";
    case Type::DOUBLE:
      return "float64";
    case Type::DATE32:
      return "date32";
    case Type::DATE64:
      return "date64";
    case Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      const std::string_view unit = UnitName(timestamp.unit());
      return timestamp.timezone().empty()
                 ? fmt::format("timestamp[{}]", unit)
                 : fmt::format("timestamp[{}, tz={}]", unit, timestamp.timezone());
    }
    case Type::TIME32:
    case Type::TIME64: {
      const auto unit = UnitName(static_cast<const arrow::TimeType&>(type).unit());
      return fmt::format("time{}[{}]", type.id() == Type::TIME32 ? 32 : 64, unit);
    }
    case Type::DURATION:
      return fmt::format("duration[{}]",
                         UnitName(static_cast<const arrow::DurationType&>(type).unit()));
    case Type::FIXED_SIZE_BINARY:
      return fmt::format("fixed_size_binary[{}]",
                         static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    default:
      return NoFeature(type);
  }
  return type.id() == Type::DECIMAL128 || type.id() == Type::DECIMAL256
             ? fmt::format("{}({}, {})", type.name(),
                           static_cast<const arrow::DecimalType&>(type).precision(),
                           static_cast<const arrow::DecimalType&>(type).scale())
         : type.name() == "utf8"       ? "string"
         : type.name() == "large_utf8" ? "large_string"
         : type.name() == "utf8_view"  ? "string_view"
                                       : type.name();
}

Result<Value> Feature(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::STRUCT: {
      Value members = Value::object();
      for (const auto& field : type.fields()) {
        DATALAKE_TRY_ASSIGN(members[field->name()], Feature(*field->type()));
      }
      return members;
    }
    case Type::LIST: {
      DATALAKE_TRY_ASSIGN(Value item, Feature(*type.field(0)->type()));
      Value list = Value::array();  // understood by every version; "List" only since 4
      list.push_back(std::move(item));
      return list;
    }
    case Type::LARGE_LIST: {
      DATALAKE_TRY_ASSIGN(Value item, Feature(*type.field(0)->type()));
      return Value{{"feature", std::move(item)}, {"_type", "LargeList"}};
    }
    case Type::FIXED_SIZE_LIST: {
      DATALAKE_TRY_ASSIGN(Value item, Feature(*type.field(0)->type()));
      const bool is_struct = type.field(0)->type()->id() == Type::STRUCT;
      return Value{{"feature", std::move(item)},
                   {"length", static_cast<const arrow::FixedSizeListType&>(type).list_size()},
                   {"_type", is_struct ? "List" : "Sequence"}};
    }
    default: {
      DATALAKE_TRY_ASSIGN(const std::string dtype, Dtype(type));
      return Value{{"dtype", dtype}, {"_type", "Value"}};
    }
  }
}

// The features that a schema read from a dataset carries, or null.
Value CarriedFeatures(const arrow::Schema& schema) {
  if (schema.metadata() == nullptr || !schema.metadata()->Contains("huggingface")) {
    return nullptr;
  }
  auto carried = json::ParseValue(*schema.metadata()->Get("huggingface"), "huggingface");
  const Value* info = carried ? json::Find(*carried, "info") : nullptr;
  const Value* features = info == nullptr ? nullptr : json::Find(*info, "features");
  return features == nullptr ? Value(nullptr) : *features;
}

// True when a carried feature is one that adds meaning to storage of this type.
bool Fits(const Value& feature, const arrow::DataType& type) {
  const Value* kind = json::Find(feature, "_type");
  if (kind == nullptr || !kind->is_string()) {
    return false;
  }
  const std::string& name = kind->get_ref<const std::string&>();
  if (name == "ClassLabel") {
    return type.id() == Type::INT64;
  }
  if (name == "Image" || name == "Audio" || name == "Video" || name == "Pdf") {
    const bool has_members = type.id() == Type::STRUCT && type.num_fields() == 2;
    return has_members && type.field(0)->name() == "bytes" && type.field(1)->name() == "path";
  }
  return false;
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> ToHfSchema(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) {
    auto converted = ToHfField(*field);
    if (!converted) {
      return WithContext(std::move(converted).error(), field->name());
    }
    fields.push_back(std::move(*converted));
  }
  return arrow::schema(std::move(fields), schema.metadata());
}

Result<std::shared_ptr<arrow::Array>> ToHfColumn(std::shared_ptr<arrow::Array> array,
                                                 const std::shared_ptr<arrow::DataType>& type) {
  if (array->type_id() == Type::EXTENSION) {
    array = static_cast<const arrow::ExtensionArray&>(*array).storage();
  }
  if (array->type()->Equals(*type)) {
    return array;
  }
  if (array->type_id() == Type::MAP) {
    // A map is laid out as the list of structs that it is.
    auto data = array->data()->Copy();
    data->type = arrow::list(array->type()->field(0));
    array = arrow::MakeArray(data);
    if (array->type()->Equals(*type)) {
      return array;
    }
  }
  return FromArrow(arrow::compute::Cast(*array, type), "cannot convert column");
}

Result<Value> HfFeatures(const arrow::Schema& schema) {
  const Value carried = CarriedFeatures(schema);
  Value features = Value::object();
  for (const auto& field : schema.fields()) {
    const Value* known = json::Find(carried, field->name());
    if (known != nullptr && Fits(*known, *field->type())) {
      features[field->name()] = *known;
      continue;
    }
    auto feature = Feature(*field->type());
    if (!feature) {
      return WithContext(std::move(feature).error(), field->name());
    }
    features[field->name()] = std::move(*feature);
  }
  return features;
}

}  // namespace datalake::format
