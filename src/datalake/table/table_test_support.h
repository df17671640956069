#pragma once

#include <memory>
#include <string>
#include <utility>

#include <arrow/api.h>
#include <arrow/json/from_string.h>

#include "datalake/base/random.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"

namespace datalake::table {

/// Rows from JSON text, as one batch.
inline std::shared_ptr<arrow::RecordBatchReader> Rows(const std::shared_ptr<arrow::Schema>& schema,
                                                      const std::string& json) {
  auto array =
      arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json).ValueOrDie();
  auto batch = arrow::RecordBatch::FromStructArray(array).ValueOrDie();
  return arrow::RecordBatchReader::Make({std::move(batch)}, schema).ValueOrDie();
}

/// All rows of a snapshot; the test ends when they cannot be read.
inline std::shared_ptr<arrow::Table> AllRows(io::FileSystem& fs,
                                             std::shared_ptr<const TableSnapshot> snapshot) {
  auto reader = ReadTable(fs, std::move(snapshot));
  return (*reader)->ToTable().ValueOrDie();
}

/// The column as text, for short expectations.
inline std::string ColumnText(const arrow::Table& table, const std::string& name) {
  std::string text;
  for (const auto& chunk : table.GetColumnByName(name)->chunks()) {
    for (std::int64_t i = 0; i < chunk->length(); ++i) {
      text += (text.empty() ? "" : " ") + chunk->GetScalar(i).ValueOrDie()->ToString();
    }
  }
  return text;
}

}  // namespace datalake::table
