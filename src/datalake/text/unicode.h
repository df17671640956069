#pragma once

#include <string_view>

namespace datalake::text {

/// The version of the tables below, "14.0.0": that of Python 3.11, whose str.split and str.isalpha
/// the word rules follow. Made by tools/make_unicode_tables.py.
std::string_view UnicodeVersion();

/// What Python's str.split and str.isspace take for white space: Unicode White_Space and U+001C to
/// U+001F. Thread-safe.
bool IsSpace(char32_t code_point);

/// What `\d` of Python's re matches: general category Nd, in any script. Thread-safe.
bool IsDecimalDigit(char32_t code_point);

/// A letter: general category Lu, Ll, Lt, Lm or Lo, as Python's str.isalpha. Thread-safe.
bool IsLetter(char32_t code_point);

/// What Python's str.isalnum takes besides letters: digits and numbers of any kind. Thread-safe.
bool IsNumeric(char32_t code_point);

}  // namespace datalake::text
