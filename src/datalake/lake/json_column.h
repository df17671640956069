#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::lake {

/// The values of a column as JSON text, members that are null left out; null stays null. Errors:
/// kUnsupported (types without JSON form), kResourceExhausted.
Result<std::shared_ptr<arrow::Array>> JsonColumn(const arrow::Array& column);

}  // namespace datalake::lake
