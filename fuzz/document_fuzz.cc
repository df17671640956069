// DocumentParser against a second reader of JSON: what both accept must be equal, and what only one
// accepts must be one of the known differences.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "datalake/json/document.h"
#include "datalake/json/value.h"
#include "datalake/text/utf8.h"

namespace {

using datalake::json::DocumentFields;
using datalake::json::DocumentParser;
using datalake::json::Value;

[[noreturn]] void Fail(const char* what, std::string_view line) {
  std::fprintf(stderr, "%s:\n%.*s\n", what, static_cast<int>(line.size()), line.data());
  std::abort();
}

bool IsStringOrAbsent(const Value& document, const char* key) {
  const auto found = document.find(key);
  return found == document.end() || found->is_string();
}

// The rules of DocumentParser over a tree.
bool IsDocument(const Value& value) {
  if (!value.is_object() || !value.contains("id") || !value.contains("text")) {
    return false;
  }
  const auto version = value.find("version");
  return IsStringOrAbsent(value, "id") && IsStringOrAbsent(value, "text") &&
         IsStringOrAbsent(value, "source") && IsStringOrAbsent(value, "created") &&
         IsStringOrAbsent(value, "added") &&
         (version == value.end() || version->is_null() || version->is_string());
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Both have limits of depth, and trees one on numbers: 1e999 is text to us and too large for them.
bool IsNearALimit(std::string_view line) {
  std::size_t open = 0;
  std::size_t digits = 0;
  for (const char c : line) {
    open += c == '[' || c == '{' ? 1 : 0;
    if (open > 200 || digits > 300 || (digits > 0 && (c == 'e' || c == 'E'))) {
      return true;
    }
    digits = IsDigit(c) ? digits + 1 : 0;
  }
  return false;
}

// Of a repeated key the parser checks the type every time, a tree holds only the last.
bool IsTypeOfRepeatedKey(const datalake::Status& parsed) {
  return !parsed && parsed.error().message.find("is not a string") != std::string::npos;
}

void CheckEqual(const DocumentFields& fields, const Value& tree, std::string_view line) {
  const auto same = [&](const char* key, std::string_view text) {
    return tree.contains(key) ? tree[key].get_ref<const std::string&>() == text : text.empty();
  };
  if (!same("id", fields.id) || !same("text", fields.text) || !same("source", fields.source)) {
    Fail("fields differ", line);
  }
  if (!datalake::text::IsValidUtf8(fields.text)) {
    Fail("text is not UTF-8", line);
  }
  const bool has_metadata = tree.contains("metadata") && !tree["metadata"].is_null();
  if (has_metadata != !fields.metadata_raw.empty()) {
    Fail("metadata differs", line);
  }
  if (has_metadata &&
      Value::parse(fields.metadata_raw, nullptr, /*allow_exceptions=*/false) != tree["metadata"]) {
    Fail("metadata differs", line);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string padded(reinterpret_cast<const char*>(data), size);
  std::replace(padded.begin(), padded.end(), '\n', ' ');  // lines have none
  const std::string copy = padded;
  padded.append(DocumentParser::kPadding, '\xA5');
  const std::string_view line = std::string_view(padded).substr(0, size);
  std::vector<char> room(size + DocumentParser::kPadding);
  char* out = room.data();
  DocumentParser parser;
  DocumentFields fields;
  const auto parsed = parser.Parse(line, out, fields);
  if (out < room.data() || out > room.data() + size || line != copy) {
    Fail("wrote beyond its room", line);
  }
  const auto tree = datalake::json::ParseValue(copy, "fuzz");
  const bool tree_is_document = tree.has_value() && IsDocument(*tree);
  if (parsed && tree_is_document) {
    CheckEqual(fields, *tree, copy);
  } else if (parsed.has_value() != tree_is_document && !IsNearALimit(copy) &&
             !IsTypeOfRepeatedKey(parsed)) {
    Fail(parsed ? "only the document parser accepts" : "only the tree accepts", copy);
  }
  return 0;
}
