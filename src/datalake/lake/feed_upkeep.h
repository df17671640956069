#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::lake {

/// What the upkeep of a feed's table did.
struct FeedUpkeepReport {
  std::int64_t days_compacted = 0;
  std::int64_t files_removed = 0;  ///< small ones, put together
  std::int64_t files_added = 0;
  std::int64_t days_skipped = 0;  ///< others changed them meanwhile; the next run takes them
};

/// Puts the small files of each day before `before` (all days: "") together: the same rows and ids
/// in few files, a commit a day. Safe beside the feed's server. Errors: kNotFound (nothing was
/// sealed yet), those of table::CompactTable; kCancelled.
Result<FeedUpkeepReport> CompactFeed(Lake& lake, std::string_view feed, std::string_view before,
                                     ProgressSink& progress, std::stop_token stop);

}  // namespace datalake::lake
