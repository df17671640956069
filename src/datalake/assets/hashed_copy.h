#pragma once

#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/io/stream.h"

// Internal to assets/.
namespace datalake::assets {

/// Writes the rest of `source` to `file` and hashes it: a thread reads and writes while the caller
/// hashes, so a large file costs what its hash costs. Memory: 4 MiB. Both streams are used by one
/// thread at a time. Errors: those of the streams.
Status CopyHashed(io::InputStream& source, io::OutputStream& file, Sha256& hash);

}  // namespace datalake::assets
