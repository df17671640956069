#include "apps/datalake/time_span.h"

#include <charconv>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "datalake/table/table_properties.h"

namespace datalake::apps {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kMost = std::chrono::days(100LL * 366);

std::optional<seconds> UnitOf(std::string_view unit) {
  if (unit.empty() || unit == "s") {
    return seconds(1);
  }
  if (unit == "m") {
    return std::chrono::minutes(1);
  }
  if (unit == "h") {
    return std::chrono::hours(1);
  }
  return unit == "d" ? std::optional<seconds>(std::chrono::days(1)) : std::nullopt;
}

std::optional<milliseconds> ParseShort(std::string_view text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, count);
  const auto unit =
      UnitOf(std::string_view(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr)));
  if (parsed.ec != std::errc() || !unit.has_value() || count < 0 || count > kMost / *unit) {
    return std::nullopt;
  }
  return count * *unit;
}

}  // namespace

Result<milliseconds> ParseTimeSpan(std::string_view option, std::string_view text) {
  auto span = ParseShort(text);
  if (!span.has_value()) {
    span = table::ParseInterval(text);
  }
  if (!span.has_value() || *span > kMost) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("not a time span; write it as 7d, 12h, 15m or '30 days': {}: {}",
                             option, text)};
  }
  return *span;
}

}  // namespace datalake::apps
