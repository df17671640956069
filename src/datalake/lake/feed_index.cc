#include "datalake/lake/feed_index.h"

#include <bit>
#include <chrono>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/format/arrow_status.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/table/read.h"
#include "datalake/table/snapshot.h"

namespace datalake::lake {
namespace {

// The columns of a table that are there, with their places in what is read.
class Columns {
 public:
  explicit Columns(const table::TableSnapshot& snapshot) : snapshot_(snapshot) {}

  // The place of the column, or -1 when the table has none of that name.
  int Want(std::string_view name) {
    if (snapshot_.schema()->GetFieldIndex(std::string(name)) < 0) {
      return -1;
    }
    names_.emplace_back(name);
    return static_cast<int>(names_.size()) - 1;
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  const table::TableSnapshot& snapshot_;
  std::vector<std::string> names_;
};

std::optional<std::string> TextAt(const arrow::RecordBatch& batch, int column, std::int64_t row) {
  if (column < 0) {
    return std::nullopt;
  }
  const auto& texts = static_cast<const arrow::StringArray&>(*batch.column(column));
  return texts.IsNull(row) ? std::nullopt : std::optional(texts.GetString(row));
}

// Of a long or a timestamp.
std::int64_t NumberAt(const arrow::RecordBatch& batch, int column, std::int64_t row) {
  if (column < 0) {
    return 0;
  }
  const arrow::ArrayData& numbers = *batch.column_data(column);
  return numbers.IsNull(row) ? 0 : numbers.GetValues<std::int64_t>(1)[row];
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
          .receipt = record.receipt,
          .day = DayNumber(record.received),
          .version = static_cast<std::uint32_t>(record.version) & 0x7fffffffU,
          .is_quarantined = record.place == RecordPlace::kQuarantine ? 1U : 0U};
}

std::int32_t DayNumber(Timestamp time) {
  return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

Timestamp DayStart(std::int32_t day) {
  return std::chrono::sys_days(std::chrono::days(day));
}

Status PutNewer(IdIndex& index, const Hash128& key, const IdEntry& entry) {
  DATALAKE_TRY_ASSIGN(const IdEntry* known, index.Find(key));
  // A quarantined version that is released comes again under its own number.
  if (known == nullptr || known->version < entry.version ||
      (known->version == entry.version && known->is_quarantined > entry.is_quarantined)) {
    index.Put(key, entry);
  }
  return {};
}

Status VisitIndexedRows(const LakeContext& context,
                        std::shared_ptr<const table::TableSnapshot> snapshot, FeedTableKind kind,
                        const RecordChecker& checker,
                        const std::function<Status(const IndexedRow&)>& visit) {
  const bool is_quarantine = kind == FeedTableKind::kQuarantine;
  Columns columns(*snapshot);
  const int id = columns.Want("ingest_id");
  const int version = columns.Want("version");
  const int received = columns.Want("received");
  const int hash = columns.Want("body_hash");
  const int submitter = columns.Want(is_quarantine ? "raw" : "submitter_id");
  const int receipt = columns.Want("receipt");
  const int submission = columns.Want("submission");
  const int content = columns.Want("content_hash");
  DATALAKE_TRY_ASSIGN(const std::shared_ptr<arrow::RecordBatchReader> reader,
                      table::ReadTable(context.fs, std::move(snapshot), columns.names()));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    DATALAKE_TRY(format::FromArrow(reader->ReadNext(&batch), "cannot read the feed's table"));
    if (batch == nullptr) {
      return {};
    }
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      std::optional<std::string> whose = TextAt(*batch, submitter, row);
      if (is_quarantine && whose) {
        whose = checker.Check(*whose).submitter_id;
      }
      const std::int64_t time = NumberAt(*batch, received, row);
      DATALAKE_TRY(
          visit({.key = IdKey(TextAt(*batch, id, row).value_or("")),
                 .entry = {.body_hash = std::bit_cast<std::uint64_t>(NumberAt(*batch, hash, row)),
                           .submitter_hash = SubmitterHash(whose),
                           .receipt = ReceiptFromText(TextAt(*batch, receipt, row).value_or("")),
                           .day = DayNumber(Timestamp(std::chrono::microseconds(time))),
                           .version = static_cast<std::uint32_t>(NumberAt(*batch, version, row)) &
                                      0x7fffffffU,
                           .is_quarantined = is_quarantine ? 1U : 0U},
                 .received_us = time,
                 .content_hash = std::bit_cast<std::uint64_t>(NumberAt(*batch, content, row)),
                 .submission = SubmissionFromText(TextAt(*batch, submission, row).value_or(""))}));
    }
  }
}

}  // namespace datalake::lake
