#pragma once

#include <memory>
#include <span>
#include <string>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/table/snapshot.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::table {

/// Rows of a version, file after file, with the snapshot's types: partition columns filled from the
/// log, columns that a file lacks as null, columns that the schema does not know left out.
/// `columns` in the order wanted; empty means all. Memory is about one row group. `fs` must outlive
/// the reader, which keeps the snapshot. The reader is Single-threaded; what goes wrong later
/// comes through it with the file's name (format::ArrowError).
/// Errors: kNotFound (column, naming the nearest).
Result<std::shared_ptr<arrow::RecordBatchReader>> ReadTable(
    io::FileSystem& fs, std::shared_ptr<const TableSnapshot> snapshot,
    std::span<const std::string> columns = {});

/// As ReadTable, of some files of the snapshot only.
Result<std::shared_ptr<arrow::RecordBatchReader>> ReadTableFiles(
    io::FileSystem& fs, std::shared_ptr<const TableSnapshot> snapshot,
    std::span<const TableFilePtr> files, std::span<const std::string> columns = {});

}  // namespace datalake::table
