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
