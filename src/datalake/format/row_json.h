#pragma once

#include <cstdint>
#include <string>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

namespace datalake::format {

/// How values become JSON.
struct RowJsonOptions {
  /// 64-bit integers beyond 2^53 are strings, so that JavaScript readers keep them exact.
  bool big_integers_as_text = false;
  /// Members of structs that are null are left out.
  bool skip_null_members = false;
};

/// Appends one value of a column as JSON: numbers exact, decimals as text, dates and times as ISO
/// 8601 (timestamps with zone in UTC with `Z`), binary as base64, lists as arrays, structs as
/// objects, maps with text keys as objects and others as arrays of {key, value}; NaN and infinities
/// as text. Text that is no valid UTF-8 gets U+FFFD. Thread-safe.
/// Errors: kUnsupported naming the type (unions, extensions without storage …).
Status AppendValueJson(const arrow::Array& column, std::int64_t row, const RowJsonOptions& options,
                       std::string& out);

/// Appends one row as a JSON object in the order of the columns. Errors: as AppendValueJson, naming
/// the column.
Status AppendRowJson(const arrow::RecordBatch& batch, std::int64_t row,
                     const RowJsonOptions& options, std::string& out);

}  // namespace datalake::format
