#pragma once

#include <cstdint>
#include <string_view>

namespace datalake {

enum class LogLevel : std::uint8_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3, kOff = 4 };

/// Sets the lowest level that is written; the default is kWarning. Thread-safe.
void SetLogLevel(LogLevel level);

/// Writes one line with time, level and thread to standard error. Contributed text, tokens and
/// secrets never go into a log. Thread-safe.
void Log(LogLevel level, std::string_view message);

inline void LogInfo(std::string_view message) {
  Log(LogLevel::kInfo, message);
}

inline void LogWarning(std::string_view message) {
  Log(LogLevel::kWarning, message);
}

inline void LogError(std::string_view message) {
  Log(LogLevel::kError, message);
}

}  // namespace datalake
