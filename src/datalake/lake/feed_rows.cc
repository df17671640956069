#include "datalake/lake/feed_rows.h"

#include <optional>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/format/arrow_status.h"
#include "datalake/wal/segment_cursor.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kBatchBodyBytes = std::uint64_t{2} << 20;

// Visits the entries of the next record; false at the end of the stretch.
Result<bool> VisitNext(wal::SegmentCursor& cursor, std::uint64_t last_sequence,
                       const std::function<Status(std::uint64_t, const FeedEntry&)>& visit) {
  DATALAKE_TRY_ASSIGN(const wal::Record* record, cursor.Next());
  if (record == nullptr || record->sequence > last_sequence) {
    return false;
  }
  const std::uint64_t sequence = record->sequence;
  DATALAKE_TRY(ForEachFeedEntry(record->payload,
                                [&](const FeedEntry& entry) { return visit(sequence, entry); }));
  return true;
}

class FeedRowReader final : public arrow::RecordBatchReader {
 public:
  explicit FeedRowReader(FeedRowSource source)
      : source_(std::move(source)), builder_(source_.make_builder()) {}

  std::shared_ptr<arrow::Schema> schema() const override { return source_.schema; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    auto batch = Fill();
    if (!batch) {
      return format::ToArrow(batch.error());
    }
    if (*batch != nullptr && (*batch)->num_columns() > source_.schema->num_fields()) {
      ARROW_ASSIGN_OR_RAISE(*batch, (*batch)->RemoveColumn((*batch)->num_columns() - 1));
    }
    *out = *std::move(batch);
    return arrow::Status::OK();
  }

 private:
  // The next rows, or null at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> Fill() {
    bool has_rows = false;
    const auto add = [&](std::uint64_t sequence, const FeedEntry& entry) -> Status {
      const auto* record = std::get_if<FeedRecord>(&entry);
      if (record == nullptr || !source_.wants(sequence, *record)) {
        return {};
      }
      has_rows = true;
      return builder_->Append(*record);
    };
    while (builder_->body_bytes() < kBatchBodyBytes) {
      if (cursor_ == nullptr) {
        if (next_ == source_.stretches.size()) {
          break;
        }
        const LogStretch& stretch = source_.stretches[next_];
        DATALAKE_TRY_ASSIGN(cursor_, wal::SegmentCursor::Open(stretch.file, stretch.path));
      }
      DATALAKE_TRY_ASSIGN(const bool more,
                          VisitNext(*cursor_, source_.stretches[next_].last_sequence, add));
      if (!more) {
        cursor_ = nullptr;
        ++next_;
      }
    }
    return has_rows ? builder_->Finish() : Result<std::shared_ptr<arrow::RecordBatch>>(nullptr);
  }

  const FeedRowSource source_;
  const std::unique_ptr<FeedBatchBuilder> builder_;
  std::size_t next_ = 0;
  std::unique_ptr<wal::SegmentCursor> cursor_;
};

}  // namespace

Status VisitLogStretch(const LogStretch& stretch,
                       const std::function<Status(std::uint64_t, const FeedEntry&)>& visit) {
  DATALAKE_TRY_ASSIGN(const auto cursor, wal::SegmentCursor::Open(stretch.file, stretch.path));
  while (true) {
    DATALAKE_TRY_ASSIGN(const bool more, VisitNext(*cursor, stretch.last_sequence, visit));
    if (!more) {
      return {};
    }
  }
}

std::shared_ptr<arrow::RecordBatchReader> ReadFeedRows(FeedRowSource source) {
  return std::make_shared<FeedRowReader>(std::move(source));
}

}  // namespace datalake::lake
