#include "datalake/format/arrow_status.h"

#include <memory>
#include <string>

#include <fmt/format.h>

namespace datalake::format {
namespace {

constexpr char kDetailTypeId[] = "datalake::Error";

// Carries an Error through code that speaks arrow::Status.
class ErrorDetail final : public arrow::StatusDetail {
 public:
  explicit ErrorDetail(Error error) : error_(std::move(error)) {}

  const char* type_id() const override { return kDetailTypeId; }

  std::string ToString() const override { return datalake::ToString(error_); }

  const Error& error() const { return error_; }

 private:
  Error error_;
};

ErrorCode CodeOf(const arrow::Status& status) {
  switch (status.code()) {
    case arrow::StatusCode::Invalid:
    case arrow::StatusCode::TypeError:
      return ErrorCode::kInvalidArgument;
    case arrow::StatusCode::NotImplemented:
      return ErrorCode::kUnsupported;
    case arrow::StatusCode::OutOfMemory:
    case arrow::StatusCode::CapacityError:
      return ErrorCode::kResourceExhausted;
    case arrow::StatusCode::KeyError:
    case arrow::StatusCode::IndexError:
      return ErrorCode::kNotFound;
    case arrow::StatusCode::Cancelled:
      return ErrorCode::kCancelled;
    case arrow::StatusCode::IOError:
      return ErrorCode::kIo;
    default:
      return ErrorCode::kInternal;
  }
}

arrow::StatusCode CodeOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorruption:
      return arrow::StatusCode::Invalid;
    case ErrorCode::kUnsupported:
      return arrow::StatusCode::NotImplemented;
    case ErrorCode::kNotFound:
      return arrow::StatusCode::KeyError;
    case ErrorCode::kCancelled:
      return arrow::StatusCode::Cancelled;
    default:
      return arrow::StatusCode::IOError;
  }
}

}  // namespace

Error ArrowError(const arrow::Status& status, std::string_view what) {
  if (status.detail() != nullptr && status.detail()->type_id() == kDetailTypeId) {
    return static_cast<const ErrorDetail&>(*status.detail()).error();
  }
  std::string message(status.message());
  for (char& c : message) {
    c = c == '\n' || c == '\r' ? ' ' : c;
  }
  while (!message.empty() && (message.back() == ' ' || message.back() == '.')) {
    message.pop_back();
  }
  return Error{CodeOf(status), fmt::format("{}: {}", what, message)};
}

arrow::Status ToArrow(const Error& error) {
  return arrow::Status(CodeOf(error), error.message, std::make_shared<ErrorDetail>(error));
}

}  // namespace datalake::format
