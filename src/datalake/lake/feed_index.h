#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/id_index.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/record_checker.h"

namespace datalake::table {
class TableSnapshot;
}  // namespace datalake::table

namespace datalake::lake {

/// The key of an ingest_id in an IdIndex.
Hash128 IdKey(std::string_view ingest_id);

/// 0 for an anonymous record: no submitter_id, null, or an empty one.
std::uint64_t SubmitterHash(const std::optional<std::string>& submitter_id);

/// The entry of a record.
IdEntry EntryOf(const FeedRecord& record, const std::optional<std::string>& submitter_id);

/// Days since 1970-01-01 (UTC), and the first moment of such a day.
std::int32_t DayNumber(Timestamp time);
Timestamp DayStart(std::int32_t day);

/// Puts `entry` unless a newer version is there. Errors: kIo.
Status PutNewer(IdIndex& index, const Hash128& key, const IdEntry& entry);

/// One row of a feed's table, as the index wants it.
struct IndexedRow {
  Hash128 key;
  IdEntry entry;
  std::int64_t received_us = 0;
  std::uint64_t content_hash = 0;
  SubmissionHash submission = {};
};

enum class FeedTableKind : std::uint8_t { kRecords = 1, kQuarantine = 2 };

/// Visits every row of a feed's table, older versions included. Columns that a table of an older
/// program lacks count as empty. Cost: reads eight columns of all files. `checker` tells the
/// submitter of a quarantined record.
Status VisitIndexedRows(const LakeContext& context,
                        std::shared_ptr<const table::TableSnapshot> snapshot, FeedTableKind kind,
                        const RecordChecker& checker,
                        const std::function<Status(const IndexedRow&)>& visit);

}  // namespace datalake::lake
