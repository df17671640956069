#pragma once

#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/collections.h"

namespace datalake::lake {

/// The texts of metadata.json and lineage.json (docs/formats/collection.md).
std::string CollectionMetadataJson(const CollectionInfo& info, const arrow::Schema& schema);
std::string CollectionLineageJson(const CollectionInfo& info);

/// Reads metadata.json, ours or that of the seed's program, whose keys it has. `path` is left
/// empty. Errors: kInvalidArgument naming `where`.
Result<CollectionInfo> ParseCollectionMetadata(std::string_view text, std::string_view where);

}  // namespace datalake::lake
