#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

// Of arrow/c/abi.h; its users include that header.
struct ArrowArrayStream;

namespace datalake::format {

/// Rows handed to us through the Arrow C stream interface
/// (https://arrow.apache.org/docs/format/CStreamInterface.html), without a copy. Takes over
/// `stream`, also on an error. Errors: kInvalidArgument, kUnsupported (a type Arrow does not know).
Result<std::shared_ptr<arrow::RecordBatchReader>> ImportRows(ArrowArrayStream* stream);

/// Hands `rows` out the same way, without a copy; they live until the consumer releases `out`.
/// Errors: kInternal.
Status ExportRows(std::shared_ptr<arrow::RecordBatchReader> rows, ArrowArrayStream* out);

}  // namespace datalake::format
