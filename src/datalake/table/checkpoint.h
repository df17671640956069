#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/table/log_action.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::table {

/// Reads a checkpoint (PROTOCOL.md "Checkpoints"), one file or all parts of a multi-part one, by
/// any writer: columns that are missing or unknown do not matter. `root` resolves paths of data
/// files. With `scope` only files of partitions that have all its values are read, and no removals:
/// row groups without such a file cost the decoding of their partition values alone.
/// Errors: kCorruption naming the file, kUnsupported (deletion vectors), kIo.
Result<CommitActions> ReadCheckpoint(io::FileSystem& fs, std::string_view root,
                                     std::span<const std::string> paths,
                                     const PartitionValues* scope = nullptr);

/// The columns of the checkpoints that we write, with a mark in the metadata by which a reader
/// knows them: pages have checksums, but only this shows a changed name or type in a footer.
std::shared_ptr<arrow::Schema> CheckpointSchema();

/// Errors: kCorruption naming `where` when the mark is there and the columns are others.
Status CheckCheckpointSchema(const arrow::Schema& schema, std::string_view where);

/// Writes the checkpoint of `version` durably, then points `_last_checkpoint` at it. A checkpoint
/// of that version that is already there stays. Errors: kIo, kResourceExhausted.
Status WriteCheckpoint(io::FileSystem& fs, std::string_view root, std::int64_t version,
                       const CommitActions& actions);

}  // namespace datalake::table
