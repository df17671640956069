#pragma once

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

// Tars of the WebDataset form (github.com/webdataset/webdataset), plain or compressed: members that
// follow each other and have one name up to the first dot of their base name are one row. Nothing
// is unpacked to disk and names lead nowhere: `..`, absolute names, links and devices are refused.

/// Reads all members' names, and the values of those that become plain columns, and decides one
/// schema for all files:
///   `__key__` string: the name up to the dot, folders included
///   `json`: as rows.h says of JSON; `txt`, `text`, `caption`: string; `cls`, `index`, `id`: int64
///     when all are, else string; in each case also with words before them (`a.json` → `a_json`)
///   all others: struct {bytes binary, path string}, named by what follows the dot, dots as `_`;
///     when no row has two pictures, the column of all pictures is `image`
/// Errors: kInvalidArgument (no members, a refused member, a name twice in a row, bad JSON or
/// UTF-8), kCorruption (broken tar or compression), kResourceExhausted (a member above 256 MiB, or
/// one that unpacks to more than 200 times the file's size), kIo; each names the file and the
/// member.
Result<std::shared_ptr<arrow::Schema>> InferTarSchema(io::FileSystem& fs,
                                                      const std::vector<std::string>& files);

/// Rows of one file with the columns of `schema`, one of InferTarSchema. `fs` must outlive the
/// reader, which holds at most some 32 MiB and one member. Errors: as InferTarSchema.
Result<std::shared_ptr<arrow::RecordBatchReader>> OpenTar(io::FileSystem& fs, std::string_view file,
                                                          std::shared_ptr<arrow::Schema> schema);

}  // namespace datalake::format
