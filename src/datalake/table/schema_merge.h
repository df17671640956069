#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::table {

/// The schema in which rows of `rows` are written to a data file of the table: Delta types, widened
/// to those of the table's columns, or wider than them where the table's column can be widened.
/// Errors: kInvalidArgument with both schemas (a partition column among them, a name that differs
/// in case only, types that disagree, a required column that is missing, a new name that readers
/// refuse), kUnsupported (type).
Result<std::shared_ptr<arrow::Schema>> FileSchemaFor(const arrow::Schema& rows,
                                                     const arrow::Schema& table,
                                                     const std::vector<std::string>& partitions);

/// What a table's schema must become before a file can be part of it.
struct SchemaChange {
  arrow::FieldVector added = {};    ///< new columns, nullable
  arrow::FieldVector widened = {};  ///< columns of the table with their wider types

  bool empty() const { return added.empty() && widened.empty(); }
};

/// The change that `file`, a schema of FileSchemaFor, asks of `table`: none for columns that are
/// narrower than the table's. Errors: kInvalidArgument, as FileSchemaFor, when the two do not go
/// together (the table may have changed since the file was written).
Result<SchemaChange> SchemaChangeFor(const arrow::Schema& file, const arrow::Schema& table);

/// `table` with the change made.
std::shared_ptr<arrow::Schema> ApplyChange(const arrow::Schema& table, const SchemaChange& change);

}  // namespace datalake::table
