#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "datalake/base/result.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/record_checker.h"

namespace datalake::table {
class TableSnapshot;
}  // namespace datalake::table

namespace datalake::lake {

/// Visits the quarantined records that `mode` lets in, as the WAL would carry them; views are valid
/// during the visit. Returns how many there are in all. Errors: kCorruption, kIo, those of `visit`.
Result<std::uint64_t> VisitQuarantine(
    const LakeContext& context, std::shared_ptr<const table::TableSnapshot> snapshot,
    const RecordChecker& checker, ReplayMode mode,
    const std::function<Status(FeedRecord record, const CheckedRecord& checked)>& visit);

}  // namespace datalake::lake
