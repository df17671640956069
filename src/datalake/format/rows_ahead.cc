#include "datalake/format/rows_ahead.h"

#include <deque>
#include <stop_token>
#include <thread>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/base/mutex.h"

namespace datalake::format {
namespace {

class AheadReader final : public arrow::RecordBatchReader {
 public:
  AheadReader(std::shared_ptr<arrow::RecordBatchReader> rows, std::size_t batches)
      : rows_(std::move(rows)), schema_(rows_->schema()), capacity_(batches) {
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = nullptr;
    const MutexLock lock(mutex_);
    changed_.Wait(mutex_, {}, [this] { return !queue_.empty() || is_done_; });
    if (queue_.empty()) {
      return last_;
    }
    *out = std::move(queue_.front());
    queue_.pop_front();
    changed_.NotifyAll();
    return arrow::Status::OK();
  }

 private:
  void Run(const std::stop_token& stop) {
    while (true) {
      {
        const MutexLock lock(mutex_);
        if (!changed_.Wait(mutex_, stop, [this] { return queue_.size() < capacity_; })) {
          return;
        }
      }
      std::shared_ptr<arrow::RecordBatch> batch;
      arrow::Status read = rows_->ReadNext(&batch);
      const MutexLock lock(mutex_);
      if (!read.ok() || batch == nullptr) {
        last_ = std::move(read);
        is_done_ = true;
        changed_.NotifyAll();
        return;
      }
      queue_.push_back(std::move(batch));
      changed_.NotifyAll();
    }
  }

  const std::shared_ptr<arrow::RecordBatchReader> rows_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::size_t capacity_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::shared_ptr<arrow::RecordBatch>> queue_ DATALAKE_GUARDED_BY(mutex_);
  arrow::Status last_ DATALAKE_GUARDED_BY(mutex_);  // after all of the queue
  bool is_done_ DATALAKE_GUARDED_BY(mutex_) = false;
  std::jthread thread_;  // last: it ends before what it works on
};

}  // namespace

std::shared_ptr<arrow::RecordBatchReader> RowsAhead(std::shared_ptr<arrow::RecordBatchReader> rows,
                                                    std::size_t batches) {
  return std::make_shared<AheadReader>(std::move(rows), batches == 0 ? 1 : batches);
}

}  // namespace datalake::format
