#pragma once

#include <string>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::query {

/// The DuckDB type, as SQL text, that a column of `type` is read as. Dictionaries are their values,
/// extension types their storage, the null type INTEGER. `column` is for the message. Thread-safe.
/// Errors: kUnsupported.
Result<std::string> DuckTypeName(const arrow::DataType& type, std::string_view column);

/// The type in which values of both fit, as DuckTypeName writes them; "" when only text takes both.
std::string CommonDuckType(const std::string& a, const std::string& b);

}  // namespace datalake::query
