#pragma once

#include <concepts>
#include <type_traits>
#include <utility>
#include <variant>

#include "datalake/base/error.h"

namespace datalake {

/// A value of type T or an Error; the member names are those of std::expected (C++23).
/// Dereferencing an error is undefined, as there. Thread-compatible.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(const T& value) : state_(std::in_place_index<0>, value) {}  // NOLINT: implicit

  Result(T&& value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit

  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  /// From anything that converts to T, such as unique_ptr<Derived> to unique_ptr<Base>.
  template <typename U>
    requires(std::convertible_to<U, T> && !std::same_as<std::remove_cvref_t<U>, Result> &&
             !std::same_as<std::remove_cvref_t<U>, Error> &&
             !std::same_as<std::remove_cvref_t<U>, T>)
  Result(U&& value)  // NOLINT: implicit
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool has_value() const { return state_.index() == 0; }

  explicit operator bool() const { return has_value(); }

  T& value() & { return *std::get_if<0>(&state_); }

  const T& value() const& { return *std::get_if<0>(&state_); }

  T&& value() && { return std::move(*std::get_if<0>(&state_)); }

  T& operator*() & { return value(); }

  const T& operator*() const& { return value(); }

  T&& operator*() && { return std::move(*this).value(); }

  T* operator->() { return std::get_if<0>(&state_); }

  const T* operator->() const { return std::get_if<0>(&state_); }

  Error& error() & { return *std::get_if<1>(&state_); }

  const Error& error() const& { return *std::get_if<1>(&state_); }

  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

  template <typename U>
  T value_or(U&& fallback) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;

  Result(Error error) : state_(std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return state_.index() == 0; }

  explicit operator bool() const { return has_value(); }

  Error& error() & { return *std::get_if<1>(&state_); }

  const Error& error() const& { return *std::get_if<1>(&state_); }

  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<std::monostate, Error> state_;
};

using Status = Result<void>;

/// The same error with "<context>: " in front of its message.
inline Error WithContext(Error error, std::string_view context) {
  error.message.insert(0, ": ");
  error.message.insert(0, context);
  return error;
}

}  // namespace datalake

#define DATALAKE_CONCAT_INNER_(a, b) a##b
#define DATALAKE_CONCAT_(a, b) DATALAKE_CONCAT_INNER_(a, b)

/// Evaluates a Status or Result; returns its error from the enclosing function.
#define DATALAKE_TRY(expr)                                 \
  do {                                                     \
    if (auto datalake_status = (expr); !datalake_status) { \
      return std::move(datalake_status).error();           \
    }                                                      \
  } while (false)

/// Evaluates a Result<T>; assigns its value to `lhs` (which may declare) or returns its error.
#define DATALAKE_TRY_ASSIGN(lhs, expr) \
  DATALAKE_TRY_ASSIGN_INNER_(DATALAKE_CONCAT_(datalake_result_, __LINE__), lhs, expr)
#define DATALAKE_TRY_ASSIGN_INNER_(tmp, lhs, expr) \
  auto tmp = (expr);                               \
  if (!tmp) {                                      \
    return std::move(tmp).error();                 \
  }                                                \
  lhs = std::move(tmp).value()
