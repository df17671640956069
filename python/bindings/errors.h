#pragma once

#include <exception>
#include <utility>

#include "datalake/base/result.h"

namespace datalake::python {

/// Carries an engine error through nanobind to the translator in module.cc, which raises the Python
/// class of its code. The only exception of our own; it never leaves the bindings.
class EngineError final : public std::exception {
 public:
  explicit EngineError(Error error) : error_(std::move(error)) {}

  const char* what() const noexcept override { return error_.message.c_str(); }

  const Error& error() const { return error_; }

 private:
  Error error_;
};

/// The value of a result, or EngineError.
template <typename T>
T Unwrap(Result<T> result) {
  if (!result) {
    throw EngineError(std::move(result).error());
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(result).value();
  }
}

}  // namespace datalake::python
