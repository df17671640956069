#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::table {

/// The schema that a Delta table has for `schema`, as Arrow types:
///   bool, int8..int64, float, double, string, binary, date32, decimal128(p<=38): kept
///   uint8 → int16, uint16 → int32, uint32 → int64, uint64 → decimal128(20, 0), half → float
///   large, view and fixed-size binary, large and view string → binary, string
///   every timestamp → timestamp(us, UTC), a naive one read as UTC, nanoseconds cut to microseconds
///   date64 → date32; null → string; dictionary → its values' type; every list → list; structs,
///   maps
/// A changed type is noted in the field's metadata `datalake.arrow_type` (and a naive timestamp
/// thus too). Other metadata and nullability are kept. Thread-safe. Errors: kUnsupported naming the
/// column: time, duration, interval, union, decimal256 and others.
Result<std::shared_ptr<arrow::Schema>> ToDeltaSchema(const arrow::Schema& schema);

/// The `schemaString` of a schema of ToDeltaSchema: Spark's JSON form of StructType.
/// Errors: kUnsupported naming the column.
Result<std::string> SchemaToJson(const arrow::Schema& schema);

/// The Arrow schema of a `schemaString`; `where` names its source. Types: string, long, integer,
/// short, byte, float, double, decimal(p,s), boolean, binary, date, timestamp, timestamp_ntz, void,
/// struct, array, map. Errors: kCorruption, kUnsupported (other types), naming the column.
Result<std::shared_ptr<arrow::Schema>> SchemaFromJson(std::string_view text,
                                                      std::string_view where);

/// Checks the names of all fields, nested ones too: not empty, unique ignoring case within their
/// struct, none of " ,;{}()\n\t=", valid UTF-8. Errors: kInvalidArgument naming the column.
Status CheckColumnNames(const arrow::Schema& schema);

}  // namespace datalake::table
