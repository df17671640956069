#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/format/rows.h"

namespace datalake::format {

/// Reads all rows of the CSV files (RFC 4180, a header line each, UTF-8, compressed or not) and
/// decides one schema for them, as rows.h says. Errors: kInvalidArgument (broken CSV, header with a
/// repeated or empty name; names the file), kCorruption (truncated compression), kIo.
Result<std::shared_ptr<arrow::Schema>> InferCsvSchema(io::FileSystem& fs,
                                                      const std::vector<std::string>& files,
                                                      const RowsOptions& options);

/// Rows of one file with the columns of `schema`; columns that the file lacks are null. `fs` must
/// outlive the reader. Errors: as InferCsvSchema.
Result<std::shared_ptr<arrow::RecordBatchReader>> OpenCsv(
    io::FileSystem& fs, std::string_view file, const std::shared_ptr<arrow::Schema>& schema,
    const RowsOptions& options);

}  // namespace datalake::format
