#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace datalake {

/// The closed list of what can go wrong; stable numbers, never reused. `ErrorCodeInfo` says how
/// each one shows in HTTP, in an exit code and in Python.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument = 1,
  kNotFound = 2,
  kAlreadyExists = 3,
  kConflict = 4,
  kPermissionDenied = 5,
  kResourceExhausted = 6,
  kCorruption = 7,
  kIo = 8,
  kUnavailable = 9,
  kCancelled = 10,
  kUnsupported = 11,
  kInternal = 12,
};

/// A failure: a code for programs and one line for people. The message is lowercase without a full
/// stop, static text first, values last, with path and line or offset.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

/// How one error code shows at each boundary of the program.
struct ErrorCodeFacts {
  ErrorCode code;
  std::string_view name;              ///< snake_case, as in job records and problem+json `type`
  int http_status;                    ///< status of an HTTP answer
  int exit_code;                      ///< exit code of the CLI
  std::string_view python_exception;  ///< subclass of datalake.Error
};

/// The one table of codes. Never fails: an unknown number is shown as kInternal. Thread-safe.
const ErrorCodeFacts& FactsOf(ErrorCode code);

/// The code whose `name` is `name`, if any. Thread-safe.
std::optional<ErrorCode> ErrorCodeFromName(std::string_view name);

/// "not_found: no such table: a/b/raw", for logs and test failures.
std::string ToString(const Error& error);

/// Maps an errno value to a code: ENOENT kNotFound, EEXIST kAlreadyExists, EACCES and EPERM
/// kPermissionDenied, ENOSPC, EDQUOT and EMFILE kResourceExhausted, else kIo.
ErrorCode ErrorCodeFromErrno(int error_number);

/// An Error of the matching code: "<what>: <strerror text>".
Error ErrnoError(int error_number, std::string_view what);

}  // namespace datalake
