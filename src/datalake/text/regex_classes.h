#pragma once

#include <cstdint>
#include <string_view>

namespace datalake::text {

/// What `\w`, `\s` and `[[:punct:]]` match in patterns of the Python package `regex` (not of `re`,
/// and `\s` is not IsSpace: U+001C to U+001F are none here). Tables made by
/// tools/make_regex_tables.py. Thread-safe.
bool IsRegexWord(char32_t code_point);
bool IsRegexSpace(char32_t code_point);
bool IsRegexPunct(char32_t code_point);

/// Matches of `\w+|[^\w\s]+` in `text` (valid UTF-8): runs of word characters and runs of symbols.
/// One pass, about a byte a cycle. Thread-safe.
std::uint64_t CountWordPieces(std::string_view text);

}  // namespace datalake::text
