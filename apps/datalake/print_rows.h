#pragma once

#include <cstdint>
#include <string>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// How rows are shown to people.
struct TableStyle {
  std::size_t max_cell_chars = 60;  ///< longer cells are cut, with "…"
  std::size_t sample_rows = 200;    ///< widths are those of the first rows
};

/// Writes all of `rows` to standard output as they come: with --json one object a line (numbers
/// exact: integers beyond 2^53 and decimals as strings, binary as base64), else a table for people
/// (lists and structs as JSON, binary as its length, wide cells cut). Returns the number of rows.
/// Errors: those of `rows`, kIo.
Result<std::int64_t> PrintRows(const Context& context, arrow::RecordBatchReader& rows,
                               const TableStyle& style = {});

/// The text of one cell for people, on one line, at most `max_chars` code points. Errors:
/// kUnsupported (type).
Result<std::string> CellText(const arrow::Array& column, std::int64_t row, std::size_t max_chars);

}  // namespace datalake::apps
