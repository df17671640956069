#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/record_checker.h"

namespace datalake::wal {
class Wal;
struct SegmentInfo;
}  // namespace datalake::wal

namespace datalake::lake {

/// The counter under which the segments of a feed's WAL are committed: "<feed>/<shard>".
std::string FeedAppId(std::string_view feed);

/// The table of records that were not let in: feeds/<feed>/quarantine.
TableName QuarantineTableName(std::string_view feed);

/// The tables of one feed. Thread-safe but for Quarantine(), which one thread calls at a time.
class FeedTables {
 public:
  /// Opens the table of records, made on first use. `context` must outlive it.
  /// Errors: those of table::Table.
  static Result<FeedTables> Open(const LakeContext& context, const FeedDefinition& definition);
  ~FeedTables();
  FeedTables(FeedTables&&) noexcept;
  FeedTables& operator=(FeedTables&&) noexcept;

  table::Table& records() const { return *records_; }

  /// Null when nothing was ever quarantined.
  table::Table* quarantine() const { return quarantine_.get(); }

  /// As quarantine(), made on first use.
  Result<table::Table*> MakeQuarantine();

 private:
  FeedTables(const LakeContext& context, std::string feed, std::unique_ptr<table::Table> records);

  const LakeContext* context_;
  std::string feed_;
  std::unique_ptr<table::Table> records_;
  std::unique_ptr<table::Table> quarantine_;
};

/// What became of one segment.
struct SealedSegment {
  std::uint64_t records = 0;      ///< into the feed's table
  std::uint64_t quarantined = 0;  ///< into the quarantine table
  std::int64_t withdrawn = 0;     ///< rows that withdrawals took out of tables and segment
  std::int64_t version = -1;      ///< the version made of the feed's table
  bool already_applied = false;   ///< its rows were in the table before
};

/// Puts the rows of a closed segment into the tables: one Parquet file a day of receipt, one commit
/// a table, counted by the segment's last sequence number, so that doing it again changes nothing.
/// Withdrawals take older rows out in the same commit.
Result<SealedSegment> SealSegmentIntoTables(const wal::Wal& wal, const wal::SegmentInfo& segment,
                                            const RecordChecker& checker, FeedTables& tables);

/// Takes the partitions of days before `first_day` ("2026-01-31") out of both tables, one commit
/// each; returns how many files. The bytes stay in older versions until a vacuum.
Result<std::size_t> DropDaysBefore(FeedTables& tables, std::string_view first_day);

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
