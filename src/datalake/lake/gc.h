#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

struct GcOptions {
  bool apply = false;                                   ///< false: only says what there is to do
  std::chrono::seconds grace = std::chrono::hours{23};  ///< between condemning and sweeping
  std::chrono::seconds trash =
      std::chrono::hours{24 * 7};  ///< how long swept assets can be had back
  std::size_t threads = 0;         ///< 0: all cores
  std::uint64_t mark_memory_bytes = std::uint64_t{256} << 20;  ///< more assets: more passes
  std::size_t max_listed = 1000;                               ///< orphans named in the report
};

struct OrphanAsset {
  std::string sha256;
  std::string path;  ///< below assets/
  std::uint64_t size_bytes = 0;
};

/// What a run found and did. Counts of assets and of their bytes.
struct GcReport {
  bool applied = false;
  std::uint64_t stored = 0;  ///< assets in the store
  std::uint64_t orphans = 0;
  std::uint64_t orphan_bytes = 0;
  std::vector<OrphanAsset> listed;  ///< the first of them
  std::uint64_t condemned = 0;      ///< in this run
  std::uint64_t condemned_bytes = 0;
  std::uint64_t swept = 0;  ///< moved into the trash in this run
  std::uint64_t swept_bytes = 0;
  std::uint64_t spared = 0;   ///< condemned before, and linked again since
  std::uint64_t deleted = 0;  ///< from the trash, for good
  std::uint64_t deleted_bytes = 0;
  std::uint64_t trash = 0;  ///< in the trash at the end
  std::uint64_t trash_bytes = 0;
  std::uint64_t waiting = 0;  ///< condemned at the end
  std::uint64_t waiting_bytes = 0;
  std::optional<Timestamp> sweep_after;  ///< when the waiting ones may be swept
  std::string message;                   ///< why a step could not be taken now
};

/// Collects assets that no row of any version, collection or upload links: a first run condemns
/// them, a run after the grace period moves those still not linked into the trash, a later one
/// deletes them. Safe beside uploads and collections being saved (docs/formats/assets.md). Without
/// `apply` nothing changes. Errors: kCorruption (a file of rows cannot be read: then nothing is
/// condemned), kConflict (another collector was faster), kCancelled, kIo.
Result<GcReport> CollectGarbage(Lake& lake, const GcOptions& options, ProgressSink& progress,
                                std::stop_token stop);

/// The report as one JSON object.
std::string GcReportJson(const GcReport& report);

}  // namespace datalake::lake
