#pragma once

#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/table/schema_merge.h"

namespace datalake::table {

/// Checks one name as CheckColumnNames does; `path` is how the message calls it.
Status CheckColumnName(std::string_view name, std::string_view path);

/// True when two names differ at most in the case of ASCII letters.
bool SameIgnoringCase(std::string_view a, std::string_view b);

/// The schemaString with the change made; everything else stays as it is, other writers' metadata
/// included. Errors: kUnsupported naming the column, kCorruption.
Result<std::string> ChangeSchemaJson(std::string_view schema_json, const SchemaChange& change,
                                     std::string_view where);

}  // namespace datalake::table
