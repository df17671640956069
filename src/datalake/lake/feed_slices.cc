// All records of a feed in their order, in slices of time that are small enough to be sorted in
// little memory.
#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/format/arrow_rows.h"
#include "datalake/format/arrow_status.h"
#include "datalake/lake/feed_filter.h"
#include "datalake/lake/feed_query_internal.h"
#include "datalake/query/sql_text.h"
#include "datalake/table/snapshot.h"

namespace datalake::lake {
namespace {

constexpr std::int64_t kSliceRows = 16'384;
constexpr std::int64_t kSliceBytes = std::int64_t{8} << 20;  // of bodies
constexpr std::int64_t kSecondUs = 1'000'000;

// Rows behind their first columns, ingest_id, version and received, which are dropped; without
// those that are not current.
class CurrentRows final : public arrow::RecordBatchReader {
 public:
  CurrentRows(std::shared_ptr<arrow::RecordBatchReader> rows, std::shared_ptr<const Moment> moment)
      : rows_(std::move(rows)), moment_(std::move(moment)) {}

  std::shared_ptr<arrow::Schema> schema() const override {
    const arrow::FieldVector& all = rows_->schema()->fields();
    return arrow::schema(arrow::FieldVector(all.begin() + kKeyColumns, all.end()));
  }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    do {
      ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
      if (batch == nullptr) {
        break;
      }
      ARROW_ASSIGN_OR_RAISE(const auto mask, Mask(*batch));
      for (int i = 0; i < kKeyColumns; ++i) {
        ARROW_ASSIGN_OR_RAISE(batch, batch->RemoveColumn(0));
      }
      ARROW_ASSIGN_OR_RAISE(const arrow::Datum kept,
                            arrow::compute::Filter(arrow::Datum(batch), arrow::Datum(mask)));
      batch = kept.record_batch();
    } while (batch->num_rows() == 0);
    *out = std::move(batch);
    return arrow::Status::OK();
  }

 private:
  static constexpr int kKeyColumns = 3;

  arrow::Result<std::shared_ptr<arrow::Array>> Mask(const arrow::RecordBatch& batch) const {
    const auto& ids = static_cast<const arrow::StringArray&>(*batch.column(0));
    const auto& versions = static_cast<const arrow::Int64Array&>(*batch.column(1));
    arrow::BooleanBuilder stays;
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      ARROW_RETURN_NOT_OK(stays.Append(moment_->IsCurrent(ids.GetView(row), versions.Value(row))));
    }
    return stays.Finish();
  }

  std::shared_ptr<arrow::RecordBatchReader> rows_;
  std::shared_ptr<const Moment> moment_;
};

// Rows of one day, received from `begin` on and before `end`, in microseconds since 1970.
struct Slice {
  std::string day;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

std::string Received(std::int64_t begin, std::int64_t end) {
  return fmt::format(" AND hits.received >= {} AND hits.received < {}", TimeLiteral(begin),
                     TimeLiteral(end));
}

// Rows that one slice may have: fewer where bodies are large.
std::int64_t MostRows(const Moment& moment, const std::string& day) {
  std::int64_t most = kSliceRows;
  const auto limit = [&most](std::int64_t rows, std::int64_t body_bytes) {
    if (rows > 0 && body_bytes > 0) {
      most = std::min(most, std::max<std::int64_t>(rows * kSliceBytes / body_bytes, 1));
    }
  };
  limit(moment.view.tail.rows, moment.view.tail.body_bytes);
  if (moment.view.snapshot != nullptr) {
    for (const table::TableFilePtr& file : moment.view.snapshot->files()) {
      if (DayOf(*file) == day) {
        // Compressed to about a quarter, each body is in a file twice: raw and in columns.
        limit(file->num_rows, 2 * static_cast<std::int64_t>(file->size_bytes));
      }
    }
  }
  return most;
}

// Cuts a day into slices.
class Slicer {
 public:
  Slicer(FeedQueries::Impl& impl, const Moment& moment, const std::string& condition,
         std::stop_token stop)
      : impl_(impl), moment_(moment), condition_(condition), stop_(std::move(stop)) {}

  Status AddDay(const std::string& day) {
    day_ = day;
    most_ = MostRows(moment_, day);
    held_ = most_;  // the first row of a day begins a slice
    return Visit("epoch_us(received) // 1000000", "",
                 [this](std::int64_t second, std::int64_t rows) {
                   const std::int64_t begin = second * kSecondUs;
                   return rows > most_ ? AddSecond(begin) : Add(begin, begin + kSecondUs, rows);
                 });
  }

  std::vector<Slice> Take() { return std::move(slices_); }

 private:
  using Visitor = std::function<Status(std::int64_t time, std::int64_t rows)>;

  // One request may have brought many rows at once.
  Status AddSecond(std::int64_t begin) {
    return Visit(
        "epoch_us(received)", Received(begin, begin + kSecondUs),
        [this](std::int64_t time, std::int64_t rows) { return Add(time, time + 1, rows); });
  }

  Status Add(std::int64_t begin, std::int64_t end, std::int64_t rows) {
    if (held_ + rows > most_) {
      slices_.push_back({.day = day_, .begin = begin});
      held_ = 0;
    }
    slices_.back().end = end;
    held_ += rows;
    return {};
  }

  // How many rows there are at each time, in the order of time.
  Status Visit(std::string_view time, const std::string& condition, const Visitor& visit) {
    const SelectOf select = [time](const std::string& hits) {
      return fmt::format("SELECT {} AS time, count(*) AS held FROM {} GROUP BY 1", time, hits);
    };
    const DayRange day{.from = day_, .to = day_};
    const query::RowFilter order{.order_by = {{.column = "time"}}};
    DATALAKE_TRY_ASSIGN(
        const auto reader,
        impl_.Select(moment_, day, condition_ + InDays(day) + condition, select, order, {}, stop_));
    while (true) {
      DATALAKE_TRY_ASSIGN(const auto batch,
                          format::FromArrow(reader->Next(), "cannot count records of a feed"));
      if (batch == nullptr) {
        return {};
      }
      const auto& times = static_cast<const arrow::Int64Array&>(*batch->column(0));
      const auto& held = static_cast<const arrow::Int64Array&>(*batch->column(1));
      for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
        DATALAKE_TRY(visit(times.Value(i), held.Value(i)));
      }
    }
  }

  FeedQueries::Impl& impl_;
  const Moment& moment_;
  const std::string& condition_;
  const std::stop_token stop_;
  std::string day_;
  std::int64_t most_ = 0;
  std::int64_t held_ = 0;  // by the last slice
  std::vector<Slice> slices_;
};

}  // namespace

Result<FeedRows> FeedQueries::Rows(std::string_view feed, const FeedFilter& filter,
                                   const std::vector<std::string>& columns, std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const auto moment, impl_->Now(feed));
  DATALAKE_TRY_ASSIGN(const std::string condition, FeedFilterSql(filter, *moment->view.schema));
  std::vector<std::string> names = columns;
  if (names.empty()) {
    names = moment->view.schema->field_names();
  }
  arrow::FieldVector fields;
  for (const std::string& name : names) {
    const auto field = moment->view.schema->GetFieldByName(name);
    if (field == nullptr) {
      return UnknownNameError("column of the feed", name, moment->view.schema->field_names());
    }
    fields.push_back(field);
  }
  const DayRange wanted{.from = filter.from, .to = filter.to};
  Slicer slicer(*impl_, *moment, condition, stop);
  for (const std::string& day : moment->days) {
    DATALAKE_TRY(wanted.Holds(day) ? slicer.AddDay(day) : Status());
  }
  const std::vector<Slice> slices = slicer.Take();
  std::string wanted_columns =
      "ingest_id AS key_id, version AS key_version, received AS key_received";
  for (const std::string& name : names) {
    wanted_columns += ", " + query::QuoteIdentifier(name);
  }
  const SelectOf select = [wanted_columns](const std::string& hits) {
    return fmt::format("SELECT {} FROM {}", wanted_columns, hits);
  };
  const query::RowFilter order{.order_by = {{.column = "key_received"}, {.column = "key_id"}}};
  const auto open = [impl = impl_.get(), moment, condition, slices, select, order,
                     stop](std::size_t i) -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    const Slice& slice = slices[i];
    const DayRange day{.from = slice.day,
                       .to = slice.day,
                       .sealed_only = slice.end <= moment->view.tail.first_received_us};
    DATALAKE_TRY_ASSIGN(
        auto rows,
        impl->Select(*moment, day, condition + InDays(day) + Received(slice.begin, slice.end),
                     select, order, {}, stop));
    return std::make_shared<CurrentRows>(std::move(rows), moment);
  };
  return FeedRows{
      .rows = format::ConcatRows(arrow::schema(fields), slices.size(), open),
      .table_version = moment->view.snapshot == nullptr ? -1 : moment->view.snapshot->version()};
}

}  // namespace datalake::lake
