#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/table/snapshot.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::table {

struct DiffOptions {
  /// Columns that tell which rows are the same one; they must be unique within a version. None:
  /// a row is itself by all its columns, and none is "changed".
  std::vector<std::string> key = {};
  /// About the memory for keys. More rows than fit are compared in several passes over the files.
  std::uint64_t memory_bytes = 256ULL << 20;
};

struct DiffCounts {
  std::int64_t added = 0;
  std::int64_t removed = 0;
  std::int64_t changed = 0;  ///< rows with the same key and other values
  std::int64_t files_read = 0;
  std::int64_t files_skipped = 0;  ///< files that both versions have: their rows are not looked at
};

/// How two versions of a table differ, row by row. Single-threaded.
class TableDiff {
 public:
  virtual ~TableDiff() = default;

  /// The differing rows: `_change_type` (as Delta's change data feed has it: "insert", "delete",
  /// "update_preimage", "update_postimage"), then the columns of the newer schema; columns that
  /// only the older version has are left out, and do not count. Rows come in no particular order,
  /// the two images of a change not side by side. Errors come through the reader
  /// (format::ArrowError): kInvalidArgument (key not unique, naming the key), those of reading.
  virtual std::shared_ptr<arrow::RecordBatchReader> rows() = 0;

  /// What has been found so far; all of it when rows() is at its end.
  virtual DiffCounts counts() const = 0;
};

/// Compares two versions, in either order, of one table. Only files that are in one of them alone
/// are read, once or twice a pass. Rows are told apart by 128 bits of XXH3. Memory: options, and a
/// row group. `fs` must outlive the diff.
/// Errors: kNotFound (key column, naming the nearest), kInvalidArgument (two tables).
Result<std::unique_ptr<TableDiff>> DiffVersions(io::FileSystem& fs,
                                                std::shared_ptr<const TableSnapshot> from,
                                                std::shared_ptr<const TableSnapshot> to,
                                                const DiffOptions& options = {});

}  // namespace datalake::table
