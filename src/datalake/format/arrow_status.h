#pragma once

// For .cc files only: brings in Arrow's Status and Result.

#include <string_view>
#include <utility>

#include <arrow/result.h>
#include <arrow/status.h>

#include "datalake/base/result.h"

namespace datalake::format {

/// The Error of a failed arrow::Status: "<what>: <its message on one line>". An Error that
/// travelled through Arrow (ToArrow) comes out with its own code. Codes: Invalid and TypeError
/// kInvalidArgument, NotImplemented kUnsupported, OutOfMemory and CapacityError kResourceExhausted,
/// KeyError and IndexError kNotFound, Cancelled kCancelled, IOError kIo, else kInternal.
/// Thread-safe.
Error ArrowError(const arrow::Status& status, std::string_view what);

/// Wraps `error` for Arrow's interfaces (readers and streams that Arrow calls); ArrowError gives it
/// back unchanged. Thread-safe.
arrow::Status ToArrow(const Error& error);

/// Ok, or ArrowError. Thread-safe.
inline Status FromArrow(const arrow::Status& status, std::string_view what) {
  if (status.ok()) {
    return {};
  }
  return ArrowError(status, what);
}

/// The value, or ArrowError. Thread-safe.
template <typename T>
Result<T> FromArrow(arrow::Result<T>&& result, std::string_view what) {
  if (!result.ok()) {
    return ArrowError(result.status(), what);
  }
  return std::move(result).ValueUnsafe();
}

}  // namespace datalake::format
