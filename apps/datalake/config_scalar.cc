#include "apps/datalake/config_scalar.h"

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace datalake::apps {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) {
      return true;
    }
  }
  return false;
}

template <typename Number>
std::optional<Number> ReadNumber(std::string_view digits) {
  Number number{};
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

}  // namespace

json::Value ScalarValue(const std::string& text) {
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) {
    return nullptr;
  }
  if (IsOneOf(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    return true;
  }
  if (IsOneOf(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    return false;
  }
  std::string digits;
  for (const char c : text) {
    if (c != '_') {
      digits.push_back(c);
    }
  }
  const bool is_numeric = digits.find_first_not_of("0123456789+-.eE") == std::string::npos &&
                          digits.find_first_of("0123456789") != std::string::npos &&
                          text.front() != '_';
  if (!is_numeric) {
    return text;
  }
  const std::string_view unsigned_part =
      std::string_view(digits).substr(digits.front() == '+' ? 1 : 0);
  if (const auto integer = ReadNumber<std::int64_t>(unsigned_part); integer.has_value()) {
    return *integer;
  }
  if (const auto integer = ReadNumber<std::uint64_t>(unsigned_part); integer.has_value()) {
    return *integer;
  }
  if (const auto number = ReadNumber<double>(unsigned_part); number.has_value()) {
    return *number;
  }
  return text;
}

}  // namespace datalake::apps
