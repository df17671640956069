#include "datalake/table/file_bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <arrow/scalar.h>
#include <arrow/type.h>
#include <nlohmann/json.hpp>

#include "datalake/base/clock.h"
#include "datalake/json/value.h"
#include "datalake/table/partition_path.h"

namespace datalake::table {
namespace {

using arrow::Type;
using json::Value;

template <typename ScalarType>
std::shared_ptr<arrow::Scalar> Integer(const Value& value) {
  using Number = typename ScalarType::ValueType;
  if (!value.is_number_integer()) {
    return nullptr;
  }
  const auto number = value.get<std::int64_t>();
  const bool is_too_big =
      value.is_number_unsigned() &&
      value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<Number>::max());
  if (is_too_big || number < std::numeric_limits<Number>::min() ||
      number > std::numeric_limits<Number>::max()) {
    return nullptr;
  }
  return std::make_shared<ScalarType>(static_cast<Number>(number));
}

std::shared_ptr<arrow::Scalar> Date(const std::string& text) {
  const auto parsed = ParsePartitionValue(arrow::Field("", arrow::date32()), text);
  return parsed && (*parsed)->is_valid ? *parsed : nullptr;
}

std::shared_ptr<arrow::Scalar> Time(const std::string& text) {
  const auto time = ParseTimestamp(text);
  if (!time) {
    return nullptr;
  }
  return std::make_shared<arrow::TimestampScalar>(time->time_since_epoch().count(),
                                                  arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
}

std::shared_ptr<arrow::Scalar> ToScalar(const Value& value, const arrow::DataType& type) {
  switch (type.id()) {
    case Type::INT8:
      return Integer<arrow::Int8Scalar>(value);
    case Type::INT16:
      return Integer<arrow::Int16Scalar>(value);
    case Type::INT32:
      return Integer<arrow::Int32Scalar>(value);
    case Type::INT64:
      return Integer<arrow::Int64Scalar>(value);
    case Type::FLOAT:
      return value.is_number() ? std::make_shared<arrow::FloatScalar>(value.get<float>()) : nullptr;
    case Type::DOUBLE:
      return value.is_number() ? std::make_shared<arrow::DoubleScalar>(value.get<double>())
                               : nullptr;
    case Type::STRING:
      return value.is_string() ? std::make_shared<arrow::StringScalar>(value.get<std::string>())
                               : nullptr;
    case Type::DATE32:
      return value.is_string() ? Date(value.get<std::string>()) : nullptr;
    case Type::TIMESTAMP:
      return value.is_string() ? Time(value.get<std::string>()) : nullptr;
    default:
      return nullptr;
  }
}

template <typename ScalarType>
std::partial_ordering Compare(const arrow::Scalar& a, const arrow::Scalar& b) {
  return static_cast<const ScalarType&>(a).value <=> static_cast<const ScalarType&>(b).value;
}

const Value* FindPath(const Value* object, std::span<const std::string> path) {
  for (const std::string& name : path) {
    object = object == nullptr || !object->is_object() ? nullptr : json::Find(*object, name);
  }
  return object;
}

}  // namespace

struct FileBounds::State {
  const TableSnapshot& snapshot;
  const TableFile& file;
  Value stats;

  const Value* Find(std::string_view part, std::span<const std::string> path) const {
    const Value* object = stats.is_object() ? json::Find(stats, part) : nullptr;
    return FindPath(object, path);
  }
};

FileBounds::FileBounds(const TableSnapshot& snapshot, const TableFile& file)
    : state_(std::make_unique<State>(snapshot, file, Value())) {
  if (auto stats = json::ParseValue(file.stats_json, "stats")) {
    state_->stats = std::move(*stats);
  }
}

FileBounds::~FileBounds() = default;

ColumnBounds FileBounds::Of(std::span<const std::string> path) const {
  ColumnBounds bounds;
  std::shared_ptr<arrow::Field> field =
      path.empty() ? nullptr : state_->snapshot.schema()->GetFieldByName(path.front());
  if (field == nullptr) {
    return bounds;
  }
  const auto& partitions = state_->snapshot.partition_columns();
  if (std::find(partitions.begin(), partitions.end(), field->name()) != partitions.end()) {
    const auto found = state_->file.partition_values.find(field->name());
    const auto text = found == state_->file.partition_values.end() ? std::nullopt : found->second;
    const auto value = ParsePartitionValue(*field, text);
    if (path.size() > 1 || !value) {
      return bounds;
    }
    const bool is_null = !(*value)->is_valid;
    bounds.null_count = is_null ? num_rows() : std::optional<std::int64_t>(0);
    bounds.min = is_null ? nullptr : *value;
    bounds.max = bounds.min;
    return bounds;
  }
  for (const std::string& name : path.subspan(1)) {
    field = field->type()->id() == Type::STRUCT
                ? static_cast<const arrow::StructType&>(*field->type()).GetFieldByName(name)
                : nullptr;
    if (field == nullptr) {
      return bounds;
    }
  }
  if (const Value* min = state_->Find("minValues", path)) {
    bounds.min = ToScalar(*min, *field->type());
  }
  if (const Value* max = state_->Find("maxValues", path)) {
    bounds.max = ToScalar(*max, *field->type());
  }
  const Value* nulls = state_->Find("nullCount", path);
  if (nulls != nullptr && nulls->is_number_integer()) {
    bounds.null_count = nulls->get<std::int64_t>();
  }
  return bounds;
}

std::optional<std::int64_t> FileBounds::num_rows() const {
  return state_->file.num_rows >= 0 ? std::optional(state_->file.num_rows) : std::nullopt;
}

std::partial_ordering CompareScalars(const arrow::Scalar& a, const arrow::Scalar& b) {
  if (!a.is_valid || !b.is_valid || !a.type->Equals(*b.type)) {
    return std::partial_ordering::unordered;
  }
  switch (a.type->id()) {
    case Type::INT8:
      return Compare<arrow::Int8Scalar>(a, b);
    case Type::INT16:
      return Compare<arrow::Int16Scalar>(a, b);
    case Type::INT32:
      return Compare<arrow::Int32Scalar>(a, b);
    case Type::INT64:
      return Compare<arrow::Int64Scalar>(a, b);
    case Type::FLOAT:
      return Compare<arrow::FloatScalar>(a, b);
    case Type::DOUBLE:
      return Compare<arrow::DoubleScalar>(a, b);
    case Type::DATE32:
      return Compare<arrow::Date32Scalar>(a, b);
    case Type::TIMESTAMP:
      return Compare<arrow::TimestampScalar>(a, b);
    case Type::STRING:
      return static_cast<const arrow::StringScalar&>(a).view() <=>
             static_cast<const arrow::StringScalar&>(b).view();
    default:
      return std::partial_ordering::unordered;
  }
}

std::shared_ptr<arrow::Scalar> ScalarFromJson(std::string_view json, const arrow::DataType& type) {
  const auto value = json::ParseValue(json, "value");
  return value ? ToScalar(*value, type) : nullptr;
}

}  // namespace datalake::table
