#include "datalake/lake/feed_table.h"

#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_rows.h"
#include "datalake/lake/withdrawn_rows.h"
#include "datalake/table/delete_rows.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/wal/wal.h"

namespace datalake::lake {
namespace {

constexpr int kMaxCommitAttempts = 20;
constexpr std::string_view kQuarantineTask = "quarantine";

// Rows of each day of receipt.
using Days = std::map<std::string, std::int64_t>;

// What a segment holds, counted by where it goes.
struct SegmentRows {
  LogStretch stretch;
  Days records;
  Days quarantine;
  WithdrawalFilter withdrawals;
  std::set<RecordVersion> released;
  SealedSegment counts;

  // Whether the record is taken away by a withdrawal behind it.
  bool IsWithdrawn(std::uint64_t sequence, const FeedRecord& record,
                   const RecordChecker& checker) const {
    const auto submitter = [&] { return checker.Check(record.body).submitter_id; };
    return !withdrawals.empty() &&
           withdrawals.Takes(sequence, record.ingest_id, record.receipt, submitter);
  }
};

// Withdrawals first: they reach back to records that stand before them.
Status ReadWithdrawals(const wal::Wal& wal, const wal::SegmentInfo& segment,
                       WithdrawalFilter& withdrawals) {
  return wal.ReadSegment(segment, [&](const wal::Record& record) -> Status {
    if (!IsWithdrawal(record.payload)) {
      return {};
    }
    return ForEachFeedEntry(record.payload, [&](const FeedEntry& entry) -> Status {
      withdrawals.Add(record.sequence, std::get<Withdrawal>(entry));
      return {};
    });
  });
}

// Also reads every byte and checks it: rows are read again when they are written.
Result<SegmentRows> CountRows(io::FileSystem& fs, const wal::Wal& wal,
                              const wal::SegmentInfo& segment, const RecordChecker& checker) {
  SegmentRows rows;
  DATALAKE_TRY_ASSIGN(rows.stretch.file, fs.OpenRandomAccess(segment.path));
  rows.stretch.path = segment.path;
  rows.stretch.last_sequence = segment.last_sequence;
  DATALAKE_TRY(ReadWithdrawals(wal, segment, rows.withdrawals));
  const auto add = [&](std::uint64_t sequence, const FeedRecord& record) {
    if (rows.IsWithdrawn(sequence, record, checker)) {
      ++rows.counts.withdrawn;
      return;
    }
    if (record.place == RecordPlace::kReleased) {
      rows.released.emplace(std::string(record.ingest_id), record.version);
    }
    const bool to_quarantine = record.place == RecordPlace::kQuarantine;
    ++(to_quarantine ? rows.counts.quarantined : rows.counts.records);
    ++(to_quarantine ? rows.quarantine : rows.records)[FormatDay(record.received)];
  };
  DATALAKE_TRY(wal.ReadSegment(segment, [&](const wal::Record& record) -> Status {
    return ForEachFeedEntry(record.payload, [&](const FeedEntry& entry) -> Status {
      if (const auto* one = std::get_if<FeedRecord>(&entry)) {
        add(record.sequence, *one);
      }
      return {};
    });
  }));
  return rows;
}

// The rows of one day, without the column of the day, which is in the path and the table's log.
std::shared_ptr<arrow::RecordBatchReader> RowsOfDay(const SegmentRows& rows, bool quarantined,
                                                    const std::string& day,
                                                    const RecordChecker& checker) {
  const auto all = quarantined ? QuarantineSchema() : FeedSchema(checker.definition());
  const arrow::FieldVector& fields = all->fields();
  return ReadFeedRows(
      {.stretches = {rows.stretch},
       .wants =
           [&rows, &checker, quarantined, day](std::uint64_t sequence, const FeedRecord& record) {
             return (record.place == RecordPlace::kQuarantine) == quarantined &&
                    FormatDay(record.received) == day &&
                    !rows.IsWithdrawn(sequence, record, checker);
           },
       .make_builder =
           [&checker, quarantined] {
             return quarantined ? FeedBatchBuilder::ForQuarantine()
                                : FeedBatchBuilder::ForFeed(checker.definition());
           },
       .schema = arrow::schema(arrow::FieldVector(fields.begin(), fields.end() - 1))});
}

table::PartitionValues PartitionOf(const TableName& name, const std::string& day) {
  return {
      {"provider", name.provider}, {"dataset", name.dataset}, {"task", name.task}, {"day", day}};
}

// One table's share of a segment.
struct Share {
  table::Table& table;
  const TableName name;
  const RecordChecker& checker;
  const SegmentRows& rows;
  const bool is_quarantine;
  table::RowPredicate* removed;  // null: no row leaves the table
  table::CommitRequest request;  // info and transaction
  std::int64_t rows_removed = 0;
};

Status StageShare(Share& share, table::CommitRequest& request) {
  for (const auto& [day, count] :
       share.is_quarantine ? share.rows.quarantine : share.rows.records) {
    const auto reader = RowsOfDay(share.rows, share.is_quarantine, day, share.checker);
    DATALAKE_TRY_ASSIGN(auto files, share.table.WriteFiles(*reader, PartitionOf(share.name, day)));
    std::int64_t written = 0;
    for (const table::StagedFile& file : files) {
      written += file.num_rows;
    }
    request.adds.insert(request.adds.end(), files.begin(), files.end());
    if (written != count) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("segment changed while it was read: {}", share.rows.stretch.path)};
    }
  }
  if (share.removed != nullptr) {
    DATALAKE_TRY_ASSIGN(auto snapshot, share.table.Snapshot());
    DATALAKE_TRY_ASSIGN(
        const table::DeleteResult deleted,
        table::StageDelete(share.table, std::move(snapshot), *share.removed, request));
    share.rows_removed = deleted.rows_deleted;
  }
  return {};
}

// Begins again when others, a compaction say, have rewritten a file that rows leave.
Result<table::CommitResult> CommitShare(Share& share) {
  for (int attempt = 1;; ++attempt) {
    table::CommitRequest request = share.request;
    if (const Status staged = StageShare(share, request); !staged) {
      DATALAKE_TRY(share.table.Discard(request.adds));
      return staged.error();
    }
    const auto result = share.table.Commit(request);
    share.table.DiscardIfAbsent(result, request.adds);
    if (result || result.error().code != ErrorCode::kConflict || attempt == kMaxCommitAttempts) {
      return result;
    }
  }
}

bool IsApplied(const table::TableSnapshot& snapshot, const table::Transaction& transaction) {
  return snapshot.txn_version(transaction.app_id).value_or(-1) >= transaction.version;
}

Status SealQuarantine(SegmentRows& rows, const table::CommitRequest& request, io::FileSystem& fs,
                      const RecordChecker& checker, FeedTables& tables) {
  table::Table* quarantine = tables.quarantine();
  if (!rows.quarantine.empty() && quarantine == nullptr) {
    DATALAKE_TRY_ASSIGN(quarantine, tables.MakeQuarantine());
  }
  const bool removes = !rows.withdrawals.empty() || !rows.released.empty();
  if (quarantine == nullptr || (rows.quarantine.empty() && !removes)) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(const auto snapshot, quarantine->Snapshot());
  if (IsApplied(*snapshot, *request.transaction)) {
    return {};
  }
  WithdrawnRows removed(fs, rows.withdrawals, rows.released, &checker);
  Share share{.table = *quarantine,
              .name = QuarantineTableName(checker.definition().name),
              .checker = checker,
              .rows = rows,
              .is_quarantine = true,
              .removed = removes ? &removed : nullptr,
              .request = request};
  DATALAKE_TRY(CommitShare(share));
  rows.counts.withdrawn += share.rows_removed - static_cast<std::int64_t>(rows.released.size());
  return {};
}

Result<std::unique_ptr<table::Table>> OpenOrCreate(const LakeContext& context,
                                                   const TableName& name,
                                                   const arrow::Schema& schema,
                                                   std::string_view description) {
  const table::TableEnvironment environment{context.fs, context.clock, context.random};
  const std::string root = context.layout.Table(name);
  auto opened = table::Table::Open(environment, root);
  if (opened || opened.error().code != ErrorCode::kNotFound) {
    return opened;
  }
  arrow::FieldVector fields = schema.fields();
  for (const char* column : {"provider", "dataset", "task"}) {
    fields.push_back(arrow::field(column, arrow::utf8()));
  }
  const table::TableSpec spec{.schema = arrow::schema(fields),
                              .partition_columns = {"provider", "dataset", "task", "day"},
                              .configuration = {},
                              .name = name.dataset,
                              .description = std::string(description)};
  auto created = table::Table::Create(environment, root, spec, {.operation = "create feed"});
  if (!created && created.error().code == ErrorCode::kAlreadyExists) {
    return table::Table::Open(environment, root);  // another process was faster
  }
  return created;
}

// Row of a file that holds the wanted version, or -1.
Result<std::int64_t> FindRow(const LakeContext& context,
                             const std::shared_ptr<const table::TableSnapshot>& snapshot,
                             const table::TableFilePtr& file, std::string_view ingest_id,
                             std::int64_t version) {
  const std::vector<std::string> columns = {"ingest_id", "version"};
  DATALAKE_TRY_ASSIGN(const auto reader,
                      table::ReadTableFiles(context.fs, snapshot, std::span(&file, 1), columns));
  std::shared_ptr<arrow::RecordBatch> batch;
  for (std::int64_t first = 0;; first += batch->num_rows()) {
    DATALAKE_TRY(format::FromArrow(reader->ReadNext(&batch), "cannot read ids of a feed"));
    if (batch == nullptr) {
      return std::int64_t{-1};
    }
    const auto& ids = static_cast<const arrow::StringArray&>(*batch->column(0));
    const auto& versions = static_cast<const arrow::Int64Array&>(*batch->column(1));
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      if (versions.Value(row) == version && ids.GetView(row) == ingest_id) {
        return first + row;
      }
    }
  }
}

Result<StoredRecord> ReadRow(const LakeContext& context,
                             const std::shared_ptr<const table::TableSnapshot>& snapshot,
                             const table::TableFilePtr& file, std::int64_t row) {
  const std::vector<std::string> columns = {"raw", "received"};
  DATALAKE_TRY_ASSIGN(const auto reader,
                      table::ReadTableFiles(context.fs, snapshot, std::span(&file, 1), columns));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    DATALAKE_TRY(format::FromArrow(reader->ReadNext(&batch), "cannot read a feed's record"));
    if (batch == nullptr) {
      return Error{ErrorCode::kCorruption, fmt::format("file lost a row: {}", file->os_path)};
    }
    if (row < batch->num_rows()) {
      const auto& raw = static_cast<const arrow::StringArray&>(*batch->column(0));
      const auto& received = static_cast<const arrow::TimestampArray&>(*batch->column(1));
      return StoredRecord{.body = raw.GetString(row),
                          .received = Timestamp(std::chrono::microseconds(received.Value(row)))};
    }
    row -= batch->num_rows();
  }
}

}  // namespace

std::string FeedAppId(std::string_view feed) {
  return fmt::format("{0}/{0}", feed);  // one shard, named as the feed
}

TableName QuarantineTableName(std::string_view feed) {
  return {.provider = std::string(kFeedProvider),
          .dataset = std::string(feed),
          .task = std::string(kQuarantineTask)};
}

FeedTables::FeedTables(const LakeContext& context, std::string feed,
                       std::unique_ptr<table::Table> records)
    : context_(&context), feed_(std::move(feed)), records_(std::move(records)) {}

FeedTables::~FeedTables() = default;
FeedTables::FeedTables(FeedTables&&) noexcept = default;
FeedTables& FeedTables::operator=(FeedTables&&) noexcept = default;

Result<FeedTables> FeedTables::Open(const LakeContext& context, const FeedDefinition& definition) {
  DATALAKE_TRY_ASSIGN(auto records, OpenOrCreate(context, FeedTableName(definition.name),
                                                 *FeedSchema(definition), "contributed records"));
  FeedTables tables(context, definition.name, std::move(records));
  DATALAKE_TRY_ASSIGN(
      const bool has_quarantine,
      table::Table::Exists(context.fs, context.layout.Table(QuarantineTableName(definition.name))));
  if (has_quarantine) {
    DATALAKE_TRY(tables.MakeQuarantine());
  }
  return tables;
}

Result<table::Table*> FeedTables::MakeQuarantine() {
  if (quarantine_ == nullptr) {
    DATALAKE_TRY_ASSIGN(quarantine_,
                        OpenOrCreate(*context_, QuarantineTableName(feed_), *QuarantineSchema(),
                                     "contributed records that a rule kept out"));
  }
  return quarantine_.get();
}

Result<SealedSegment> SealSegmentIntoTables(const wal::Wal& wal, const wal::SegmentInfo& segment,
                                            const RecordChecker& checker, FeedTables& tables) {
  const std::string& feed = checker.definition().name;
  table::CommitRequest request;
  request.info = {.operation = "feed",
                  .user = "",
                  .reason = "",
                  .extra = {{"segment", std::to_string(segment.first_sequence)}}};
  request.transaction = {.app_id = FeedAppId(feed),
                         .version = static_cast<std::int64_t>(segment.last_sequence)};
  DATALAKE_TRY_ASSIGN(const auto snapshot, tables.records().Snapshot());
  if (segment.last_sequence < segment.first_sequence ||
      IsApplied(*snapshot, *request.transaction)) {
    return SealedSegment{.already_applied = true};
  }
  io::FileSystem& fs = tables.records().environment().fs;
  DATALAKE_TRY_ASSIGN(SegmentRows rows, CountRows(fs, wal, segment, checker));
  // The table of records last: its counter says that the whole segment is done.
  DATALAKE_TRY(SealQuarantine(rows, request, fs, checker, tables));
  const std::set<RecordVersion> none;
  WithdrawnRows removed(fs, rows.withdrawals, none, nullptr);
  Share share{.table = tables.records(),
              .name = FeedTableName(feed),
              .checker = checker,
              .rows = rows,
              .is_quarantine = false,
              .removed = rows.withdrawals.empty() ? nullptr : &removed,
              .request = request};
  DATALAKE_TRY_ASSIGN(const table::CommitResult result, CommitShare(share));
  rows.counts.withdrawn += share.rows_removed;
  rows.counts.version = result.version;
  rows.counts.already_applied = result.already_applied;
  return rows.counts;
}

Result<std::size_t> DropDaysBefore(FeedTables& tables, std::string_view first_day) {
  std::size_t dropped = 0;
  for (table::Table* table : {tables.quarantine(), &tables.records()}) {
    if (table == nullptr) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
    std::vector<std::string> paths;
    for (const table::TableFilePtr& file : snapshot->files()) {
      const auto day = file->partition_values.find("day");
      if (day != file->partition_values.end() && day->second && *day->second < first_day) {
        paths.push_back(file->path);
      }
    }
    if (!paths.empty()) {
      DATALAKE_TRY(table->Remove(paths, {.operation = "retention"}));
      dropped += paths.size();
    }
  }
  return dropped;
}

Result<StoredRecord> ReadStoredRecord(const LakeContext& context, table::Table& table,
                                      std::string_view ingest_id, std::int64_t version,
                                      Timestamp received) {
  DATALAKE_TRY_ASSIGN(const auto snapshot, table.Snapshot());
  const std::string day = FormatDay(received);
  const auto& files = snapshot->files();
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const auto value = (*file)->partition_values.find("day");
    if (value == (*file)->partition_values.end() || value->second != day) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(const std::int64_t row,
                        FindRow(context, snapshot, *file, ingest_id, version));
    if (row >= 0) {
      return ReadRow(context, snapshot, *file, row);
    }
  }
  return Error{ErrorCode::kNotFound, fmt::format("unknown record: {}", ingest_id)};
}

}  // namespace datalake::lake
