#pragma once

#include <memory>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::table {

/// `column` with the type `type`: exact, apart from timestamps finer than a microsecond, which are
/// cut, and naive ones, which are taken as UTC. Without a change the array itself. Thread-safe.
/// Errors: kInvalidArgument (a value does not fit), kUnsupported; both name the column.
Result<std::shared_ptr<arrow::Array>> CastColumn(std::shared_ptr<arrow::Array> column,
                                                 const std::shared_ptr<arrow::DataType>& type,
                                                 std::string_view name);

/// True when every value of `from` is a value of `to` too: equal types, integers into wider
/// ones, float into double, anything into itself within lists, maps and structs.
bool CanWiden(const arrow::DataType& from, const arrow::DataType& to);

/// True when columns of both types are one type to a Delta table: names of list elements and
/// metadata do not count, names of struct fields do.
bool SameDeltaType(const arrow::DataType& a, const arrow::DataType& b);

}  // namespace datalake::table
