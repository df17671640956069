#include "datalake/lake/feed_table.h"

#include <map>
#include <span>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/lake/chat_table.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/wal/wal.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kBatchBodyBytes = std::uint64_t{16} << 20;

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

// The rows of one day, in batches.
struct DayRows {
  ChatBatchBuilder builder;
  Batches batches;
};

Status FinishBatch(DayRows& rows) {
  DATALAKE_TRY_ASSIGN(auto batch, rows.builder.Finish());
  const int day = batch->num_columns() - 1;  // in the path and the log, not in the files
  DATALAKE_TRY_ASSIGN(batch, format::FromArrow(batch->RemoveColumn(day), "cannot drop day"));
  if (batch->num_rows() > 0) {
    rows.batches.push_back(std::move(batch));
  }
  return {};
}

Result<std::map<std::string, DayRows>> ReadRows(const wal::Wal& wal,
                                                const wal::SegmentInfo& segment,
                                                std::uint64_t& records) {
  std::map<std::string, DayRows> days;
  const Status read = wal.ReadSegment(segment, [&](const wal::Record& record) -> Status {
    DATALAKE_TRY_ASSIGN(const FeedRecord decoded, DecodeFeedRecord(record.payload));
    DayRows& rows = days[FormatDay(decoded.received)];
    DATALAKE_TRY(rows.builder.Append(decoded));
    ++records;
    return rows.builder.body_bytes() >= kBatchBodyBytes ? FinishBatch(rows) : Status();
  });
  DATALAKE_TRY(read);
  for (auto& [day, rows] : days) {
    DATALAKE_TRY(FinishBatch(rows));
  }
  return days;
}

table::PartitionValues FeedPartition(std::string_view feed, const std::string& day) {
  const TableName name = FeedTableName(feed);
  return {
      {"provider", name.provider}, {"dataset", name.dataset}, {"task", name.task}, {"day", day}};
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

Result<std::unique_ptr<table::Table>> OpenFeedTable(const LakeContext& context,
                                                    std::string_view feed) {
  const table::TableEnvironment environment{context.fs, context.clock, context.random};
  const std::string root = context.layout.Table(FeedTableName(feed));
  auto opened = table::Table::Open(environment, root);
  if (opened || opened.error().code != ErrorCode::kNotFound) {
    return opened;
  }
  arrow::FieldVector fields = ChatSchema()->fields();
  for (const char* column : {"provider", "dataset", "task"}) {
    fields.push_back(arrow::field(column, arrow::utf8()));
  }
  const table::TableSpec spec{.schema = arrow::schema(fields),
                              .partition_columns = {"provider", "dataset", "task", "day"},
                              .configuration = {},
                              .name = std::string(feed),
                              .description = "contributed records"};
  auto created = table::Table::Create(environment, root, spec, {.operation = "create feed"});
  if (!created && created.error().code == ErrorCode::kAlreadyExists) {
    return table::Table::Open(environment, root);  // another process was faster
  }
  return created;
}

Result<SealedSegment> SealSegmentIntoTable(const wal::Wal& wal, const wal::SegmentInfo& segment,
                                           std::string_view feed, table::Table& table) {
  SealedSegment sealed;
  const table::Transaction transaction{.app_id = FeedAppId(feed),
                                       .version = static_cast<std::int64_t>(segment.last_sequence)};
  DATALAKE_TRY_ASSIGN(const auto snapshot, table.Snapshot());
  if (segment.last_sequence < segment.first_sequence ||
      snapshot->txn_version(transaction.app_id).value_or(-1) >= transaction.version) {
    sealed.already_applied = true;
    return sealed;
  }
  DATALAKE_TRY_ASSIGN(auto days, ReadRows(wal, segment, sealed.records));
  table::CommitRequest request;
  request.info = {.operation = "feed",
                  .user = "",
                  .reason = "",
                  .extra = {{"segment", std::to_string(segment.first_sequence)}}};
  request.transaction = transaction;
  for (auto& [day, rows] : days) {
    DATALAKE_TRY_ASSIGN(
        const auto reader,
        format::FromArrow(arrow::RecordBatchReader::Make(std::move(rows.batches)), "feed rows"));
    auto files = table.WriteFiles(*reader, FeedPartition(feed, day));
    if (!files) {
      DATALAKE_TRY(table.Discard(request.adds));
      return files.error();
    }
    request.adds.insert(request.adds.end(), files->begin(), files->end());
  }
  const auto result = table.Commit(request);
  table.DiscardIfAbsent(result, request.adds);
  if (!result) {
    return result.error();
  }
  sealed.version = result->version;
  sealed.already_applied = result->already_applied;
  return sealed;
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
