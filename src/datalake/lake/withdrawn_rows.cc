#include "datalake/lake/withdrawn_rows.h"

#include <optional>
#include <span>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/format/arrow_status.h"
#include "datalake/table/read.h"

namespace datalake::lake {
namespace {

// Rows of a table are older than every withdrawal that is about to be applied to it.
constexpr std::uint64_t kBeforeAll = 0;

std::optional<std::string> TextAt(const arrow::RecordBatch& batch, int column, std::int64_t row) {
  const auto& texts = static_cast<const arrow::StringArray&>(*batch.column(column));
  return texts.IsNull(row) ? std::nullopt : std::optional(texts.GetString(row));
}

}  // namespace

bool WithdrawnRows::MayMatch(const table::TableSnapshot&, const table::TableFile&) {
  return !filter_.empty() || !released_.empty();
}

Result<std::vector<bool>> WithdrawnRows::Match(
    const std::shared_ptr<const table::TableSnapshot>& snapshot, const table::TableFilePtr& file) {
  std::vector<std::string> columns = {"ingest_id", "version",
                                      checker_ == nullptr ? "submitter_id" : "raw"};
  const bool has_receipt = snapshot->schema()->GetFieldIndex("receipt") >= 0;
  if (has_receipt) {
    columns.emplace_back("receipt");
  }
  DATALAKE_TRY_ASSIGN(const auto reader,
                      table::ReadTableFiles(fs_, snapshot, std::span(&file, 1), columns));
  std::vector<bool> matches;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    DATALAKE_TRY(format::FromArrow(reader->ReadNext(&batch), "cannot read ids of a feed"));
    if (batch == nullptr) {
      return matches;
    }
    const auto& versions = static_cast<const arrow::Int64Array&>(*batch->column(1));
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      const std::string id = TextAt(*batch, 0, row).value_or("");
      const auto submitter = [&] {
        const std::optional<std::string> text = TextAt(*batch, 2, row);
        return checker_ == nullptr || !text ? text : checker_->Check(*text).submitter_id;
      };
      const ReceiptHash receipt =
          has_receipt ? ReceiptFromText(TextAt(*batch, 3, row).value_or("")) : ReceiptHash{};
      matches.push_back(filter_.Takes(kBeforeAll, id, receipt, submitter) ||
                        released_.contains({id, versions.Value(row)}));
    }
  }
}

}  // namespace datalake::lake
