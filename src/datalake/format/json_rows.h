#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/format/rows.h"

namespace datalake::format {

/// Reads all rows of the files (one JSON object a line, or one array of objects, compressed or not)
/// and decides one schema for them, as rows.h says. Errors: kInvalidArgument (broken JSON, a row
/// that is no object, more than 4096 columns; names file and line), kCorruption, kIo.
Result<std::shared_ptr<arrow::Schema>> InferJsonSchema(io::FileSystem& fs,
                                                       const std::vector<std::string>& files,
                                                       const RowsOptions& options);

/// Rows of one file with the columns of `schema`, which InferJsonSchema has made from it. `fs` must
/// outlive the reader. Errors: as InferJsonSchema.
Result<std::shared_ptr<arrow::RecordBatchReader>> OpenJson(io::FileSystem& fs,
                                                           std::string_view file,
                                                           std::shared_ptr<arrow::Schema> schema,
                                                           const RowsOptions& options);

}  // namespace datalake::format
