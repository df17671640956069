#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "datalake/format/parquet.h"

namespace datalake::table {

/// Columns that get statistics, and code points that a string bound keeps: Delta's own defaults.
inline constexpr std::size_t kStatisticsColumns = 32;
inline constexpr std::size_t kBoundChars = 32;

/// The `stats` text of a data file (PROTOCOL.md "Per-file Statistics"): numRecords, minValues,
/// maxValues, nullCount of the first 32 leaf columns, structs nested. A wrong bound would hide rows
/// in every reader, so what cannot be said exactly is left out: bounds of binary, boolean,
/// infinite, far dates, invalid UTF-8. Long strings are cut, their maximum raised above every
/// string that begins with it.
std::string StatisticsToJson(const format::WrittenFile& file);

/// `numRecords` of a `stats` text, or -1 when it does not say.
std::int64_t NumRecordsOf(std::string_view stats_json);

}  // namespace datalake::table
