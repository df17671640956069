#include "datalake/json/value.h"

#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace datalake::json {
namespace {

// Where the nesting of `text` first exceeds kMaxDepth, counted outside strings.
std::optional<std::size_t> FindTooDeep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) {
        return i;
      }
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return std::nullopt;
}

// nlohmann's message without its "[json.exception.parse_error.101] parse error at …: " part and
// without the "last read: '…'" that quotes the input: it may be no UTF-8, and contributed text
// belongs in no message.
std::string_view ParseReason(std::string_view message) {
  const std::size_t at = message.find(": ");
  message = at == std::string_view::npos ? message : message.substr(at + 2);
  return message.substr(0, message.find("; last read"));
}

std::string Dump(const Value& value, int indent) {
  // error_handler_t::replace is the form of dump that does not throw.
  return value.dump(indent, ' ', false, Value::error_handler_t::replace);
}

Error WrongType(std::string_view where, std::string_view key, std::string_view wanted,
                const Value& got) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{}: {} must be {}, not {}", where, key, wanted, TypeName(got))};
}

Error OutOfRange(std::string_view where, std::string_view key, const Value& got) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{}: {} is out of range: {}", where, key, Dump(got, -1))};
}

Result<std::string> As(std::type_identity<std::string>, const Value& value, std::string_view key,
                       std::string_view where) {
  if (!value.is_string()) {
    return WrongType(where, key, "a string", value);
  }
  return value.get_ref<const std::string&>();
}

Result<std::int64_t> As(std::type_identity<std::int64_t>, const Value& value, std::string_view key,
                        std::string_view where) {
  if (!value.is_number_integer()) {
    return WrongType(where, key, "an integer", value);
  }
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return OutOfRange(where, key, value);
  }
  return value.get<std::int64_t>();
}

Result<std::uint64_t> As(std::type_identity<std::uint64_t>, const Value& value,
                         std::string_view key, std::string_view where) {
  if (!value.is_number_integer()) {
    return WrongType(where, key, "an integer", value);
  }
  if (!value.is_number_unsigned() && value.get<std::int64_t>() < 0) {
    return OutOfRange(where, key, value);
  }
  return value.get<std::uint64_t>();
}

Result<double> As(std::type_identity<double>, const Value& value, std::string_view key,
                  std::string_view where) {
  if (!value.is_number()) {
    return WrongType(where, key, "a number", value);
  }
  return value.get<double>();
}

Result<bool> As(std::type_identity<bool>, const Value& value, std::string_view key,
                std::string_view where) {
  if (!value.is_boolean()) {
    return WrongType(where, key, "true or false", value);
  }
  return value.get<bool>();
}

template <typename T>
Result<std::optional<T>> FindAs(const Value& object, std::string_view key, std::string_view where) {
  if (!object.is_object()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}: must be an object, not {}", where, TypeName(object))};
  }
  const Value* member = Find(object, key);
  if (member == nullptr) {
    return std::optional<T>();
  }
  DATALAKE_TRY_ASSIGN(T value, As(std::type_identity<T>(), *member, key, where));
  return std::optional<T>(std::move(value));
}

template <typename T>
Result<T> GetAs(const Value& object, std::string_view key, std::string_view where) {
  DATALAKE_TRY_ASSIGN(std::optional<T> value, FindAs<T>(object, key, where));
  if (!value.has_value()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: missing key: {}", where, key)};
  }
  return *std::move(value);
}

}  // namespace

Result<Value> ParseValue(std::string_view text, std::string_view where) {
  if (const std::optional<std::size_t> at = FindTooDeep(text); at.has_value()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}: JSON nested deeper than {} at byte {}", where, kMaxDepth, *at)};
  }
  if (const std::size_t at = text.find('\0'); at != std::string_view::npos) {
    // Never valid in JSON, and to the library the end of the text: what follows would be ignored.
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}: bad JSON at byte {}: zero byte", where, at)};
  }
  try {
    return Value::parse(text.begin(), text.end());
  } catch (const Value::parse_error& error) {
    const std::size_t offset = error.byte == 0 ? 0 : error.byte - 1;
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: bad JSON at byte {}: {}", where,
                                                          offset, ParseReason(error.what()))};
  } catch (const Value::exception& error) {
    // A number outside the range of double.
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}: bad JSON: {}", where, ParseReason(error.what()))};
  }
}

std::string DumpValue(const Value& value) {
  return Dump(value, -1);
}

std::string DumpValueIndented(const Value& value) {
  return Dump(value, 2);
}

std::string_view TypeName(const Value& value) {
  switch (value.type()) {
    case Value::value_t::null:
      return "null";
    case Value::value_t::boolean:
      return "boolean";
    case Value::value_t::number_integer:
    case Value::value_t::number_unsigned:
      return "integer";
    case Value::value_t::number_float:
      return "number";
    case Value::value_t::string:
      return "string";
    case Value::value_t::array:
      return "array";
    case Value::value_t::object:
      return "object";
    default:
      return "nothing";
  }
}

const Value* Find(const Value& object, std::string_view key) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto it = object.find(std::string(key));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<std::string> GetString(const Value& object, std::string_view key, std::string_view where) {
  return GetAs<std::string>(object, key, where);
}

Result<std::int64_t> GetInt(const Value& object, std::string_view key, std::string_view where) {
  return GetAs<std::int64_t>(object, key, where);
}

Result<std::uint64_t> GetUint(const Value& object, std::string_view key, std::string_view where) {
  return GetAs<std::uint64_t>(object, key, where);
}

Result<double> GetDouble(const Value& object, std::string_view key, std::string_view where) {
  return GetAs<double>(object, key, where);
}

Result<bool> GetBool(const Value& object, std::string_view key, std::string_view where) {
  return GetAs<bool>(object, key, where);
}

Result<std::optional<std::string>> FindString(const Value& object, std::string_view key,
                                              std::string_view where) {
  return FindAs<std::string>(object, key, where);
}

Result<std::optional<std::int64_t>> FindInt(const Value& object, std::string_view key,
                                            std::string_view where) {
  return FindAs<std::int64_t>(object, key, where);
}

Result<std::optional<std::uint64_t>> FindUint(const Value& object, std::string_view key,
                                              std::string_view where) {
  return FindAs<std::uint64_t>(object, key, where);
}

Result<std::optional<double>> FindDouble(const Value& object, std::string_view key,
                                         std::string_view where) {
  return FindAs<double>(object, key, where);
}

Result<std::optional<bool>> FindBool(const Value& object, std::string_view key,
                                     std::string_view where) {
  return FindAs<bool>(object, key, where);
}

}  // namespace datalake::json
