#pragma once

#include <chrono>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::apps {

/// A span of time as users write it: "90s", "15m", "23h", "7d" (a bare number means seconds), or in
/// words as in Delta's table properties, "30 days", "interval 1 week"; at most 100 years. `option`
/// is named in the error. Errors: kInvalidArgument.
Result<std::chrono::milliseconds> ParseTimeSpan(std::string_view option, std::string_view text);

}  // namespace datalake::apps
