#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/table/log_state.h"
#include "datalake/table/table.h"

namespace datalake::table {

/// The schema in which rows of `rows` are written to a data file of the table: Delta types, widened
/// to those of the table's columns. Errors: kInvalidArgument (a partition column among them,
/// a name that differs in case only, types that disagree, a required column that is missing, a new
/// name that readers refuse), kUnsupported (type).
Result<std::shared_ptr<arrow::Schema>> FileSchemaFor(const arrow::Schema& rows,
                                                     const arrow::Schema& table,
                                                     const std::vector<std::string>& partitions);

/// Columns of `file` that `table` lacks. Errors: kInvalidArgument, as FileSchemaFor, when the two
/// do not go together (the table may have changed since the file was written).
Result<arrow::FieldVector> NewColumns(const arrow::Schema& file, const arrow::Schema& table);

/// Checks partition values: exactly the partition columns, allowed by `rule`, of their types.
/// Errors: kInvalidArgument naming the column.
Status CheckPartitionValues(const LogState& table, const PartitionValues& values,
                            PartitionValueRule rule);

/// Writes rows of one partition as data files of a table. Single-threaded. Files that were not
/// taken by Finish() are removed by the destructor.
class FileWriter {
 public:
  FileWriter(const TableEnvironment& environment, const TableOptions& options, std::string root,
             std::shared_ptr<arrow::Schema> schema);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  /// Sets the partition that all rows belong to; `partitions` in directory order.
  Status Start(const std::vector<std::string>& partitions, const PartitionValues& values);

  /// Appends rows, casting them to the file schema. Errors: those of CastColumn and ParquetWriter.
  Status Write(const arrow::RecordBatch& batch);

  /// Ends the last file and hands all over.
  Result<std::vector<StagedFile>> Finish();

 private:
  Status BeginFile();
  Status EndFile();

  const TableEnvironment environment_;
  const TableOptions options_;
  const std::string root_;
  const std::shared_ptr<arrow::Schema> schema_;
  PartitionValues values_;
  std::string folder_;  // relative, Hive-escaped
  std::unique_ptr<class OpenFile> open_;
  std::vector<StagedFile> finished_;
};

}  // namespace datalake::table
