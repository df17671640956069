#include "datalake/lake/feed_index.h"

#include <array>
#include <bit>
#include <chrono>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "datalake/format/arrow_status.h"
#include "datalake/lake/chat_table.h"
#include "datalake/table/read.h"

namespace datalake::lake {
namespace {

const arrow::StringArray& Strings(const arrow::RecordBatch& batch, int column) {
  return static_cast<const arrow::StringArray&>(*batch.column(column));
}

}  // namespace

Hash128 IdKey(std::string_view ingest_id) {
  return Xxh3Hash128(ingest_id);
}

std::uint64_t SubmitterHash(const std::optional<std::string>& submitter_id) {
  if (!submitter_id || submitter_id->empty()) {
    return 0;
  }
  const std::uint64_t hash = Xxh3Hash64(*submitter_id);
  return hash == 0 ? 1 : hash;
}

IdEntry EntryOf(const FeedRecord& record, const std::optional<std::string>& submitter_id) {
  return {.body_hash = BodyHash(record.body),
          .submitter_hash = SubmitterHash(submitter_id),
          .version = record.version,
          .received_us = record.received.time_since_epoch().count()};
}

void PutNewer(IdIndex& index, const Hash128& key, const IdEntry& entry) {
  const IdEntry* known = index.Find(key);
  if (known == nullptr || known->version < entry.version) {
    index.Put(key, entry);
  }
}

Status IndexTable(const LakeContext& context, std::shared_ptr<const table::TableSnapshot> snapshot,
                  IdIndex& index) {
  const std::vector<std::string> columns = {"ingest_id", "version", "received", "submitter_id",
                                            "body_hash"};
  DATALAKE_TRY_ASSIGN(const std::shared_ptr<arrow::RecordBatchReader> reader,
                      table::ReadTable(context.fs, std::move(snapshot), columns));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    DATALAKE_TRY(format::FromArrow(reader->ReadNext(&batch), "cannot read the feed's table"));
    if (batch == nullptr) {
      return {};
    }
    const auto& version = static_cast<const arrow::Int64Array&>(*batch->column(1));
    const auto& received = static_cast<const arrow::TimestampArray&>(*batch->column(2));
    const auto& hash = static_cast<const arrow::Int64Array&>(*batch->column(4));
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      std::optional<std::string> submitter;
      if (!Strings(*batch, 3).IsNull(row)) {
        submitter = Strings(*batch, 3).GetString(row);
      }
      PutNewer(index, IdKey(Strings(*batch, 0).GetView(row)),
               {.body_hash = std::bit_cast<std::uint64_t>(hash.Value(row)),
                .submitter_hash = SubmitterHash(submitter),
                .version = version.Value(row),
                .received_us = received.Value(row)});
    }
  }
}

}  // namespace datalake::lake
