#pragma once

#include <cstdint>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/lake/collection_json.h"
#include "datalake/lake/collections.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::lake {

/// Collections up to this size are compared with their content hash whenever they are opened:
/// Arrow's files have no checksums of their own. Larger ones by `verify --deep`.
inline constexpr std::uint64_t kMaxCheckedCollectionBytes = std::uint64_t{8} << 20;

/// Compares the data files of a version with the `content_sha256` of its metadata, where it has one
/// and `size_bytes` is at most `max_bytes`. Errors: kCorruption naming the version, kIo.
Status CheckCollectionContent(io::FileSystem& fs, const CollectionInfo& info,
                              std::uint64_t max_bytes = UINT64_MAX);

/// The hashes of the files beside the rows in the folder of a version: all but metadata.json and
/// what ends in ".arrow" or is larger than 16 MiB. Errors: kIo.
Result<FileHashes> HashSideFiles(io::FileSystem& fs, std::string_view folder);

/// Compares these files with the `files` of the version's metadata, where it has them. Errors:
/// kCorruption naming the first that is missing or changed, kIo.
Status CheckSideFiles(io::FileSystem& fs, const CollectionInfo& info);

}  // namespace datalake::lake
