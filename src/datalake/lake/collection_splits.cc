#include "datalake/lake/collection_splits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/base/name.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/row_json.h"

namespace datalake::lake {
namespace {

constexpr double kSumTolerance = 1e-9;

Result<SplitShare> ParseShare(std::string_view text) {
  const std::size_t equals = text.find('=');
  SplitShare split{.name = std::string(text.substr(0, equals))};
  if (equals == std::string_view::npos) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a split is name=share, such as train=0.9: {}", text)};
  }
  DATALAKE_TRY(CheckName("split", split.name));
  const std::string_view number = text.substr(equals + 1);
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), split.share);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == number.data() + number.size();
  if (!is_number || !(split.share > 0) || split.share > 1) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the share of a split must be above 0 and at most 1: {}", text)};
  }
  return split;
}

// A view of a string cell, or the JSON of another one in `buffer`.
Result<std::string_view> KeyText(const arrow::Array& column, std::int64_t row,
                                 std::string& buffer) {
  if (column.type_id() == arrow::Type::STRING) {
    return static_cast<const arrow::StringArray&>(column).GetView(row);
  }
  if (column.type_id() == arrow::Type::LARGE_STRING) {
    return static_cast<const arrow::LargeStringArray&>(column).GetView(row);
  }
  buffer.clear();
  DATALAKE_TRY(format::AppendValueJson(column, row, {}, buffer));
  return std::string_view(buffer);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::shared_ptr<arrow::RecordBatch>& batch, const std::vector<std::int64_t>& rows) {
  arrow::Int64Builder builder;
  ARROW_RETURN_NOT_OK(builder.AppendValues(rows));
  std::shared_ptr<arrow::Array> indices;
  ARROW_RETURN_NOT_OK(builder.Finish(&indices));
  ARROW_ASSIGN_OR_RAISE(const arrow::Datum taken,
                        arrow::compute::Take(arrow::Datum(batch), arrow::Datum(indices)));
  return taken.record_batch();
}

}  // namespace

Result<SplitPlan> ParseSplitPlan(std::string_view shares, std::string_view key) {
  SplitPlan plan{.shares = {}, .key = std::string(key)};
  if (shares.empty() && key.empty()) {
    return plan;
  }
  if (shares.empty() || key.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "splits need shares and a key column, such as: train=0.9,test=0.1 by id"};
  }
  double sum = 0;
  while (!shares.empty()) {
    const std::size_t comma = std::min(shares.find(','), shares.size());
    DATALAKE_TRY_ASSIGN(SplitShare split, ParseShare(shares.substr(0, comma)));
    shares.remove_prefix(std::min(comma + 1, shares.size()));
    sum += split.share;
    const bool is_known =
        std::any_of(plan.shares.begin(), plan.shares.end(),
                    [&](const SplitShare& other) { return other.name == split.name; });
    if (is_known) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("split named twice: {}", split.name)};
    }
    plan.shares.push_back(std::move(split));
  }
  if (std::abs(sum - 1) > kSumTolerance) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the shares of the splits must add up to 1, not {}", sum)};
  }
  return plan;
}

std::size_t SplitOf(const SplitPlan& plan, std::string_view key_text) {
  // The upper 53 bits, which a double holds exactly.
  const double place = std::ldexp(static_cast<double>(Xxh3Hash64(key_text) >> 11), -53);
  double end = 0;
  for (std::size_t i = 0; i + 1 < plan.shares.size(); ++i) {
    end += plan.shares[i].share;
    if (place < end) {
      return i;
    }
  }
  return plan.shares.size() - 1;
}

Result<RowSplitter> RowSplitter::Make(SplitPlan plan, const arrow::Schema& schema) {
  const int column = schema.GetFieldIndex(plan.key);
  if (column < 0) {
    return UnknownNameError("column for the splits", plan.key, schema.field_names());
  }
  return RowSplitter(std::move(plan), column);
}

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> RowSplitter::Split(
    const std::shared_ptr<arrow::RecordBatch>& batch) {
  const arrow::Array& keys = *batch->column(column_);
  std::vector<std::vector<std::int64_t>> rows(plan_.shares.size());
  std::string buffer;
  for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
    if (keys.IsNull(row)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a row has no value in the key of the splits: {}: row {}", plan_.key,
                               rows_before_ + row)};
    }
    DATALAKE_TRY_ASSIGN(const std::string_view text, KeyText(keys, row, buffer));
    rows[SplitOf(plan_, text)].push_back(row);
  }
  rows_before_ += batch->num_rows();
  std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
  for (const std::vector<std::int64_t>& part : rows) {
    DATALAKE_TRY_ASSIGN(auto taken, format::FromArrow(TakeRows(batch, part), "cannot divide rows"));
    parts.push_back(std::move(taken));
  }
  return parts;
}

}  // namespace datalake::lake
