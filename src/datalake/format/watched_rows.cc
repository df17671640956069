#include "datalake/format/watched_rows.h"

#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/format/arrow_status.h"

namespace datalake::format {
namespace {

constexpr std::uint64_t kReportRows = 16'384;

class WatchedRows final : public arrow::RecordBatchReader {
 public:
  WatchedRows(std::shared_ptr<arrow::RecordBatchReader> rows, ProgressEvent event,
              ProgressSink& progress, std::stop_token stop)
      : rows_(std::move(rows)),
        event_(std::move(event)),
        progress_(progress),
        stop_(std::move(stop)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    if (stop_.stop_requested()) {
      return ToArrow({ErrorCode::kCancelled, "cancelled"});
    }
    ARROW_RETURN_NOT_OK(rows_->ReadNext(out));
    const auto rows = *out == nullptr ? 0 : static_cast<std::uint64_t>((*out)->num_rows());
    event_.items_done += rows;
    unreported_ += rows;
    if (*out == nullptr || unreported_ >= kReportRows) {
      unreported_ = 0;
      progress_.Report(event_);
    }
    return arrow::Status::OK();
  }

 private:
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  ProgressEvent event_;
  std::uint64_t unreported_ = 0;
  ProgressSink& progress_;
  std::stop_token stop_;
};

}  // namespace

std::shared_ptr<arrow::RecordBatchReader> WatchRows(std::shared_ptr<arrow::RecordBatchReader> rows,
                                                    std::string phase, std::uint64_t items_total,
                                                    ProgressSink& progress, std::stop_token stop) {
  ProgressEvent event{.phase = std::move(phase), .items_total = items_total, .unit = "rows"};
  return std::make_shared<WatchedRows>(std::move(rows), std::move(event), progress,
                                       std::move(stop));
}

}  // namespace datalake::format
