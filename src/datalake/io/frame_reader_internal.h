#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "datalake/io/compression.h"
#include "datalake/io/stream.h"

namespace datalake::io {

/// Makes a reader that decompresses from the bytes `head`, at `offset` in the file, and what
/// `input` has behind them.
using SerialReaderFactory = std::function<std::unique_ptr<InputStream>(
    std::unique_ptr<InputStream> input, std::string head, std::uint64_t offset)>;

/// Decompresses whole frames ahead, on free threads of `pool`, where their sizes can be told
/// without decompressing: zstd frames with a content size, gzip members with kGzipSizeId. From the
/// first frame on that is unusual or damaged it leaves the rest to the serial reader, so bytes and
/// errors are those that it would give. `pool` may be null and must outlive the reader.
std::unique_ptr<InputStream> MakeFrameReader(std::unique_ptr<InputStream> input, std::string head,
                                             Compression compression, ThreadPool* pool,
                                             SerialReaderFactory make_serial);

}  // namespace datalake::io
