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
/// ones, float into double, decimals into longer ones of their scale, anything into itself within
/// lists, maps and structs.
bool CanWiden(const arrow::DataType& from, const arrow::DataType& to);

/// The type that holds every value of both columns of a Delta table, which readers read from files
/// of either type (delta-interop rule 24, and trials of tests/compat/delta): equal types; the wider
/// of two integers, of float and double, of two decimals with one scale; the same within lists,
/// maps and structs with the same fields. nullptr when there is none.
std::shared_ptr<arrow::DataType> CommonDeltaType(const std::shared_ptr<arrow::DataType>& a,
                                                 const std::shared_ptr<arrow::DataType>& b);

/// True when columns of both types are one type to a Delta table: names of list elements and
/// metadata do not count, names of struct fields do.
bool SameDeltaType(const arrow::DataType& a, const arrow::DataType& b);

}  // namespace datalake::table
