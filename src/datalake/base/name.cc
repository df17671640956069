#include "datalake/base/name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace datalake {
namespace {

constexpr std::size_t kMaxNameChars = 128;

bool IsAlphanumeric(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Optimal string alignment distance: Levenshtein's edits, and swapping two neighbours costs one
// (Damerau 1964, restricted form). Three rows of the matrix are kept.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = last[j] + (a[i] == b[j] ? 0 : 1);
      row[j + 1] = std::min({replaced, last[j + 1] + 1, row[j] + 1});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) {
        row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

Status CheckName(std::string_view kind, std::string_view name) {
  const bool shape = !name.empty() && name.size() <= kMaxNameChars && IsAlphanumeric(name[0]) &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-';
                     });
  if (shape) {
    return {};
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} name must be 1 to 128 of A-Z a-z 0-9 . _ - and begin with a letter "
                           "or digit: {:?}",
                           kind, name.substr(0, kMaxNameChars))};
}

std::optional<std::string> NearestName(std::string_view wanted,
                                       std::span<const std::string> candidates) {
  std::optional<std::string> nearest;
  std::size_t limit = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (const std::size_t distance = EditDistance(wanted, candidate); distance < limit) {
      limit = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

Error UnknownNameError(std::string_view kind, std::string_view wanted,
                       std::span<const std::string> candidates) {
  std::string message = fmt::format("unknown {}: {}", kind, wanted.substr(0, kMaxNameChars));
  if (const auto nearest = NearestName(wanted, candidates)) {
    message += fmt::format("; did you mean {}?", *nearest);
  } else if (!candidates.empty()) {
    const auto shown = candidates.first(std::min<std::size_t>(candidates.size(), 10));
    message += fmt::format("; known: {}{}", fmt::join(shown, ", "),
                           shown.size() < candidates.size() ? ", ..." : "");
  }
  return {ErrorCode::kNotFound, std::move(message)};
}

}  // namespace datalake
