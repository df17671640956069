#include "datalake/format/c_stream.h"

#include <utility>

#include <arrow/c/abi.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>

#include "datalake/format/arrow_status.h"

namespace datalake::format {

Result<std::shared_ptr<arrow::RecordBatchReader>> ImportRows(ArrowArrayStream* stream) {
  return FromArrow(arrow::ImportRecordBatchReader(stream), "cannot take over an Arrow stream");
}

Status ExportRows(std::shared_ptr<arrow::RecordBatchReader> rows, ArrowArrayStream* out) {
  return FromArrow(arrow::ExportRecordBatchReader(std::move(rows), out),
                   "cannot hand out an Arrow stream");
}

}  // namespace datalake::format
