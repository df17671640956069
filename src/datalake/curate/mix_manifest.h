#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/unit_manifest.h"

namespace datalake::curate {

/// Where an output begins that is not the first of its shard: in the lines that come of one block.
struct MixPlace {
  std::uint64_t input = 0;  ///< of the shard
  std::uint64_t line = 0;   ///< 1-based: the first of the block
  std::uint64_t bytes = 0;  ///< of the block's lines that are in outputs before

  friend bool operator==(const MixPlace&, const MixPlace&) = default;
};

/// What the report of a run says of one output; kept in its manifest, so that a run that finds it
/// done says the same. Where a shard has several outputs: of all blocks that are wholly before the
/// next one.
struct MixShardFacts {
  MixCounts counts;  ///< with `rejected`
  std::vector<std::string> warnings;
  std::optional<MixPlace> next;  ///< of the next output; none: it is the last
};

/// The manifest of the outputs of a shard: its options are all of the stream that the bytes
/// depend on. Errors: kNotFound (an input), kIo.
Result<UnitManifest> MakeMixManifest(io::FileSystem& fs, const MixOptions& options,
                                     const MixShard& shard);

/// JSON text, and back. Errors: kCorruption, kInvalidArgument.
std::string MixFactsJson(const MixShardFacts& facts);
Result<MixShardFacts> ReadMixFacts(std::string_view json);

}  // namespace datalake::curate
