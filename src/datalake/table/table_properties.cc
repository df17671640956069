#include "datalake/table/table_properties.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace datalake::table {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  milliseconds duration;
};

constexpr Unit kUnits[] = {
    {"millisecond", milliseconds(1)},    {"second", std::chrono::seconds(1)},
    {"minute", std::chrono::minutes(1)}, {"hour", std::chrono::hours(1)},
    {"day", std::chrono::days(1)},       {"week", std::chrono::weeks(1)},
};

// The first word of `text`, which is cut off.
std::string_view TakeWord(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) {
    text = {};
    return {};
  }
  const std::size_t end = std::min(text.find(' ', begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

std::optional<milliseconds> UnitOf(std::string_view word) {
  for (const Unit& unit : kUnits) {
    const bool is_plural =
        word.size() == unit.name.size() + 1 && word.starts_with(unit.name) && word.ends_with('s');
    if (word == unit.name || is_plural) {
      return unit.duration;
    }
  }
  return std::nullopt;
}

milliseconds IntervalOr(const TableProperties& properties, const std::string& key,
                        milliseconds fallback) {
  const auto found = properties.find(key);
  return found == properties.end() ? fallback : ParseInterval(found->second).value_or(fallback);
}

}  // namespace

bool IsAppendOnly(const TableProperties& properties) {
  const auto found = properties.find("delta.appendOnly");
  return found != properties.end() && found->second == "true";
}

milliseconds DeletedFileRetention(const TableProperties& properties) {
  return IntervalOr(properties, "delta.deletedFileRetentionDuration", std::chrono::days(7));
}

milliseconds LogRetention(const TableProperties& properties) {
  return IntervalOr(properties, "delta.logRetentionDuration", std::chrono::days(30));
}

std::optional<milliseconds> ParseInterval(std::string_view text) {
  std::string_view word = TakeWord(text);
  if (word == "interval") {
    word = TakeWord(text);
  }
  std::int64_t total = 0;
  if (word.empty()) {
    return std::nullopt;
  }
  for (; !word.empty(); word = TakeWord(text)) {
    std::int64_t count = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), count);
    const auto unit = UnitOf(TakeWord(text));
    const bool is_number = parsed.ec == std::errc() && parsed.ptr == word.data() + word.size();
    if (!is_number || count < 0 || !unit.has_value()) {
      return std::nullopt;
    }
    std::int64_t part = 0;
    if (__builtin_mul_overflow(count, unit->count(), &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return std::nullopt;
    }
  }
  return milliseconds(total);
}

}  // namespace datalake::table
