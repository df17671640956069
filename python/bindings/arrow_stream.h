#pragma once

#include <memory>
#include <utility>

#include <arrow/type_fwd.h>
#include <nanobind/nanobind.h>

#include "datalake/base/result.h"

namespace datalake::python {

/// Rows on their way to Python: an object with `__arrow_c_stream__`, which can be asked once
/// (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).
/// Keeps `owner`, which the rows read from, until the consumer has released them.
class ArrowStream {
 public:
  ArrowStream(std::shared_ptr<arrow::RecordBatchReader> rows, std::shared_ptr<const void> owner)
      : rows_(std::move(rows)), owner_(std::move(owner)) {}

  /// The capsule "arrow_array_stream"; throws EngineError when the rows were given out already.
  nanobind::object Capsule();

 private:
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  std::shared_ptr<const void> owner_;
};

/// Takes over the rows of a capsule "arrow_array_stream". Throws EngineError.
std::shared_ptr<arrow::RecordBatchReader> RowsOfCapsule(nanobind::handle capsule);

/// Adds class ArrowStream to the module.
void BindArrowStream(nanobind::module_& module);

}  // namespace datalake::python
