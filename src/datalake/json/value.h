#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "datalake/base/result.h"

namespace datalake::json {

/// A JSON tree with the members of objects in their own order; a repeated key keeps its last value.
/// For configs and records of the control plane; documents go through DocumentParser.
using Value = nlohmann::ordered_json;

/// The deepest nesting that ParseValue accepts.
inline constexpr std::size_t kMaxDepth = 256;

/// Reads one JSON value; nothing but white space may follow it. `where` names the source in
/// messages ("jobs/7.json", "request body"). Thread-safe.
/// Errors: kInvalidArgument naming `where` and the byte offset (bad JSON, invalid UTF-8, deeper
/// than kMaxDepth).
Result<Value> ParseValue(std::string_view text, std::string_view where);

/// The value on one line, or with two-space indents. Invalid UTF-8 in a string becomes U+FFFD; a
/// double that is not finite becomes null. Thread-safe.
std::string DumpValue(const Value& value);
std::string DumpValueIndented(const Value& value);

/// "null", "boolean", "integer", "number", "string", "array" or "object".
std::string_view TypeName(const Value& value);

/// The member `key`, or nullptr when `object` is no object, has no such member or holds null there.
const Value* Find(const Value& object, std::string_view key);

/// A required member of the wanted type. Integers are exact: 1.0 is no integer, and one outside the
/// type's range is an error; GetDouble takes integers too. `where` as in ParseValue. Thread-safe.
/// Errors: kInvalidArgument "<where>: missing key: <key>", "<where>: <key> must be …, not …".
Result<std::string> GetString(const Value& object, std::string_view key, std::string_view where);
Result<std::int64_t> GetInt(const Value& object, std::string_view key, std::string_view where);
Result<std::uint64_t> GetUint(const Value& object, std::string_view key, std::string_view where);
Result<double> GetDouble(const Value& object, std::string_view key, std::string_view where);
Result<bool> GetBool(const Value& object, std::string_view key, std::string_view where);

/// As the Get functions, but a member that is absent or null gives nothing.
Result<std::optional<std::string>> FindString(const Value& object, std::string_view key,
                                              std::string_view where);
Result<std::optional<std::int64_t>> FindInt(const Value& object, std::string_view key,
                                            std::string_view where);
Result<std::optional<std::uint64_t>> FindUint(const Value& object, std::string_view key,
                                              std::string_view where);
Result<std::optional<double>> FindDouble(const Value& object, std::string_view key,
                                         std::string_view where);
Result<std::optional<bool>> FindBool(const Value& object, std::string_view key,
                                     std::string_view where);

}  // namespace datalake::json
