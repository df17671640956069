#include "bindings/arrow_stream.h"

#include <utility>

#include <arrow/c/abi.h>

#include "datalake/format/c_stream.h"

#include "bindings/errors.h"

namespace nb = nanobind;

namespace datalake::python {
namespace {

constexpr const char* kCapsuleName = "arrow_array_stream";

// A stream with what it reads from: consumers such as pyarrow move the C struct out of the capsule,
// so only the struct itself can keep the lake alive.
struct OwnedStream {
  ArrowArrayStream rows{};
  std::shared_ptr<const void> owner;
};

OwnedStream& Owned(ArrowArrayStream* stream) {
  return *static_cast<OwnedStream*>(stream->private_data);
}

int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
  ArrowArrayStream& rows = Owned(stream).rows;
  return rows.get_schema(&rows, out);
}

int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
  ArrowArrayStream& rows = Owned(stream).rows;
  return rows.get_next(&rows, out);
}

const char* GetLastError(ArrowArrayStream* stream) {
  ArrowArrayStream& rows = Owned(stream).rows;
  return rows.get_last_error(&rows);
}

void Release(ArrowArrayStream* stream) {
  const std::unique_ptr<OwnedStream> owned(&Owned(stream));
  owned->rows.release(&owned->rows);  // the rows go before their owner
  stream->release = nullptr;
}

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
  auto owned = std::make_unique<OwnedStream>();
  Unwrap(format::ExportRows(std::exchange(rows_, nullptr), &owned->rows));
  owned->owner = std::exchange(owner_, nullptr);
  auto stream =
      std::make_unique<ArrowArrayStream>(ArrowArrayStream{.get_schema = &GetSchema,
                                                          .get_next = &GetNext,
                                                          .get_last_error = &GetLastError,
                                                          .release = &Release,
                                                          .private_data = owned.release()});
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
