#include "datalake/query/parts_reader.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/query/row_filter_internal.h"
#include "datalake/query/statement_internal.h"

namespace datalake::query {
namespace {

std::size_t CountFiles(const Relation& relation) {
  std::size_t files = 0;
  for (const FileGroup& group : relation.files) {
    files += group.files.size();
  }
  return files;
}

// The files of a relation, some at a time, each part with the schemas of all.
class PartSource {
 public:
  explicit PartSource(Relation relation) : groups_(std::move(relation.files)) {
    for (const FileGroup& group : groups_) {
      const bool is_known =
          std::any_of(schemas_.rbegin(), schemas_.rend(), [&](const FileGroup& known) {
            return known.partition_columns == group.partition_columns &&
                   (known.schema == group.schema || known.schema->Equals(*group.schema));
          });
      if (!is_known) {
        schemas_.push_back({group.schema, group.partition_columns, {}});
      }
    }
  }

  bool IsAtEnd() const { return group_ == groups_.size(); }

  Relation Next(std::size_t files) {
    Relation part{.files = schemas_};
    while (!IsAtEnd() && files > 0) {
      FileGroup& from = groups_[group_];
      const std::size_t count = std::min(files, from.files.size() - file_);
      const auto begin = from.files.begin() + static_cast<std::ptrdiff_t>(file_);
      part.files.push_back({from.schema,
                            from.partition_columns,
                            {std::make_move_iterator(begin),
                             std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count))}});
      files -= count;
      file_ += count;
      SkipDone();
    }
    return part;
  }

 private:
  void SkipDone() {
    while (!IsAtEnd() && file_ == groups_[group_].files.size()) {
      groups_[group_] = {};
      ++group_;
      file_ = 0;
    }
  }

  std::vector<FileGroup> groups_;
  std::vector<FileGroup> schemas_;  // each distinct one, without files, in order of appearance
  std::size_t group_ = 0;
  std::size_t file_ = 0;
};

class PartsReader final : public arrow::RecordBatchReader {
 public:
  PartsReader(std::shared_ptr<EngineDatabase> database, Relation relation, const RowFilter& filter,
              const QueryLimits& limits, std::stop_token stop)
      : database_(std::move(database)),
        parts_(std::move(relation)),
        filter_(filter),
        limits_(limits),
        stop_(std::move(stop)),
        begin_(std::chrono::steady_clock::now()),
        rows_to_skip_(filter.offset),
        rows_left_(filter.limit) {
    if (limits.max_rows) {
      rows_left_ = std::min(rows_left_.value_or(*limits.max_rows), *limits.max_rows);
    }
  }

  Status Open() {
    DATALAKE_TRY(OpenPart());
    schema_ = part_->schema();
    return {};
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    batch->reset();
    if (failed_) {
      return format::ToArrow(*failed_);
    }
    while (part_ != nullptr) {
      if (arrow::Status read = part_->ReadNext(batch); !read.ok()) {
        part_.reset();
        failed_ = format::ArrowError(read, "cannot read rows");
        return read;
      }
      if (*batch == nullptr) {
        part_.reset();
        if (parts_.IsAtEnd() || rows_left_ == 0) {
          break;
        }
        if (Status opened = OpenPart(); !opened) {
          failed_ = opened.error();
          return format::ToArrow(*failed_);
        }
        continue;
      }
      if (TakeRows(*batch)) {
        return arrow::Status::OK();
      }
    }
    batch->reset();
    return arrow::Status::OK();
  }

 private:
  // Applies the offset and the limit; false when no row of `batch` is left.
  bool TakeRows(std::shared_ptr<arrow::RecordBatch>& batch) {
    const std::int64_t skipped = std::min(rows_to_skip_, batch->num_rows());
    rows_to_skip_ -= skipped;
    batch = skipped > 0 ? batch->Slice(skipped) : batch;
    if (rows_left_) {
      batch = *rows_left_ < batch->num_rows() ? batch->Slice(0, *rows_left_) : batch;
      *rows_left_ -= batch->num_rows();
    }
    return batch->num_rows() > 0;
  }

  Status OpenPart() {
    RowFilter filter = filter_;
    filter.offset = 0;
    if (rows_left_) {
      filter.limit = rows_to_skip_ + *rows_left_;
    }
    QueryLimits limits;
    if (limits_.timeout.count() > 0) {
      const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - begin_);
      if (passed >= limits_.timeout) {
        return Error{ErrorCode::kResourceExhausted,
                     fmt::format("query took longer than its limit: {} ms",
                                 (limits_.timeout + limits_.time_spent).count())};
      }
      limits.timeout = limits_.timeout - passed;
      limits.time_spent = limits_.time_spent + passed;
    }
    const View view = MakeView(parts_.Next(part_files_));
    part_files_ = std::min(part_files_ * kPartGrowth, kMaxPartFiles);
    DATALAKE_TRY_ASSIGN(part_, SelectAtOnce(database_, view, filter, limits, stop_));
    return {};
  }

  std::shared_ptr<EngineDatabase> database_;
  PartSource parts_;
  RowFilter filter_;
  QueryLimits limits_;
  std::stop_token stop_;
  std::chrono::steady_clock::time_point begin_;
  std::int64_t rows_to_skip_ = 0;
  std::optional<std::int64_t> rows_left_;
  std::size_t part_files_ = kFirstPartFiles;
  std::shared_ptr<arrow::RecordBatchReader> part_;  // null: the end
  std::shared_ptr<arrow::Schema> schema_;
  std::optional<Error> failed_;
};

}  // namespace

bool CanSelectInParts(const Relation& relation, const RowFilter& filter) {
  return filter.order_by.empty() && relation.batches.empty() &&
         CountFiles(relation) > kFirstPartFiles;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> SelectInParts(
    std::shared_ptr<EngineDatabase> database, Relation relation, const RowFilter& filter,
    const QueryLimits& limits, std::stop_token stop) {
  DATALAKE_TRY(CheckPage(filter));
  auto reader = std::make_shared<PartsReader>(std::move(database), std::move(relation), filter,
                                              limits, std::move(stop));
  DATALAKE_TRY(reader->Open());
  return reader;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> SelectAtOnce(
    const std::shared_ptr<EngineDatabase>& database, const View& view, const RowFilter& filter,
    const QueryLimits& limits, std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const auto session, Session::Begin(database, limits, std::move(stop)));
  if (!filter.where.empty()) {
    DATALAKE_TRY(CheckExpression(session->connection(), filter.where));
  }
  DATALAKE_TRY_ASSIGN(const SelectSql select, session->ViewSql(view));
  DATALAKE_TRY_ASSIGN(const std::string sql,
                      BuildFilterSql(filter, select.columns, "(" + select.sql + ")"));
  return session->Run(sql);
}

}  // namespace datalake::query
