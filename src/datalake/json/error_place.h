#pragma once

#include <cstddef>
#include <string_view>

namespace datalake::json {

/// Where UTF-8 ends to be valid: the offset of the first byte that belongs to no character; the
/// size when there is none. It looks at the text about twice.
std::size_t InvalidUtf8Offset(std::string_view text);

/// Where a text stops being tokens of JSON: a control character in a string, or the beginning of a
/// string without end; 0 when neither is there. simdjson's first stage says only that it is so.
std::size_t BadTokenOffset(std::string_view text);

}  // namespace datalake::json
