#pragma once

#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/json/value.h"

namespace datalake::lake {

/// The text of a JSON object that shows changes: indented, with `crc32c`, the checksum of its other
/// members on one line, as the last of them. Another layout of the same members is no change.
std::string SealedJson(json::Value members);

/// Reads it back, without `crc32c`; an object that has none is taken as it is. Errors:
/// kInvalidArgument (no JSON), kCorruption naming `where` (the checksum is not that of the
/// members).
Result<json::Value> ParseSealedJson(std::string_view text, std::string_view where);

}  // namespace datalake::lake
