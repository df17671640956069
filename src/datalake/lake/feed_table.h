#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::wal {
class Wal;
struct SegmentInfo;
}  // namespace datalake::wal

namespace datalake::lake {

/// The counter under which the segments of a feed's WAL are committed: "<feed>/<shard>".
std::string FeedAppId(std::string_view feed);

/// Opens the table of a feed, made on first use. Errors: those of table::Table.
Result<std::unique_ptr<table::Table>> OpenFeedTable(const LakeContext& context,
                                                    std::string_view feed);

/// What became of one segment.
struct SealedSegment {
  std::uint64_t records = 0;
  std::int64_t version = -1;     ///< the table version made
  bool already_applied = false;  ///< its rows were in the table before
};

/// Puts the rows of a closed segment into the table: one Parquet file a day of receipt, one commit,
/// counted by the segment's last sequence number, so that doing it again adds nothing.
Result<SealedSegment> SealSegmentIntoTable(const wal::Wal& wal, const wal::SegmentInfo& segment,
                                           std::string_view feed, table::Table& table);

/// One record of the table: its row as it was sent.
struct StoredRecord {
  std::string body;
  Timestamp received;
};

/// Finds a version of a record in the partition of its day. Cost: reads the ids of that day's
/// files, then the bodies of one file. Errors: kNotFound, kCorruption, kIo.
Result<StoredRecord> ReadStoredRecord(const LakeContext& context, table::Table& table,
                                      std::string_view ingest_id, std::int64_t version,
                                      Timestamp received);

}  // namespace datalake::lake
