#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/id_index.h"
#include "datalake/lake/lake.h"

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

/// Puts `entry` unless a newer version is there.
void PutNewer(IdIndex& index, const Hash128& key, const IdEntry& entry);

/// Adds every record of the table's newest version. Cost: reads five columns of all files.
Status IndexTable(const LakeContext& context, std::shared_ptr<const table::TableSnapshot> snapshot,
                  IdIndex& index);

}  // namespace datalake::lake
