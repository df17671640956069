#include "datalake/json/pointer.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace datalake::json {
namespace {

Error Bad(std::string_view text, std::string_view reason) {
  return Error{ErrorCode::kInvalidArgument, fmt::format("bad JSON pointer: {}: {}", reason, text)};
}

// One name with its escapes read.
Result<std::string> Unescape(std::string_view escaped, std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '~') {
      name.push_back(escaped[i]);
      continue;
    }
    ++i;
    if (i == escaped.size() || (escaped[i] != '0' && escaped[i] != '1')) {
      return Bad(text, "~ must be followed by 0 or 1");
    }
    name.push_back(escaped[i] == '0' ? '~' : '/');
  }
  return name;
}

// An array index by RFC 6901 §4.
std::optional<std::uint64_t> IndexOf(std::string_view name) {
  if (name.empty() || (name.size() > 1 && name.front() == '0') ||
      name.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint64_t index = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
  return read.ec == std::errc() ? std::optional(index) : std::nullopt;
}

const Value* Child(const Value& value, const std::string& name) {
  if (value.is_object()) {
    const auto member = value.find(name);
    return member == value.end() ? nullptr : &*member;
  }
  const std::optional<std::uint64_t> index = IndexOf(name);
  return value.is_array() && index.has_value() && *index < value.size()
             ? &value[static_cast<std::size_t>(*index)]
             : nullptr;
}

const FlatNode* Child(const FlatNode& node, const std::string& name) {
  if (node.type == NodeType::kObject) {
    return FindMember(node, name);
  }
  const std::optional<std::uint64_t> index = IndexOf(name);
  return index.has_value() ? FindElement(node, *index) : nullptr;
}

template <typename Tree>
const Tree* Follow(const Tree& root, const std::vector<std::string>& names) {
  const Tree* at = &root;
  for (const std::string& name : names) {
    at = Child(*at, name);
    if (at == nullptr) {
      return nullptr;
    }
  }
  return at;
}

}  // namespace

Result<Pointer> Pointer::Parse(std::string_view text) {
  Pointer pointer;
  if (text.empty()) {
    return pointer;
  }
  if (text.front() != '/') {
    return Bad(text, "must be empty or begin with /");
  }
  std::string_view rest = text;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    DATALAKE_TRY_ASSIGN(std::string name, Unescape(rest.substr(0, end), text));
    pointer.names_.push_back(std::move(name));
    rest.remove_prefix(end);
  }
  return pointer;
}

const Value* Pointer::Find(const Value& root) const {
  return Follow(root, names_);
}

const FlatNode* Pointer::Find(const FlatNode& root) const {
  return Follow(root, names_);
}

std::string Pointer::ToString() const {
  std::string text;
  for (const std::string& name : names_) {
    text.push_back('/');
    for (const char c : name) {
      if (c == '~') {
        text.append("~0");
      } else if (c == '/') {
        text.append("~1");
      } else {
        text.push_back(c);
      }
    }
  }
  return text;
}

}  // namespace datalake::json
