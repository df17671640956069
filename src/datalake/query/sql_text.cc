#include "datalake/query/sql_text.h"

#include <fmt/format.h>

#include "datalake/text/utf8.h"

namespace datalake::query {
namespace {

std::string Quote(std::string_view text, char quote) {
  std::string quoted;
  quoted.reserve(text.size() + 2);
  quoted.push_back(quote);
  for (const char c : text) {
    if (c == quote) {
      quoted.push_back(quote);
    }
    quoted.push_back(c);
  }
  quoted.push_back(quote);
  return quoted;
}

}  // namespace

std::string QuoteIdentifier(std::string_view name) {
  return Quote(name, '"');
}

std::string QuoteLiteral(std::string_view text) {
  return Quote(text, '\'');
}

Status CheckSqlText(std::string_view what, std::string_view text) {
  if (const std::size_t at = text.find('\0'); at != std::string_view::npos) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} has a NUL at byte {}", what, at)};
  }
  if (const std::size_t at = text::FirstInvalidUtf8(text); at != std::string_view::npos) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} is not UTF-8 at byte {}", what, at)};
  }
  return {};
}

std::string FoldName(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return folded;
}

}  // namespace datalake::query
