#pragma once

#include <cstdint>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/random.h"
#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::lake {

/// Writes rows as WebDataset shards (github.com/webdataset/webdataset): a folder of 000000.tar …,
/// cut above `shard_bytes`. Row n is <n, 9 digits>.json with its columns and, for each column of
/// struct {bytes, path} that has bytes, <n>.<suffix> (<n>.<column>.<suffix> where there are several
/// such columns). The folder appears by one rename, whole and durable; its bytes are a function of
/// the rows. Returns their number. Errors: kAlreadyExists, kInvalidArgument (a column whose name
/// cannot be in a file name), kUnsupported (types), those of `rows`, kResourceExhausted, kIo.
Result<std::uint64_t> WriteWebDataset(io::FileSystem& fs, Random& random,
                                      std::string_view directory, arrow::RecordBatchReader& rows,
                                      std::uint64_t shard_bytes);

}  // namespace datalake::lake
