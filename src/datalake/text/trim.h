#pragma once

#include <string_view>

namespace datalake::text {

/// `text` without Unicode White_Space at both ends, as Rust's str::trim gives it (U+001C to U+001F
/// are no white space there, unlike in IsSpace). `text` must be valid UTF-8. Thread-safe.
std::string_view Trim(std::string_view text);

/// `text` without white space at both ends, as Python's str.strip() gives it (IsSpace of
/// unicode.h). `text` must be valid UTF-8. Thread-safe.
std::string_view Strip(std::string_view text);

}  // namespace datalake::text
