#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include <arrow/type_fwd.h>

#include "datalake/base/progress.h"

namespace datalake::format {

/// The same rows, told to `progress` as they pass and ended with kCancelled once `stop` is
/// requested. `items_total` is the number of rows where it is known, else 0. `progress` must
/// outlive the reader. Single-threaded, as `rows` is.
std::shared_ptr<arrow::RecordBatchReader> WatchRows(std::shared_ptr<arrow::RecordBatchReader> rows,
                                                    std::string phase, std::uint64_t items_total,
                                                    ProgressSink& progress, std::stop_token stop);

}  // namespace datalake::format
