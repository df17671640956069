#pragma once

#include <map>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/json/value.h"
#include "datalake/lake/collections.h"

namespace datalake::lake {

/// SHA-256 of the files beside the rows, by their path in the version's folder.
using FileHashes = std::map<std::string, std::string>;

/// The texts of metadata.json and lineage.json (docs/formats/collection.md).
std::string CollectionMetadataJson(const CollectionInfo& info, const arrow::Schema& schema,
                                   const FileHashes& files);
std::string CollectionLineageJson(const CollectionInfo& info);

/// The text of metadata.json for these members: with `files`, and a checksum of all of it.
std::string SealCollectionMetadata(json::Value members, const FileHashes& files);

/// The `files` of a metadata.json; none in those of other programs. Errors: as
/// ParseCollectionMetadata.
Result<FileHashes> ParseFileHashes(std::string_view text, std::string_view where);

/// Reads metadata.json, ours or that of the seed's program, whose keys it has. `path` is left
/// empty. Errors: kInvalidArgument naming `where`; kCorruption (it has a checksum, of another
/// text).
Result<CollectionInfo> ParseCollectionMetadata(std::string_view text, std::string_view where);

}  // namespace datalake::lake
