#include "bindings/arrow_stream.h"

#include <utility>

#include <arrow/c/abi.h>

#include "datalake/format/c_stream.h"

#include "bindings/errors.h"

namespace nb = nanobind;

namespace datalake::python {
namespace {

constexpr const char* kCapsuleName = "arrow_array_stream";

void DeleteStream(PyObject* capsule) {
  auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, kCapsuleName));
  if (stream->release != nullptr) {  // nobody took it over
    stream->release(stream);
  }
  std::unique_ptr<ArrowArrayStream> owned(stream);
}

}  // namespace

nb::object ArrowStream::Capsule() {
  if (rows_ == nullptr) {
    throw EngineError({ErrorCode::kInvalidArgument, "these rows were read already"});
  }
  auto stream = std::make_unique<ArrowArrayStream>();
  Unwrap(format::ExportRows(std::exchange(rows_, nullptr), stream.get()));
  return nb::steal(PyCapsule_New(stream.release(), kCapsuleName, &DeleteStream));
}

std::shared_ptr<arrow::RecordBatchReader> RowsOfCapsule(nb::handle capsule) {
  if (!PyCapsule_IsValid(capsule.ptr(), kCapsuleName)) {
    throw EngineError({ErrorCode::kInvalidArgument, "not an Arrow stream capsule"});
  }
  auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule.ptr(), kCapsuleName));
  if (stream->release == nullptr) {
    throw EngineError({ErrorCode::kInvalidArgument, "this Arrow stream was read already"});
  }
  return Unwrap(format::ImportRows(stream));
}

void BindArrowStream(nb::module_& module) {
  nb::class_<ArrowStream>(module, "ArrowStream")
      .def(
          "__arrow_c_stream__", [](ArrowStream& self, const nb::object&) { return self.Capsule(); },
          nb::arg("requested_schema") = nb::none());
}

}  // namespace datalake::python
