#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::format {

/// Rows of an Arrow IPC file or stream, told apart by the first bytes; every batch is validated, so
/// that damage is an error and never a wild pointer. The reader is Single-threaded and holds the
/// file. Errors: kNotFound, kCorruption naming the file, kIo.
Result<std::shared_ptr<arrow::RecordBatchReader>> OpenArrowRows(io::FileSystem& fs,
                                                                std::string_view path);

/// Opens the rows of file number `i`.
using RowsOpener = std::function<Result<std::shared_ptr<arrow::RecordBatchReader>>(std::size_t i)>;

/// The rows of `count` files one after the other, each opened when its turn comes, with the columns
/// of `schema`: by name, cast where the type differs, null where a file has none. Single-threaded.
std::shared_ptr<arrow::RecordBatchReader> ConcatRows(std::shared_ptr<arrow::Schema> schema,
                                                     std::size_t count, RowsOpener open);

/// The schema that holds the rows of all files: columns in the order of their first appearance,
/// null with anything is that, integers of both signs and floats widen. Metadata is that of the
/// first. Errors: kInvalidArgument naming the column and the two files.
Result<std::shared_ptr<arrow::Schema>> UnifySchemas(
    const std::vector<std::shared_ptr<arrow::Schema>>& schemas,
    const std::vector<std::string>& files);

}  // namespace datalake::format
