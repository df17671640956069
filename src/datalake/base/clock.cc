#include "datalake/base/clock.h"

#include <charconv>
#include <ctime>

#include <fmt/format.h>

namespace datalake {
namespace {

// Reads exactly `width` digits at `pos`; -1 when they are not there.
int Digits(std::string_view text, std::size_t pos, std::size_t width) {
  if (pos + width > text.size()) {
    return -1;
  }
  int value = 0;
  for (char c : text.substr(pos, width)) {
    if (c < '0' || c > '9') {
      return -1;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}

bool HasChar(std::string_view text, std::size_t pos, std::string_view allowed) {
  return pos < text.size() && allowed.find(text[pos]) != std::string_view::npos;
}

}  // namespace

Timestamp SystemClock::Now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::int64_t SystemClock::SteadyNanos() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string FormatTimestamp(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::string FormatDay(Timestamp time) {
  return FormatTimestamp(time).substr(0, 10);
}

std::int64_t EpochMillis(Timestamp time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

Result<Timestamp> ParseTimestamp(std::string_view text) {
  const Error bad{ErrorCode::kInvalidArgument,
                  fmt::format("not an RFC 3339 timestamp: {}", text.substr(0, 64))};
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2);
  const int minute = Digits(text, 14, 2);
  const int second = Digits(text, 17, 2);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 0 || month < 0 || day < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60 || !HasChar(text, 4, "-") ||
      !HasChar(text, 7, "-") || !HasChar(text, 10, "Tt ") || !HasChar(text, 13, ":") ||
      !HasChar(text, 16, ":")) {
    return bad;
  }
  std::size_t pos = 19;
  std::int64_t micros = 0;
  if (HasChar(text, pos, ".")) {
    std::int64_t scale = 100'000;
    const std::size_t first = ++pos;
    while (HasChar(text, pos, "0123456789")) {
      micros += (text[pos++] - '0') * scale;
      scale /= 10;
    }
    if (pos == first || pos - first > 9) {
      return bad;
    }
  }
  std::chrono::minutes offset{0};
  if (HasChar(text, pos, "Zz")) {
    ++pos;
  } else if (HasChar(text, pos, "+-")) {
    const int hours = Digits(text, pos + 1, 2);
    const int minutes = Digits(text, pos + 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || !HasChar(text, pos + 3, ":")) {
      return bad;
    }
    offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    offset = text[pos] == '-' ? -offset : offset;
    pos += 6;
  } else {
    return bad;
  }
  if (pos != text.size()) {
    return bad;
  }
  return Timestamp(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) +
         std::chrono::microseconds(micros) - offset;
}

}  // namespace datalake
