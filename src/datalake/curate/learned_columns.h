#pragma once

#include <set>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/curate/attribute_columns.h"
#include "datalake/format/parquet.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// Keys of learned types: known when all rows were seen.
using LearnedKeys = std::set<std::string, std::less<>>;

/// The most columns that a file may get from them: each costs memory and a piece of every row
/// group.
inline constexpr std::size_t kMaxLearnedKeys = 4096;

/// Adds the keys of `rows`. Errors: kResourceExhausted (more than kMaxLearnedKeys).
Status AddLearnedKeys(const ColumnRows& rows, LearnedKeys& keys);

/// Writes the Parquet file `to` with what the Parquet file `from` has, whose last column is
/// kLearnedColumn: in its place a column a key of `keys`, by name. Memory is about one row group.
/// Errors: kIo, kResourceExhausted, kCorruption.
Status ExpandLearnedColumns(io::FileSystem& fs, std::string_view from, std::string_view to,
                            const LearnedKeys& keys, const format::ParquetWriteOptions& options);

}  // namespace datalake::curate
