#include "datalake/table/statistics_json.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <vector>

#include <arrow/scalar.h>
#include <arrow/type.h>
#include <nlohmann/json.hpp>

#include "datalake/base/clock.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/text/utf8.h"

namespace datalake::table {
namespace {

using format::ColumnStatistics;

// U+10FFFF, the greatest code point, in UTF-8.
constexpr std::string_view kGreatest = "\xF4\x8F\xBF\xBF";

enum class Bound : std::uint8_t { kMin, kMax };

// Byte length of the first `chars` code points of valid UTF-8.
std::size_t PrefixBytes(std::string_view text, std::size_t chars) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < chars && at < text.size(); ++i) {
    at += text::DecodeCodePoint(text, at).bytes;
  }
  return at;
}

std::optional<std::string> StringBound(std::string_view value, Bound bound) {
  if (!text::IsValidUtf8(value)) {
    return std::nullopt;
  }
  const std::size_t kept = PrefixBytes(value, kBoundChars);
  std::string cut(value.substr(0, kept));
  if (bound == Bound::kMax && kept < value.size()) {
    if (value.substr(kept).starts_with(kGreatest)) {
      return std::nullopt;
    }
    cut.append(kGreatest);
  }
  std::string out;
  json::AppendString(out, cut);
  return out;
}

std::optional<std::string> Quoted(std::string text) {
  return '"' + std::move(text) + '"';
}

// Years that every reader parses: 0001 to 9999.
bool HasFourDigitYear(Timestamp time) {
  using std::chrono::sys_days;
  using std::chrono::year;
  return time >= sys_days(year{1} / 1 / 1) && time < sys_days(year{10'000} / 1 / 1);
}

template <typename ScalarType>
std::optional<std::string> IntegerBound(const arrow::Scalar& value) {
  return std::to_string(static_cast<const ScalarType&>(value).value);
}

template <typename ScalarType>
std::optional<std::string> FloatBound(const arrow::Scalar& value) {
  const double number = static_cast<const ScalarType&>(value).value;
  if (!std::isfinite(number)) {
    return std::nullopt;
  }
  std::string out;
  json::AppendDouble(out, number);
  return out;
}

// The JSON text of a bound, or nothing when it is better left out.
std::optional<std::string> BoundText(const arrow::Scalar& value, Bound bound) {
  switch (value.type->id()) {
    case arrow::Type::INT8:
      return IntegerBound<arrow::Int8Scalar>(value);
    case arrow::Type::INT16:
      return IntegerBound<arrow::Int16Scalar>(value);
    case arrow::Type::INT32:
      return IntegerBound<arrow::Int32Scalar>(value);
    case arrow::Type::INT64:
      return IntegerBound<arrow::Int64Scalar>(value);
    case arrow::Type::FLOAT:
      return FloatBound<arrow::FloatScalar>(value);
    case arrow::Type::DOUBLE:
      return FloatBound<arrow::DoubleScalar>(value);
    case arrow::Type::DECIMAL128: {
      const auto& type = static_cast<const arrow::DecimalType&>(*value.type);
      return static_cast<const arrow::Decimal128Scalar&>(value).value.ToString(type.scale());
    }
    case arrow::Type::STRING:
      return StringBound(static_cast<const arrow::StringScalar&>(value).view(), bound);
    case arrow::Type::DATE32: {
      const std::chrono::days days(static_cast<const arrow::Date32Scalar&>(value).value);
      const Timestamp time{days};
      return HasFourDigitYear(time) ? Quoted(FormatDay(time)) : std::nullopt;
    }
    case arrow::Type::TIMESTAMP: {
      const auto micros = static_cast<const arrow::TimestampScalar&>(value).value;
      const Timestamp time{std::chrono::microseconds(micros)};
      return HasFourDigitYear(time) ? Quoted(FormatTimestamp(time)) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

// A column with the text that it has in one of the three objects.
struct Entry {
  const std::vector<std::string>* path;
  std::string text;
};

// Writes entries that agree in their first `depth` names, grouped by the next one. They come in
// schema order, so those of a struct are neighbours.
void WriteEntries(json::Writer& writer, std::span<const Entry> entries, std::size_t depth) {
  writer.BeginObject();
  for (std::size_t i = 0; i < entries.size();) {
    const std::string& name = (*entries[i].path)[depth];
    writer.Key(name);
    if (entries[i].path->size() == depth + 1) {
      writer.Raw(entries[i].text);
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < entries.size() && entries[end].path->size() > depth + 1 &&
           (*entries[end].path)[depth] == name) {
      ++end;
    }
    WriteEntries(writer, entries.subspan(i, end - i), depth + 1);
    i = end;
  }
  writer.EndObject();
}

}  // namespace

std::string StatisticsToJson(const format::WrittenFile& file) {
  std::vector<Entry> minima;
  std::vector<Entry> maxima;
  std::vector<Entry> nulls;
  const std::size_t count = std::min(file.columns.size(), kStatisticsColumns);
  for (const ColumnStatistics& column : std::span(file.columns).first(count)) {
    nulls.push_back({&column.path, std::to_string(column.null_count)});
    if (column.min == nullptr || column.max == nullptr) {
      continue;
    }
    if (auto text = BoundText(*column.min, Bound::kMin)) {
      minima.push_back({&column.path, std::move(*text)});
    }
    if (auto text = BoundText(*column.max, Bound::kMax)) {
      maxima.push_back({&column.path, std::move(*text)});
    }
  }
  std::string out;
  json::Writer writer(out);
  writer.BeginObject();
  writer.Key("numRecords");
  writer.Int(file.num_rows);
  writer.Key("minValues");
  WriteEntries(writer, minima, 0);
  writer.Key("maxValues");
  WriteEntries(writer, maxima, 0);
  writer.Key("nullCount");
  WriteEntries(writer, nulls, 0);
  writer.EndObject();
  return out;
}

std::int64_t NumRecordsOf(std::string_view stats_json) {
  // Statistics are long and numRecords mostly stands first: look there before parsing all.
  constexpr std::string_view kStart = "{\"numRecords\":";
  if (stats_json.starts_with(kStart)) {
    std::int64_t rows = 0;
    const char* end = stats_json.data() + stats_json.size();
    const auto parsed = std::from_chars(stats_json.data() + kStart.size(), end, rows);
    const bool is_whole =
        parsed.ec == std::errc() && parsed.ptr != end && (*parsed.ptr == ',' || *parsed.ptr == '}');
    if (is_whole && rows >= 0) {
      return rows;
    }
  }
  const auto stats = json::ParseValue(stats_json, "stats");
  if (!stats) {
    return -1;
  }
  const auto rows = json::FindInt(*stats, "numRecords", "stats");
  return rows && rows->has_value() && **rows >= 0 ? **rows : -1;
}

}  // namespace datalake::table
