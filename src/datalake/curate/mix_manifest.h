#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/unit_manifest.h"

namespace datalake::curate {

/// What the report of a run says of one output; kept in its manifest, so that a run that finds it
/// done says the same.
struct MixShardFacts {
  MixCounts counts;  ///< with `rejected`
  std::vector<std::string> warnings;
};

/// The manifest of a shard with one output: its options are all of the stream that the bytes
/// depend on. Errors: kNotFound (an input), kIo.
Result<UnitManifest> MakeMixManifest(io::FileSystem& fs, const MixOptions& options,
                                     const MixShard& shard);

/// JSON text, and back. Errors: kCorruption, kInvalidArgument.
std::string MixFactsJson(const MixShardFacts& facts);
Result<MixShardFacts> ReadMixFacts(std::string_view json);

}  // namespace datalake::curate
