#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/table/snapshot.h"

namespace datalake::table {

/// What the log says of one column in one file; what it does not say, or says of a type without a
/// useful order, is absent. A bound of long strings may lie outside the values, never inside them.
struct ColumnBounds {
  std::shared_ptr<arrow::Scalar> min = nullptr;
  std::shared_ptr<arrow::Scalar> max = nullptr;
  std::optional<std::int64_t> null_count = std::nullopt;
};

/// Bounds by the statistics of one file. Parses them once. Immutable, Thread-safe.
class FileBounds {
 public:
  FileBounds(const TableSnapshot& snapshot, const TableFile& file);
  ~FileBounds();
  FileBounds(const FileBounds&) = delete;
  FileBounds& operator=(const FileBounds&) = delete;

  /// Of a partition column its value, as both bounds. `path` is a column, or a column and fields of
  /// structs. Nothing is known of an unknown one.
  ColumnBounds Of(std::span<const std::string> path) const;

  /// Rows of the file, if the log says.
  std::optional<std::int64_t> num_rows() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The order of two values of one type of ColumnBounds: integers, floats, strings (by bytes), dates
/// and timestamps; unordered for other types, different types and NaN. Thread-safe.
std::partial_ordering CompareScalars(const arrow::Scalar& a, const arrow::Scalar& b);

/// The value of `type` that JSON text (a number, or a string as Delta's statistics have it) stands
/// for exactly; nullptr for other types, what does not fit, and decimals. Thread-safe.
std::shared_ptr<arrow::Scalar> ScalarFromJson(std::string_view json, const arrow::DataType& type);

}  // namespace datalake::table
