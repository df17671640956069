#include "datalake/table/delete_rows.h"

#include <algorithm>
#include <utility>

#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/table/read.h"
#include "datalake/table/rewrite_internal.h"

namespace datalake::table {
namespace {

// The rows of a reader whose flag is not set.
class RemainingRows final : public arrow::RecordBatchReader {
 public:
  RemainingRows(std::shared_ptr<arrow::RecordBatchReader> rows, const std::vector<bool>& is_deleted)
      : rows_(std::move(rows)), is_deleted_(is_deleted) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    ARROW_RETURN_NOT_OK(rows_->ReadNext(out));
    if (*out == nullptr) {
      return arrow::Status::OK();
    }
    const auto count = static_cast<std::size_t>((*out)->num_rows());
    if (next_ + count > is_deleted_.size()) {
      return arrow::Status::Invalid("file changed while it was read");
    }
    arrow::BooleanBuilder keeps;
    ARROW_RETURN_NOT_OK(keeps.Reserve(static_cast<std::int64_t>(count)));
    for (std::size_t i = 0; i < count; ++i) {
      keeps.UnsafeAppend(!is_deleted_[next_ + i]);
    }
    next_ += count;
    ARROW_ASSIGN_OR_RAISE(const auto mask, keeps.Finish());
    ARROW_ASSIGN_OR_RAISE(const arrow::Datum kept, arrow::compute::Filter(*out, mask));
    *out = kept.record_batch();
    return arrow::Status::OK();
  }

 private:
  const std::shared_ptr<arrow::RecordBatchReader> rows_;
  const std::vector<bool>& is_deleted_;
  std::size_t next_ = 0;
};

enum class Mode { kCount, kDelete };

// One try to delete: looks at every file of a snapshot.
class Deletion {
 public:
  Deletion(Table& table, RowPredicate& predicate, std::shared_ptr<const TableSnapshot> snapshot,
           Mode mode)
      : table_(table),
        predicate_(predicate),
        snapshot_(std::move(snapshot)),
        mode_(mode),
        staged_(table) {
    result_.version = snapshot_->version();
  }

  Status Run(const RewriteControl& control) {
    std::vector<TableFilePtr> files;
    for (const TableFilePtr& file : snapshot_->files()) {
      if (predicate_.MayMatch(*snapshot_, *file)) {
        files.push_back(file);
      } else {
        ++result_.files_skipped;
      }
    }
    ProgressEvent event{.phase = mode_ == Mode::kCount ? "count" : "delete",
                        .items_total = files.size(),
                        .unit = "files"};
    for (const TableFilePtr& file : files) {
      if (control.stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "deletion was cancelled, nothing was changed"};
      }
      DATALAKE_TRY(Visit(file));
      ++event.items_done;
      if (control.progress != nullptr) {
        control.progress->Report(event);
      }
    }
    return {};
  }

  Result<CommitResult> Commit(const CommitInfo& info) {
    staged_.request.info = info;
    NoteCount(staged_.request.info, "rows_deleted", result_.rows_deleted);
    return staged_.Commit();
  }

  // Hands the files and removals over to the caller's own commit.
  void MoveTo(CommitRequest& request) {
    auto& own = staged_.request;
    request.adds.insert(request.adds.end(), own.adds.begin(), own.adds.end());
    request.removes.insert(request.removes.end(), own.removes.begin(), own.removes.end());
    own = {};
  }

  DeleteResult& result() { return result_; }

 private:
  Status Visit(const TableFilePtr& file) {
    DATALAKE_TRY_ASSIGN(const std::vector<bool> is_deleted, predicate_.Match(snapshot_, file));
    const auto count = std::count(is_deleted.begin(), is_deleted.end(), true);
    if (count == 0) {
      return {};
    }
    result_.rows_deleted += count;
    const bool is_all = static_cast<std::size_t>(count) == is_deleted.size();
    (is_all ? result_.files_removed : result_.files_rewritten) += 1;
    if (mode_ == Mode::kCount) {
      return {};
    }
    staged_.request.removes.push_back(file->path);
    if (is_all) {
      return {};
    }
    const std::vector<std::string> columns = StoredColumns(*snapshot_);
    DATALAKE_TRY_ASSIGN(auto rows, ReadTableFiles(table_.environment().fs, snapshot_,
                                                  std::span(&file, 1), columns));
    RemainingRows remaining(std::move(rows), is_deleted);
    DATALAKE_TRY_ASSIGN(auto files, table_.RewriteFiles(remaining, *file));
    staged_.Add(std::move(files));
    return {};
  }

  Table& table_;
  RowPredicate& predicate_;
  const std::shared_ptr<const TableSnapshot> snapshot_;
  const Mode mode_;
  StagedFiles staged_;
  DeleteResult result_;
};

}  // namespace

Result<DeleteResult> CountRows(Table& table, RowPredicate& predicate,
                               const RewriteControl& control) {
  DATALAKE_TRY_ASSIGN(auto snapshot, table.Snapshot());
  Deletion deletion(table, predicate, std::move(snapshot), Mode::kCount);
  DATALAKE_TRY(deletion.Run(control));
  return deletion.result();
}

Result<DeleteResult> DeleteRows(Table& table, RowPredicate& predicate, const CommitInfo& info,
                                const RewriteControl& control) {
  CommitInfo told = info;
  if (told.operation.empty()) {
    told.operation = "DELETE";
  }
  for (int attempt = 1;; ++attempt) {
    DATALAKE_TRY_ASSIGN(auto snapshot, table.Snapshot());
    DATALAKE_TRY(CheckMayRemove(*snapshot));
    Deletion deletion(table, predicate, std::move(snapshot), Mode::kDelete);
    DATALAKE_TRY(deletion.Run(control));
    if (deletion.result().rows_deleted == 0) {
      return deletion.result();
    }
    const auto committed = deletion.Commit(told);
    if (committed) {
      deletion.result().version = committed->version;
      return deletion.result();
    }
    if (committed.error().code != ErrorCode::kConflict || attempt == kMaxRewriteAttempts) {
      return committed.error();
    }
  }
}

Result<DeleteResult> StageDelete(Table& table, std::shared_ptr<const TableSnapshot> snapshot,
                                 RowPredicate& predicate, CommitRequest& request) {
  DATALAKE_TRY(CheckMayRemove(*snapshot));
  Deletion deletion(table, predicate, std::move(snapshot), Mode::kDelete);
  DATALAKE_TRY(deletion.Run({}));
  deletion.MoveTo(request);
  return deletion.result();
}

}  // namespace datalake::table
