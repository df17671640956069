#pragma once

#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/format/parquet.h"

namespace datalake::format {

/// Null counts and exact bounds of every leaf column that is not inside a list or map, gathered
/// batch by batch. Bounds of integers, floats, decimals, strings, dates and timestamps; a float
/// column that has held a NaN has none (specs of Delta statistics: a wrong bound loses rows).
/// Single-threaded.
class StatisticsCollector {
 public:
  explicit StatisticsCollector(const arrow::Schema& schema);
  ~StatisticsCollector();

  /// Takes a batch of the schema. Errors: kResourceExhausted (memory).
  Status Add(const arrow::RecordBatch& batch);

  std::vector<ColumnStatistics> Finish() const;

 private:
  class Node;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace datalake::format
