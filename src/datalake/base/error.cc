#include "datalake/base/error.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace datalake {
namespace {

constexpr std::array<ErrorCodeFacts, 12> kFacts = {{
    {ErrorCode::kInvalidArgument, "invalid_argument", 400, 10, "InvalidArgumentError"},
    {ErrorCode::kNotFound, "not_found", 404, 11, "NotFoundError"},
    {ErrorCode::kAlreadyExists, "already_exists", 409, 12, "AlreadyExistsError"},
    {ErrorCode::kConflict, "conflict", 409, 13, "ConflictError"},
    {ErrorCode::kPermissionDenied, "permission_denied", 403, 14, "PermissionDeniedError"},
    {ErrorCode::kResourceExhausted, "resource_exhausted", 507, 15, "ResourceExhaustedError"},
    {ErrorCode::kCorruption, "corruption", 500, 16, "CorruptionError"},
    {ErrorCode::kIo, "io", 500, 17, "IoError"},
    {ErrorCode::kUnavailable, "unavailable", 503, 18, "UnavailableError"},
    {ErrorCode::kCancelled, "cancelled", 499, 19, "CancelledError"},
    {ErrorCode::kUnsupported, "unsupported", 501, 20, "UnsupportedError"},
    {ErrorCode::kInternal, "internal", 500, 21, "InternalError"},
}};

}  // namespace

const ErrorCodeFacts& FactsOf(ErrorCode code) {
  for (const ErrorCodeFacts& facts : kFacts) {
    if (facts.code == code) {
      return facts;
    }
  }
  return kFacts.back();
}

std::optional<ErrorCode> ErrorCodeFromName(std::string_view name) {
  for (const ErrorCodeFacts& facts : kFacts) {
    if (facts.name == name) {
      return facts.code;
    }
  }
  return std::nullopt;
}

std::string ToString(const Error& error) {
  return std::string(FactsOf(error.code).name) + ": " + error.message;
}

ErrorCode ErrorCodeFromErrno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorCode::kResourceExhausted;
    default:
      return ErrorCode::kIo;
  }
}

Error ErrnoError(int error_number, std::string_view what) {
  return {ErrorCodeFromErrno(error_number),
          std::string(what) + ": " + std::generic_category().message(error_number)};
}

}  // namespace datalake
