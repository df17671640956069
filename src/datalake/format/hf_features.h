#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/json/value.h"

namespace datalake::format {

/// The types in which Hugging Face `datasets` keeps `schema`: dictionaries become their values,
/// extension types their storage, maps lists of structs of key and value; all others stay.
/// Errors: kUnsupported naming the column.
Result<std::shared_ptr<arrow::Schema>> ToHfSchema(const arrow::Schema& schema);

/// `array` with a type of ToHfSchema. Errors: kResourceExhausted, kUnsupported.
Result<std::shared_ptr<arrow::Array>> ToHfColumn(std::shared_ptr<arrow::Array> array,
                                                 const std::shared_ptr<arrow::DataType>& type);

/// The `features` of a schema of ToHfSchema, in the oldest form that means the same to versions 2
/// to 5 of `datasets`. Features of the schema's metadata `huggingface` are kept for columns whose
/// storage they fit. Errors: kUnsupported naming the column.
Result<json::Value> HfFeatures(const arrow::Schema& schema);

}  // namespace datalake::format
