#pragma once

#include <ostream>
#include <string>

#include <gmock/gmock.h>

#include "datalake/base/result.h"

namespace datalake {

/// How GoogleTest shows a Result in a failure.
template <typename T>
void PrintTo(const Result<T>& result, std::ostream* out) {
  if (!result) {
    *out << ToString(result.error());
    return;
  }
  if constexpr (std::is_void_v<T>) {
    *out << "ok";
  } else {
    *out << "ok: " << ::testing::PrintToString(result.value());
  }
}

namespace testing {

/// A Status or Result without error.
MATCHER(IsOk, "is ok") {
  return arg.has_value();
}

/// A Result whose value matches `inner`.
MATCHER_P(IsOkAndHolds, inner, "is ok and holds a value that matches") {
  return arg.has_value() && ::testing::ExplainMatchResult(inner, arg.value(), result_listener);
}

/// An error with this code and this text in its message.
MATCHER_P2(IsError, code, substring,
           std::string("is the error ") + std::string(FactsOf(code).name) + " with \"" +
               std::string(substring) + "\"") {
  return !arg.has_value() && arg.error().code == code &&
         arg.error().message.find(substring) != std::string::npos;
}

}  // namespace testing
}  // namespace datalake
