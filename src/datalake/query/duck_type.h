#pragma once

#include <memory>
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

/// The struct with the members of both, those of `a` first, or a list of such: how columns of two
/// tables come together where one has members more. Null when a member of one name has two types,
/// or they are not both structs or both lists of structs.
std::shared_ptr<arrow::DataType> CommonStruct(const std::shared_ptr<arrow::DataType>& a,
                                              const std::shared_ptr<arrow::DataType>& b);

}  // namespace datalake::query
