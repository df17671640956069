#include "datalake/lake/feed_quarantine.h"

#include <bit>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "datalake/format/arrow_status.h"
#include "datalake/table/read.h"

namespace datalake::lake {
namespace {

std::string_view TextAt(const arrow::RecordBatch& batch, int column, std::int64_t row) {
  const auto& texts = static_cast<const arrow::StringArray&>(*batch.column(column));
  return texts.IsNull(row) ? std::string_view() : texts.GetView(row);
}

}  // namespace

Result<std::uint64_t> VisitQuarantine(
    const LakeContext& context, std::shared_ptr<const table::TableSnapshot> snapshot,
    const RecordChecker& checker, ReplayMode mode,
    const std::function<Status(FeedRecord record, const CheckedRecord& checked)>& visit) {
  const std::vector<std::string> columns = {"ingest_id", "raw",     "version",
                                            "received",  "receipt", "submission"};
  DATALAKE_TRY_ASSIGN(const auto reader,
                      table::ReadTable(context.fs, std::move(snapshot), columns));
  std::shared_ptr<arrow::RecordBatch> batch;
  std::uint64_t records = 0;
  while (true) {
    DATALAKE_TRY(format::FromArrow(reader->ReadNext(&batch), "cannot read quarantined records"));
    if (batch == nullptr) {
      return records;
    }
    records += static_cast<std::uint64_t>(batch->num_rows());
    const auto* versions = batch->column_data(2)->GetValues<std::int64_t>(1);
    const auto* times = batch->column_data(3)->GetValues<std::int64_t>(1);
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      const std::string_view body = TextAt(*batch, 1, row);
      const CheckedRecord checked = checker.Check(body);
      const bool fits = checked.problems.empty() && checked.reasons.empty();
      if (mode == ReplayMode::kCheck && !fits) {
        continue;
      }
      const FeedRecord record{
          .ingest_id = TextAt(*batch, 0, row),
          .version = versions[row],
          .received = Timestamp(std::chrono::microseconds(times[row])),
          .body = body,
          .schema_version = static_cast<std::uint32_t>(checker.definition().schema_version),
          .content_hash = checked.content_hash,
          .receipt = ReceiptFromText(TextAt(*batch, 4, row)),
          .submission = SubmissionFromText(TextAt(*batch, 5, row))};
      DATALAKE_TRY(visit(record, checked));
    }
  }
}

}  // namespace datalake::lake
