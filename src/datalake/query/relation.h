#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::query {

/// One Parquet file of a relation.
struct DataFile {
  std::string path;  ///< as the operating system takes it; below a folder that the engine may read
  /// One value for each of the group's `partition_columns`; nothing is null.
  std::vector<std::optional<std::string>> partition_values = {};
  std::optional<std::uint64_t> xxh3 = {};  ///< XXH3-64 of the file, where it is known
};

/// Parquet files with one schema: a table version, or those partitions of it that are wanted.
/// A file may lack columns (null there) and have narrower types; what `schema` does not name is
/// not read. No footer is opened before the scan needs it.
struct FileGroup {
  std::shared_ptr<const arrow::Schema> schema;  ///< partition columns included
  std::vector<std::string> partition_columns =
      {};  ///< not in the files: `partition_values` has them
  std::vector<DataFile> files = {};
};

/// Opens rows for a scan that looks only at `columns` (numbers of the schema's fields): the batches
/// have all columns, but what is in the others does not matter.
using OpenBatches = std::function<Result<std::shared_ptr<arrow::RecordBatchReader>>(
    const std::vector<int>& columns)>;

/// Rows that come as Arrow batches. `open` is called once for every scan, from any thread, and may
/// be called again; what it refers to must live until the query's reader is gone.
struct BatchGroup {
  std::shared_ptr<const arrow::Schema> schema;
  OpenBatches open;
  /// Text columns with one value, not in `schema`; they count as partition columns.
  std::map<std::string, std::string> constants = {};
};

/// A BatchGroup over rows in memory; not copied.
BatchGroup MakeBatchGroup(std::shared_ptr<const arrow::Schema> schema,
                          std::vector<std::shared_ptr<arrow::RecordBatch>> batches);

/// Rows for SQL: the union of its groups by column name (ASCII case does not matter, the first
/// spelling stays), partition columns first, then the order of first appearance. A column that a
/// group lacks is null there. Where groups differ in type: integers and floats widen (integer with
/// float is DOUBLE), anything else becomes text (nested values as JSON). Row order is the order of
/// groups and files; where groups differ in type, files of the same types come together.
struct Relation {
  std::vector<FileGroup> files = {};
  std::vector<BatchGroup> batches = {};
};

struct NamedRelation {
  std::string name;
  Relation relation;
};

/// What one name in SQL stands for.
struct View {
  std::vector<NamedRelation> inputs = {};
  /// A SELECT over the inputs by their names, written by the program, never by users. Empty: all
  /// rows of the only input.
  std::string select = {};
};

/// A view over one relation.
View MakeView(Relation relation);

}  // namespace datalake::query
