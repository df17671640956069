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

}  // namespace

bool SameDeltaType(const arrow::DataType& a, const arrow::DataType& b) {
  return a.num_fields() == 0 ? a.Equals(b) : CompareChildren(a, b, SameDeltaType);
}

bool CanWiden(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.num_fields() > 0) {
    return CompareChildren(from, to, CanWiden);
  }
  const int from_rank = IntegerRank(from.id());
  const bool is_wider_integer = from_rank > 0 && from_rank <= IntegerRank(to.id());
  const bool is_wider_float = from.id() == Type::FLOAT && to.id() == Type::DOUBLE;
  return is_wider_integer || is_wider_float || from.id() == Type::NA || from.Equals(to);
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
