// simdjson On-Demand checks UTF-8 and structure of the whole line in its first stage, but skips
// values that nobody reads. Everything skipped here is walked and checked, so a broken line never
// passes because its damage lies in a field that is not asked for.
#include "datalake/json/document.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <simdjson.h>

namespace datalake::json {
namespace {

namespace ondemand = simdjson::ondemand;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t SkipDigits(std::string_view token, std::size_t at) {
  while (at < token.size() && IsDigit(token[at])) {
    ++at;
  }
  return at;
}

// RFC 8259 §6, of any size: 1e999 and 40 digits are numbers that a reader may keep as text.
bool IsNumber(std::string_view token) {
  std::size_t at = !token.empty() && token[0] == '-' ? 1 : 0;
  const std::size_t integer = at;
  at = SkipDigits(token, at);
  if (at == integer || (token[integer] == '0' && at > integer + 1)) {
    return false;
  }
  if (at < token.size() && token[at] == '.') {
    const std::size_t fraction = at + 1;
    at = SkipDigits(token, fraction);
    if (at == fraction) {
      return false;
    }
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    at += at < token.size() && (token[at] == '+' || token[at] == '-') ? 1 : 0;
    const std::size_t exponent = at;
    at = SkipDigits(token, exponent);
    if (at == exponent) {
      return false;
    }
  }
  return at == token.size();
}

// A scalar's token without the white space that simdjson leaves behind it.
std::string_view Trim(std::string_view token) {
  const std::size_t last = token.find_last_not_of(" \t\n\r");
  return token.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

enum class Field { kId, kText, kSource, kCreated, kAdded, kVersion, kMetadata, kOther };

Field FieldOf(std::string_view key) {
  switch (key.size()) {
    case 2:
      return key == "id" ? Field::kId : Field::kOther;
    case 4:
      return key == "text" ? Field::kText : Field::kOther;
    case 5:
      return key == "added" ? Field::kAdded : Field::kOther;
    case 6:
      return key == "source" ? Field::kSource : Field::kOther;
    case 7:
      return key == "created"   ? Field::kCreated
             : key == "version" ? Field::kVersion
                                : Field::kOther;
    case 8:
      return key == "metadata" ? Field::kMetadata : Field::kOther;
    default:
      return Field::kOther;
  }
}

}  // namespace

struct DocumentParser::State {
  FieldTypes types = FieldTypes::kStrict;
  ondemand::parser parser;
  std::string_view line;
  char* out = nullptr;  // where the next unescaped string goes

  struct Found {
    std::optional<std::string_view> id;
    std::optional<std::string_view> text;
    std::optional<std::string_view> source;
    std::optional<std::string_view> unused;
    std::string_view metadata;
    std::string_view id_raw;
  };

  Error Reject(std::string_view reason, const char* at = nullptr) const {
    if (at != nullptr && at >= line.data() && at <= line.data() + line.size()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}: byte {} of the line", reason, at - line.data())};
    }
    return Error{ErrorCode::kInvalidArgument, std::string(reason)};
  }

  Error Reject(simdjson::error_code code, const char* at = nullptr) const {
    switch (code) {
      case simdjson::UTF8_ERROR:
        return Reject("invalid UTF-8", at);
      case simdjson::EMPTY:
        return Reject("empty line", at);
      case simdjson::UNESCAPED_CHARS:
        return Reject("invalid JSON: control character in a string", at);
      case simdjson::UNCLOSED_STRING:
        return Reject("invalid JSON: string without end", at);
      case simdjson::MEMALLOC:
        return Error{ErrorCode::kResourceExhausted, "out of memory for a line"};
      case simdjson::INCORRECT_TYPE:
        return Reject("invalid JSON: not an object", at);
      default:
        return Reject("invalid JSON", at);
    }
  }

  // The text of a string token (with its quotes), unescaped at `out` when it has escapes. Advances
  // `out` only if `keep`.
  enum class Keep { kYes, kNo };

  std::optional<std::string_view> StringOf(std::string_view token, Keep keep) {
    if (token.size() < 2 || token.front() != '"' || token.back() != '"') {
      return std::nullopt;
    }
    const std::string_view inner = token.substr(1, token.size() - 2);
    if (std::memchr(inner.data(), '\\', inner.size()) == nullptr) {
      return inner;
    }
    auto* cursor = reinterpret_cast<std::uint8_t*>(out);  // NOLINT: simdjson's byte type
    const ondemand::raw_json_string raw(
        reinterpret_cast<const std::uint8_t*>(inner.data()));  // NOLINT
    std::string_view text;
    if (parser.unescape(raw, cursor).get(text) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    if (keep == Keep::kYes) {
      out += text.size();
    }
    return text;
  }

  Status CheckScalar(std::string_view token, ondemand::json_type type) {
    const std::string_view trimmed = Trim(token);
    bool good = false;
    switch (type) {
      case ondemand::json_type::string:
        good = StringOf(trimmed, Keep::kNo).has_value();
        break;
      case ondemand::json_type::number:
        good = IsNumber(trimmed);
        break;
      case ondemand::json_type::boolean:
        good = trimmed == "true" || trimmed == "false";
        break;
      case ondemand::json_type::null:
        good = trimmed == "null";
        break;
      default:
        break;
    }
    if (!good) {
      return Reject("invalid JSON: bad value", token.data());
    }
    return {};
  }

  // Walks a value that is not wanted, to check it.
  Status Check(ondemand::value value, std::size_t depth) {
    if (depth > kMaxDepth) {
      return Reject("invalid JSON: nested too deeply");
    }
    ondemand::json_type type{};
    if (const auto error = value.type().get(type); error != simdjson::SUCCESS) {
      return Reject(error);
    }
    if (type == ondemand::json_type::array) {
      return CheckArray(value, depth);
    }
    if (type == ondemand::json_type::object) {
      return CheckObject(value, depth);
    }
    const std::string_view token = value.raw_json_token();
    DATALAKE_TRY(CheckScalar(token, type));
    return StepOver(value, type, token);
  }

  // Takes a scalar out of the iterator, whose next step then sees whether a comma or the end
  // follows. Left in, it would be skipped together with whatever stands before the next bracket.
  Status StepOver(ondemand::value& value, ondemand::json_type type, std::string_view token) {
    simdjson::error_code error = simdjson::SUCCESS;
    switch (type) {
      case ondemand::json_type::string:
        error = value.get_raw_json_string().error();
        break;
      case ondemand::json_type::number:
        // Too large for a double is still a number: that one the iterator skips.
        static_cast<void>(value.get_double().error());
        break;
      case ondemand::json_type::boolean:
        error = value.get_bool().error();
        break;
      case ondemand::json_type::null:
        error = value.is_null().error();
        break;
      default:
        break;
    }
    return error == simdjson::SUCCESS ? Status() : Status(Reject(error, token.data()));
  }

  Status CheckArray(ondemand::value& value, std::size_t depth) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array); error != simdjson::SUCCESS) {
      return Reject(error);
    }
    for (auto element : array) {
      ondemand::value child;
      if (const auto error = std::move(element).get(child); error != simdjson::SUCCESS) {
        return Reject(error);
      }
      DATALAKE_TRY(Check(child, depth + 1));
    }
    return {};
  }

  Status CheckObject(ondemand::value& value, std::size_t depth) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object); error != simdjson::SUCCESS) {
      return Reject(error);
    }
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field); error != simdjson::SUCCESS) {
        return Reject(error);
      }
      DATALAKE_TRY(Key(field));
      DATALAKE_TRY(Check(field.value(), depth + 1));
    }
    return {};
  }

  // The unescaped key of a field; a key with escapes is dear and rare.
  Result<std::string_view> Key(ondemand::field& field) {
    const std::string_view token = Trim(field.key_raw_json_token());
    const auto key = StringOf(token, Keep::kNo);
    if (!key) {
      return Reject("invalid JSON: bad key", token.data());
    }
    return *key;
  }

  Result<std::string_view> RequireString(ondemand::value value, std::string_view name) {
    const std::string_view token = Trim(value.raw_json_token());
    const auto text = StringOf(token, Keep::kYes);
    if (!text) {
      const bool is_string = !token.empty() && token.front() == '"';
      return Reject(is_string ? fmt::format("invalid JSON: bad escape in `{}`", name)
                              : fmt::format("`{}` is not a string", name),
                    token.data());
    }
    DATALAKE_TRY(StepOver(value, ondemand::json_type::string, token));
    return *text;
  }

  // The JSON text of `value`, checked; "" for null.
  Status Raw(ondemand::document& document, ondemand::value value, std::string_view& raw) {
    const std::string_view token = value.raw_json_token();
    DATALAKE_TRY(Check(value, 1));
    if (token.front() != '{' && token.front() != '[') {
      raw = Trim(token) == "null" ? std::string_view() : Trim(token);
      return {};
    }
    const char* next = nullptr;  // what comes after the value and white space
    if (const auto error = document.current_location().get(next); error != simdjson::SUCCESS) {
      return Reject(error, token.data());
    }
    raw = Trim({token.data(), static_cast<std::size_t>(next - token.data())});
    return {};
  }

  Status ReadString(ondemand::value value, std::string_view name,
                    std::optional<std::string_view>& text) {
    DATALAKE_TRY_ASSIGN(text, RequireString(value, name));
    return {};
  }

  static bool IsString(ondemand::value& value) { return value.raw_json_token().starts_with('"'); }

  // As Read, where any field may be of any type.
  Status ReadLoosely(ondemand::document& document, Field field, ondemand::value value,
                     Found& found) {
    switch (field) {
      case Field::kId:
        found.id_raw = {};
        if (IsString(value)) {
          return ReadString(value, "id", found.id);
        }
        found.id.reset();
        return Raw(document, value, found.id_raw);
      case Field::kText:
        found.text.reset();
        return IsString(value) ? ReadString(value, "text", found.text) : Check(value, 1);
      case Field::kSource:
        found.source.reset();
        return IsString(value) ? ReadString(value, "source", found.source) : Check(value, 1);
      case Field::kMetadata:
        return Raw(document, value, found.metadata);
      default:
        return Check(value, 1);
    }
  }

  // One field of the document: kept, or checked for what it must be without being wanted.
  Status Read(ondemand::document& document, Field field, ondemand::value value, Found& found) {
    switch (field) {
      case Field::kId:
        return ReadString(value, "id", found.id);
      case Field::kText:
        return ReadString(value, "text", found.text);
      case Field::kSource:
        return ReadString(value, "source", found.source);
      case Field::kCreated:
        return ReadString(value, "created", found.unused);
      case Field::kAdded:
        return ReadString(value, "added", found.unused);
      case Field::kVersion:
        return Trim(value.raw_json_token()) == "null" ? Status()
                                                      : ReadString(value, "version", found.unused);
      case Field::kMetadata:
        return Raw(document, value, found.metadata);
      case Field::kOther:
        break;
    }
    return Check(value, 1);
  }

  Status ReadObject(ondemand::document& document, Found& found) {
    ondemand::object object;
    if (const auto error = document.get_object().get(object); error != simdjson::SUCCESS) {
      return Reject(error);
    }
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field); error != simdjson::SUCCESS) {
        return Reject(error, Location(document));
      }
      DATALAKE_TRY_ASSIGN(const std::string_view key, Key(field));
      DATALAKE_TRY(types == FieldTypes::kStrict
                       ? Read(document, FieldOf(key), field.value(), found)
                       : ReadLoosely(document, FieldOf(key), field.value(), found));
    }
    return {};
  }

  static const char* Location(ondemand::document& document) {
    const char* at = nullptr;
    return document.current_location().get(at) == simdjson::SUCCESS ? at : nullptr;
  }

  Status ReadLine(Found& found) {
    ondemand::document document;
    const auto error =
        parser.iterate(line.data(), line.size(), line.size() + kPadding).get(document);
    if (error != simdjson::SUCCESS) {
      return Reject(error);
    }
    DATALAKE_TRY(ReadObject(document, found));
    if (!document.at_end()) {
      return Reject("invalid JSON: more after the object", Location(document));
    }
    if (types == FieldTypes::kLoose) {
      return {};
    }
    if (!found.id) {
      return Reject("no `id`");
    }
    if (!found.text) {
      return Reject("no `text`");
    }
    return {};
  }
};

Status DocumentParser::Parse(std::string_view line, char*& out, DocumentFields& fields) {
  State::Found found;
  state_->line = line;
  state_->out = out;
  DATALAKE_TRY(state_->ReadLine(found));
  out = state_->out;
  if (!found.id && found.id_raw.empty()) {
    found.id_raw = "null";
  }
  fields = {.id = found.id.value_or(""),
            .text = found.text.value_or(""),
            .source = found.source.value_or(""),
            .metadata_raw = found.metadata,
            .id_raw = found.id_raw,
            .has_text = found.text.has_value()};
  return {};
}

DocumentParser::DocumentParser(FieldTypes types) : state_(std::make_unique<State>()) {
  state_->types = types;
}

DocumentParser::~DocumentParser() = default;
DocumentParser::DocumentParser(DocumentParser&&) noexcept = default;
DocumentParser& DocumentParser::operator=(DocumentParser&&) noexcept = default;

}  // namespace datalake::json
