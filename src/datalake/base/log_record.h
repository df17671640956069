#pragma once

#include <cstdint>
#include <string_view>

#include "datalake/base/log.h"

namespace datalake {

enum class LogFormat : std::uint8_t { kText, kJson };

/// How lines are written from now on: text for people (the default), or one JSON object a line with
/// time, level, thread and message. Thread-safe.
void SetLogFormat(LogFormat format);

/// As Log, with values for machines: `members` are JSON members without their braces ("\"a\":1"),
/// added to the object of a line in JSON; a line of text has `message` alone, which says the same.
void LogRecord(LogLevel level, std::string_view message, std::string_view members);

}  // namespace datalake
