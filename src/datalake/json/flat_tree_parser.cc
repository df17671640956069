#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

#include "datalake/json/error_place.h"
#include "datalake/json/flat_tree.h"
#include "datalake/json/value.h"

namespace datalake::json {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(FlatTreeParser::kPadding >= simdjson::SIMDJSON_PADDING);

constexpr bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view TrimRight(std::string_view text) {
  while (!text.empty() && IsBlank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::optional<std::uint32_t> HexUnit(std::string_view digits) {
  if (digits.size() < 4) {
    return std::nullopt;
  }
  std::uint32_t unit = 0;
  for (const char c : digits.substr(0, 4)) {
    unit <<= 4;
    if (c >= '0' && c <= '9') {
      unit |= static_cast<std::uint32_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      unit |= static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return unit;
}

// Bytes of the escape that begins at raw[at] (a backslash); 0 when it is none.
std::size_t EscapeLength(std::string_view raw, std::size_t at) {
  if (at + 1 >= raw.size()) {
    return 0;
  }
  if (raw[at + 1] != 'u') {
    return std::string_view("\"\\/bfnrt").find(raw[at + 1]) == std::string_view::npos ? 0 : 2;
  }
  const std::optional<std::uint32_t> unit = HexUnit(raw.substr(at + 2));
  if (!unit.has_value() || (*unit >= 0xDC00 && *unit < 0xE000)) {
    return 0;
  }
  if (*unit < 0xD800 || *unit >= 0xE000) {
    return 6;
  }
  if (raw.substr(at + 6, 2) != "\\u") {
    return 0;
  }
  const std::optional<std::uint32_t> low = HexUnit(raw.substr(at + 8));
  return low.has_value() && *low >= 0xDC00 && *low < 0xE000 ? 12 : 0;
}

// True when every backslash of the string's raw body begins an escape of RFC 8259 §7; a lone
// surrogate is none, it has no UTF-8 form.
bool EscapesAreValid(std::string_view raw) {
  std::size_t at = raw.find('\\');
  while (at != std::string_view::npos) {
    const std::size_t length = EscapeLength(raw, at);
    if (length == 0) {
      return false;
    }
    at = raw.find('\\', at + length);
  }
  return true;
}

bool IsContainer(ondemand::json_type type) {
  return type == ondemand::json_type::object || type == ondemand::json_type::array;
}

Error BadJson(std::string_view text, const char* at, std::string_view reason) {
  const std::size_t offset = at >= text.data() && at <= text.data() + text.size()
                                 ? static_cast<std::size_t>(at - text.data())
                                 : text.size();
  return Error{ErrorCode::kInvalidArgument, fmt::format("bad JSON at byte {}: {}", offset, reason)};
}

Error BadJson(std::string_view text, ondemand::document& document, simdjson::error_code code) {
  const char* at = nullptr;
  if (document.current_location().get(at) != simdjson::SUCCESS) {
    at = text.data() + text.size();
  }
  return BadJson(text, at, simdjson::error_message(code));
}

// What the first stage, which goes over all of the text, does not like.
Error BadTokens(std::string_view text, simdjson::error_code code) {
  if (code == simdjson::UTF8_ERROR) {
    return BadJson(text, text.data() + InvalidUtf8Offset(text), "invalid UTF-8");
  }
  const bool is_in_string = code == simdjson::UNCLOSED_STRING || code == simdjson::UNESCAPED_CHARS;
  return BadJson(text, text.data() + (is_in_string ? BadTokenOffset(text) : 0),
                 simdjson::error_message(code));
}

// Walks one text; carries what the recursion needs.
class Walk {
 public:
  Walk(std::string_view text, ondemand::parser& parser, FlatTree& tree)
      : text_(text), parser_(parser), tree_(tree) {}

  Status Start() {
    if (const auto code =
            parser_.iterate(text_.data(), text_.size(), text_.size() + FlatTreeParser::kPadding)
                .get(document_);
        code != simdjson::SUCCESS) {
      return BadTokens(text_, code);
    }
    return {};
  }

  Status Finish() {
    if (!document_.at_end()) {
      return Failed(simdjson::TRAILING_CONTENT);
    }
    return {};
  }

  Status Root(std::string_view key) {
    ondemand::value value;
    if (const auto code = document_.get_value().get(value); code != simdjson::SUCCESS) {
      return code == simdjson::SCALAR_DOCUMENT_AS_VALUE
                 ? BadJson(text_, text_.data(), "must be an array or an object")
                 : Failed(code);
    }
    return Value(value, key, 0);
  }

  Status RootMembers() {
    ondemand::object object;
    if (const auto code = document_.get_object().get(object); code != simdjson::SUCCESS) {
      return BadJson(text_, text_.data(), "must be an object");
    }
    return Members(object, 0);
  }

  // What is done with the members of the root beside listing them.
  struct Wish {
    const std::vector<std::string>* wanted = nullptr;  // appended; null: all
    const std::string_view* spread = nullptr;          // its members are appended, none else
  };

  Status RootFields(const Wish& wish, std::vector<RawField>& fields) {
    ondemand::object object;
    if (const auto code = document_.get_object().get(object); code != simdjson::SUCCESS) {
      return BadJson(text_, text_.data(), "must be an object");
    }
    for (auto result : object) {
      ondemand::field field;
      if (const auto code = std::move(result).get(field); code != simdjson::SUCCESS) {
        return Failed(code);
      }
      RawField& out = fields.emplace_back();
      out.raw_key = field.escaped_key();
      DATALAKE_TRY_ASSIGN(out.key, Key(out.raw_key));
      ondemand::value value = field.value();
      out.raw = TrimRight(value.raw_json_token());
      DATALAKE_TRY(RootMember(wish, out.key, value));
      if (out.raw.front() == '{' || out.raw.front() == '[') {
        DATALAKE_TRY_ASSIGN(out.raw, RawUntilHere(out.raw.data()));
      }
    }
    return {};
  }

 private:
  Status RootMember(const Wish& wish, std::string_view key, ondemand::value value) {
    if (wish.spread != nullptr) {
      if (key != *wish.spread) {
        return Check(value, 1);
      }
      ondemand::object members;
      if (value.get_object().get(members) != simdjson::SUCCESS) {
        return BadJson(text_, value.raw_json_token().data(),
                       fmt::format("{} must be an object", key));
      }
      return Members(members, 2);
    }
    if (wish.wanted != nullptr &&
        std::find(wish.wanted->begin(), wish.wanted->end(), key) == wish.wanted->end()) {
      return Check(value, 1);
    }
    return Value(value, key, 1);
  }

  Error Failed(simdjson::error_code code) { return BadJson(text_, document_, code); }

  Error TooDeep() {
    const char* at = document_.current_location().value_unsafe();
    return BadJson(text_, at, fmt::format("nested deeper than {}", kMaxDepth));
  }

  // The text from `begin` to the token that the document stands at.
  Result<std::string_view> RawUntilHere(const char* begin) {
    const char* end = text_.data() + text_.size();
    if (const char* here = nullptr; document_.current_location().get(here) == simdjson::SUCCESS) {
      end = here;
    }
    return TrimRight(std::string_view(begin, static_cast<std::size_t>(end - begin)));
  }

  Result<std::string_view> Key(std::string_view raw_key) {
    if (raw_key.find('\\') == std::string_view::npos) {
      return raw_key;
    }
    return Unescape(raw_key);
  }

  // `body` has a closing quote behind it, where simdjson's unescape stops.
  Result<std::string_view> Unescape(std::string_view body) {
    std::uint8_t* const begin = tree_.Reserve(body.size() + FlatTreeParser::kPadding);
    std::uint8_t* end = begin;
    std::string_view characters;
    const ondemand::raw_json_string raw(reinterpret_cast<const std::uint8_t*>(body.data()));
    if (const auto code = parser_.unescape(raw, end).get(characters); code != simdjson::SUCCESS) {
      return BadJson(text_, body.data(), simdjson::error_message(code));
    }
    tree_.Use(characters.size());
    return characters;
  }

  Status Scalar(ondemand::value value, ondemand::json_type type, FlatNode& node) {
    switch (type) {
      case ondemand::json_type::string:
        return String(value, node);
      case ondemand::json_type::number:
        return Number(value, node);
      case ondemand::json_type::boolean:
        node.type = NodeType::kBool;
        if (const auto code = value.get_bool().get(node.boolean); code != simdjson::SUCCESS) {
          return Failed(code);
        }
        return {};
      default: {
        bool is_null = false;
        if (const auto code = value.is_null().get(is_null); code != simdjson::SUCCESS) {
          return Failed(code);
        }
        return is_null ? Status() : Failed(simdjson::N_ATOM_ERROR);
      }
    }
  }

  Status String(ondemand::value value, FlatNode& node) {
    node.type = NodeType::kString;
    // The token ends where the next one begins, behind the closing quote.
    const std::string_view token = TrimRight(value.raw_json_token());
    ondemand::raw_json_string raw;
    if (const auto code = value.get_raw_json_string().get(raw);
        code != simdjson::SUCCESS || token.size() < 2) {
      return Failed(code);
    }
    const std::string_view body = token.substr(1, token.size() - 2);
    if (body.find('\\') == std::string_view::npos) {
      node.text = body;
      return {};
    }
    DATALAKE_TRY_ASSIGN(node.text, Unescape(body));
    return {};
  }

  Status Number(ondemand::value value, FlatNode& node) {
    ondemand::number number;
    if (const auto code = value.get_number().get(number); code != simdjson::SUCCESS) {
      return BigNumber(value, node, code);
    }
    switch (number.get_number_type()) {
      case ondemand::number_type::signed_integer:
        node.type = NodeType::kInt;
        node.integer = number.get_int64();
        return {};
      case ondemand::number_type::unsigned_integer:
        node.type = NodeType::kUint;
        node.unsigned_integer = number.get_uint64();
        return {};
      case ondemand::number_type::floating_point_number:
        node.type = NodeType::kDouble;
        node.number = number.get_double();
        return {};
      default:
        return BigNumber(value, node, simdjson::BIGINT_ERROR);
    }
  }

  // An integer beyond 64 bits is read as a double, as serde_json does; all else stays the error
  // that simdjson gave.
  Status BigNumber(ondemand::value value, FlatNode& node, simdjson::error_code code) {
    const std::string_view token = TrimRight(value.raw_json_token());
    const std::string_view digits = token.substr(token.starts_with('-') ? 1 : 0);
    if (digits.empty() || digits.front() == '0' ||
        digits.find_first_not_of("0123456789") != std::string_view::npos) {
      return Failed(code);
    }
    node.type = NodeType::kDouble;
    const auto read = std::from_chars(token.data(), token.data() + token.size(), node.number);
    return read.ec == std::errc() ? Status() : Failed(code);
  }

  Status Value(ondemand::value value, std::string_view key, std::size_t depth) {
    ondemand::json_type type = ondemand::json_type::null;
    if (const auto code = value.type().get(type); code != simdjson::SUCCESS) {
      return Failed(code);
    }
    if (depth >= kMaxDepth && IsContainer(type)) {
      return TooDeep();
    }
    if (tree_.size() >= FlatTreeParser::kMaxNodes) {
      return BadJson(text_, value.raw_json_token().data(),
                     fmt::format("more than {} values", FlatTreeParser::kMaxNodes));
    }
    const std::string_view token = value.raw_json_token();
    std::size_t index = 0;
    if (type == ondemand::json_type::object) {
      ondemand::object object;
      if (const auto code = value.get_object().get(object); code != simdjson::SUCCESS) {
        return Failed(code);
      }
      index = tree_.Open(NodeType::kObject, key);
      DATALAKE_TRY(Members(object, depth + 1));
      tree_.Close(index);
    } else if (type == ondemand::json_type::array) {
      ondemand::array array;
      if (const auto code = value.get_array().get(array); code != simdjson::SUCCESS) {
        return Failed(code);
      }
      index = tree_.Open(NodeType::kArray, key);
      DATALAKE_TRY(Elements(array, depth + 1));
      tree_.Close(index);
    } else {
      // Not RawUntilHere: get_number looks without moving on.
      FlatNode& node = tree_.Add(NodeType::kNull, key);
      node.raw = TrimRight(token);
      return Scalar(value, type, node);
    }
    DATALAKE_TRY_ASSIGN(tree_.MutableNode(index).raw, RawUntilHere(token.data()));
    return {};
  }

  Status Members(ondemand::object object, std::size_t depth) {
    for (auto result : object) {
      ondemand::field field;
      if (const auto code = std::move(result).get(field); code != simdjson::SUCCESS) {
        return Failed(code);
      }
      DATALAKE_TRY_ASSIGN(const std::string_view key, Key(field.escaped_key()));
      DATALAKE_TRY(Value(field.value(), key, depth));
    }
    return {};
  }

  Status Elements(ondemand::array array, std::size_t depth) {
    for (auto result : array) {
      ondemand::value value;
      if (const auto code = std::move(result).get(value); code != simdjson::SUCCESS) {
        return Failed(code);
      }
      DATALAKE_TRY(Value(value, {}, depth));
    }
    return {};
  }

  // Reads a value that nobody asked for, so that no bad JSON passes unseen.
  Status Check(ondemand::value value, std::size_t depth) {
    ondemand::json_type type = ondemand::json_type::null;
    if (const auto code = value.type().get(type); code != simdjson::SUCCESS) {
      return Failed(code);
    }
    if (depth >= kMaxDepth && IsContainer(type)) {
      return TooDeep();
    }
    switch (type) {
      case ondemand::json_type::object:
        return CheckObject(value, depth);
      case ondemand::json_type::array:
        return CheckArray(value, depth);
      case ondemand::json_type::string: {
        std::string_view token = TrimRight(value.raw_json_token());
        ondemand::raw_json_string raw;
        if (const auto code = value.get_raw_json_string().get(raw); code != simdjson::SUCCESS) {
          return Failed(code);
        }
        return token.size() >= 2 && EscapesAreValid(token.substr(1, token.size() - 2))
                   ? Status()
                   : BadJson(text_, token.data(), "bad escape in a string");
      }
      default: {
        FlatNode scratch;
        return Scalar(value, type, scratch);
      }
    }
  }

  Status CheckObject(ondemand::value value, std::size_t depth) {
    ondemand::object object;
    if (const auto code = value.get_object().get(object); code != simdjson::SUCCESS) {
      return Failed(code);
    }
    for (auto result : object) {
      ondemand::field field;
      if (const auto code = std::move(result).get(field); code != simdjson::SUCCESS) {
        return Failed(code);
      }
      if (const std::string_view key = field.escaped_key(); !EscapesAreValid(key)) {
        return BadJson(text_, key.data(), "bad escape in a string");
      }
      DATALAKE_TRY(Check(field.value(), depth + 1));
    }
    return {};
  }

  Status CheckArray(ondemand::value value, std::size_t depth) {
    ondemand::array array;
    if (const auto code = value.get_array().get(array); code != simdjson::SUCCESS) {
      return Failed(code);
    }
    for (auto result : array) {
      ondemand::value element;
      if (const auto code = std::move(result).get(element); code != simdjson::SUCCESS) {
        return Failed(code);
      }
      DATALAKE_TRY(Check(element, depth + 1));
    }
    return {};
  }

  std::string_view text_;
  ondemand::parser& parser_;
  FlatTree& tree_;
  ondemand::document document_;
};

}  // namespace

struct FlatTreeParser::State {
  ondemand::parser parser;
};

FlatTreeParser::FlatTreeParser() : state_(std::make_unique<State>()) {}

FlatTreeParser::~FlatTreeParser() = default;
FlatTreeParser::FlatTreeParser(FlatTreeParser&&) noexcept = default;
FlatTreeParser& FlatTreeParser::operator=(FlatTreeParser&&) noexcept = default;

Status FlatTreeParser::Append(std::string_view text, std::string_view key, FlatTree& tree) {
  Walk walk(text, state_->parser, tree);
  DATALAKE_TRY(walk.Start());
  DATALAKE_TRY(walk.Root(key));
  return walk.Finish();
}

Status FlatTreeParser::AppendMembers(std::string_view text, FlatTree& tree) {
  Walk walk(text, state_->parser, tree);
  DATALAKE_TRY(walk.Start());
  DATALAKE_TRY(walk.RootMembers());
  return walk.Finish();
}

Status FlatTreeParser::AppendFields(std::string_view text, FlatTree& tree,
                                    const std::vector<std::string>* wanted,
                                    std::vector<RawField>& fields) {
  Walk walk(text, state_->parser, tree);
  DATALAKE_TRY(walk.Start());
  DATALAKE_TRY(walk.RootFields({.wanted = wanted}, fields));
  return walk.Finish();
}

Status FlatTreeParser::AppendMembersOf(std::string_view text, std::string_view key, FlatTree& tree,
                                       std::vector<RawField>& fields) {
  Walk walk(text, state_->parser, tree);
  DATALAKE_TRY(walk.Start());
  DATALAKE_TRY(walk.RootFields({.spread = &key}, fields));
  return walk.Finish();
}

Result<std::string_view> FlatTreeParser::Unescape(std::string_view raw, FlatTree& arena) {
  if (raw.size() < 2 || raw.front() != '"') {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("must be a string: {}", raw.substr(0, 40))};
  }
  const std::string_view body = raw.substr(1, raw.size() - 2);
  if (body.find('\\') == std::string_view::npos) {
    return body;
  }
  std::uint8_t* const begin = arena.Reserve(body.size() + kPadding);
  std::uint8_t* end = begin;
  std::string_view characters;
  const ondemand::raw_json_string string(reinterpret_cast<const std::uint8_t*>(body.data()));
  if (const auto code = state_->parser.unescape(string, end).get(characters);
      code != simdjson::SUCCESS) {
    return Error{ErrorCode::kInvalidArgument, simdjson::error_message(code)};
  }
  arena.Use(characters.size());
  return characters;
}

}  // namespace datalake::json
