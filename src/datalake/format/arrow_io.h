#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <arrow/io/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
class InputStream;
class OutputStream;
}  // namespace datalake::io

namespace datalake::format {

/// Arrow's view of one file of `fs`, read at random positions; holds the file open, not `fs`.
/// Errors met later come back through ArrowError with their own code. Thread-safe.
/// Errors: kNotFound, kIo.
Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrowFile(io::FileSystem& fs,
                                                                   std::string_view path);

/// Arrow's view of a stream, which it then owns; reads forward only. Single-threaded.
std::shared_ptr<arrow::io::InputStream> WrapInput(std::unique_ptr<io::InputStream> stream);

/// Arrow's view of a sink. `sink` must outlive it; Close() of the view leaves `sink` open, so that
/// the caller decides about publishing. With `buffer_bytes`, small writes (Parquet makes some fifty
/// for a file of one row) go to the sink together: all is there after Close() or Flush(), what an
/// abandoned view held is dropped. Single-threaded.
std::shared_ptr<arrow::io::OutputStream> WrapOutput(io::OutputStream& sink,
                                                    std::size_t buffer_bytes = 0);

}  // namespace datalake::format
