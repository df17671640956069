#pragma once

#include <string>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/media_facts.h"
#include "datalake/lake/upload.h"

namespace datalake::lake {

/// What is wrong with an asset in a column of this kind: it looks broken, is no picture, or is one
/// of more pixels than anybody should decode. "" when nothing is.
std::string AssetProblem(const assets::AssetInfo& info, AssetColumnKind kind);

/// The same before it is put.
std::string AssetProblem(const assets::MediaFacts& facts, AssetColumnKind kind);

/// The problem of an asset that was taken down.
inline constexpr const char* kTakenDown = "asset was taken down";

}  // namespace datalake::lake
