#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace datalake::table {

// Table properties of Delta that this program heeds; all functions are Thread-safe.

using TableProperties = std::map<std::string, std::string>;

/// `delta.appendOnly`: no row may be removed or changed.
bool IsAppendOnly(const TableProperties& properties);

/// `delta.deletedFileRetentionDuration`, default 7 days: how long removed files, and what the log
/// says of them, are kept.
std::chrono::milliseconds DeletedFileRetention(const TableProperties& properties);

/// `delta.logRetentionDuration`, default 30 days: how long versions can be read.
std::chrono::milliseconds LogRetention(const TableProperties& properties);

/// "interval 7 days", "7 days", "12 hours 30 minutes": units from milliseconds to weeks, with or
/// without a last s. Nothing for other text.
std::optional<std::chrono::milliseconds> ParseInterval(std::string_view text);

}  // namespace datalake::table
