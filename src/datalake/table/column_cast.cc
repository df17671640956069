#include "datalake/table/column_cast.h"

#include <utility>

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/datum.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"

namespace datalake::table {
namespace {

using arrow::Type;

// Rank among the signed integers; 0 for other types.
int IntegerRank(Type::type id) {
  switch (id) {
    case Type::INT8:
      return 1;
    case Type::INT16:
      return 2;
    case Type::INT32:
      return 3;
    case Type::INT64:
      return 4;
    default:
      return 0;
  }
}

template <typename Compare>
bool CompareChildren(const arrow::DataType& a, const arrow::DataType& b, Compare compare) {
  if (a.id() != b.id() || a.num_fields() != b.num_fields()) {
    return false;
  }
  for (int i = 0; i < a.num_fields(); ++i) {
    const bool same_name = a.id() != Type::STRUCT || a.field(i)->name() == b.field(i)->name();
    if (!same_name || !compare(*a.field(i)->type(), *b.field(i)->type())) {
      return false;
    }
  }
  return true;
}

// The type of CommonDeltaType for lists, maps and structs; names are those of `b`.
std::shared_ptr<arrow::DataType> CommonNested(const arrow::DataType& a, const arrow::DataType& b) {
  if (a.id() != b.id() || a.num_fields() != b.num_fields()) {
    return nullptr;
  }
  arrow::FieldVector fields;
  for (int i = 0; i < a.num_fields(); ++i) {
    const bool same_name = a.id() != Type::STRUCT || a.field(i)->name() == b.field(i)->name();
    auto type = same_name ? CommonDeltaType(a.field(i)->type(), b.field(i)->type()) : nullptr;
    if (type == nullptr) {
      return nullptr;
    }
    fields.push_back(b.field(i)->WithType(std::move(type)));
  }
  switch (a.id()) {
    case Type::STRUCT:
      return arrow::struct_(std::move(fields));
    case Type::LIST:
      return arrow::list(fields.front());
    case Type::MAP: {
      const auto& entry = *fields.front()->type();
      return std::make_shared<arrow::MapType>(entry.field(0), entry.field(1));
    }
    default:
      return nullptr;
  }
}

}  // namespace

bool SameDeltaType(const arrow::DataType& a, const arrow::DataType& b) {
  return a.num_fields() == 0 ? a.Equals(b) : CompareChildren(a, b, SameDeltaType);
}

std::shared_ptr<arrow::DataType> CommonDeltaType(const std::shared_ptr<arrow::DataType>& a,
                                                 const std::shared_ptr<arrow::DataType>& b) {
  if (a->num_fields() > 0) {
    return CommonNested(*a, *b);
  }
  if (a->Equals(*b)) {
    return a;
  }
  const int a_rank = IntegerRank(a->id());
  const int b_rank = IntegerRank(b->id());
  if (a_rank > 0 && b_rank > 0) {
    return a_rank > b_rank ? a : b;
  }
  if ((a->id() == Type::FLOAT && b->id() == Type::DOUBLE) ||
      (a->id() == Type::DOUBLE && b->id() == Type::FLOAT)) {
    return arrow::float64();
  }
  if (a->id() == Type::DECIMAL128 && b->id() == Type::DECIMAL128) {
    const auto& one = static_cast<const arrow::DecimalType&>(*a);
    const auto& other = static_cast<const arrow::DecimalType&>(*b);
    if (one.scale() == other.scale()) {
      return one.precision() > other.precision() ? a : b;
    }
  }
  return nullptr;
}

bool CanWiden(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.num_fields() > 0) {
    return CompareChildren(from, to, CanWiden);
  }
  const int from_rank = IntegerRank(from.id());
  const bool is_wider_integer = from_rank > 0 && from_rank <= IntegerRank(to.id());
  const bool is_wider_float = from.id() == Type::FLOAT && to.id() == Type::DOUBLE;
  const bool is_wider_decimal = from.id() == Type::DECIMAL128 && to.id() == Type::DECIMAL128 &&
                                static_cast<const arrow::DecimalType&>(from).scale() ==
                                    static_cast<const arrow::DecimalType&>(to).scale() &&
                                static_cast<const arrow::DecimalType&>(from).precision() <=
                                    static_cast<const arrow::DecimalType&>(to).precision();
  return is_wider_integer || is_wider_float || is_wider_decimal || from.id() == Type::NA ||
         from.Equals(to);
}

Result<std::shared_ptr<arrow::Array>> CastColumn(std::shared_ptr<arrow::Array> column,
                                                 const std::shared_ptr<arrow::DataType>& type,
                                                 std::string_view name) {
  if (column->type_id() == Type::EXTENSION) {
    column = static_cast<const arrow::ExtensionArray&>(*column).storage();
  }
  if (column->type()->Equals(*type)) {
    return column;
  }
  auto options = arrow::compute::CastOptions::Safe(type);
  options.allow_time_truncate = true;
  auto cast = arrow::compute::Cast(*column, type, options);
  if (!cast.ok()) {
    return format::ArrowError(cast.status(),
                              fmt::format("cannot store column {} as {}", name, type->ToString()));
  }
  return std::move(cast).ValueUnsafe();
}

}  // namespace datalake::table
