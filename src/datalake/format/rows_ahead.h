#pragma once

#include <cstddef>
#include <memory>

#include <arrow/type_fwd.h>

namespace datalake::format {

/// Reads `rows` on a thread of its own, up to `batches` ahead of who reads them, so that making the
/// next rows and using these go on at once. `rows` is used by that thread alone until the result is
/// gone. An error comes in its place, and again after that. Single-threaded.
std::shared_ptr<arrow::RecordBatchReader> RowsAhead(std::shared_ptr<arrow::RecordBatchReader> rows,
                                                    std::size_t batches = 2);

}  // namespace datalake::format
