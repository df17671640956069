#include "datalake/lake/record_split.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace datalake::lake {
namespace {

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t SkipSpace(std::string_view text, std::size_t at) {
  while (at < text.size() && IsSpace(text[at])) {
    ++at;
  }
  return at;
}

Error TooMany(std::size_t max_records) {
  return {ErrorCode::kResourceExhausted,
          fmt::format("more than {} records in one request", max_records)};
}

Error Broken(std::string_view what, std::size_t at) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}: byte {}", what, at)};
}

// Behind the string that begins at `at`.
std::size_t SkipString(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    at = text.find_first_of("\"\\", at);
    if (at == std::string_view::npos) {
      return text.size();
    }
    if (text[at] == '"') {
      return at + 1;
    }
    ++at;  // the escaped character
  }
  return text.size();
}

// The comma or bracket that ends the array's member which begins at `at`; its own brackets and
// strings are passed over.
std::size_t EndOfMember(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    at = text.find_first_of("\"[]{},", at);
    if (at == std::string_view::npos) {
      return text.size();
    }
    switch (text[at]) {
      case '"':
        at = SkipString(text, at);
        continue;
      case '[':
      case '{':
        ++depth;
        break;
      case ',':
        if (depth == 0) {
          return at;
        }
        break;
      default:
        if (depth == 0) {
          return at;
        }
        --depth;
    }
    ++at;
  }
  return text.size();
}

Result<std::vector<RecordRange>> SplitArray(std::string_view text, std::size_t at,
                                            std::size_t max_records) {
  std::vector<RecordRange> records;
  at = SkipSpace(text, at + 1);
  if (at < text.size() && text[at] == ']') {
    ++at;
  } else {
    while (true) {
      const std::size_t end = EndOfMember(text, at);
      if (end >= text.size() || text[end] == '}') {
        return Broken("the array does not end", std::min(end, text.size()));
      }
      if (records.size() == max_records) {
        return TooMany(max_records);
      }
      std::size_t last = end;
      while (last > at && IsSpace(text[last - 1])) {
        --last;
      }
      if (last == at) {
        return Broken("a value is missing in the array", at);
      }
      records.emplace_back(at, last - at);
      at = SkipSpace(text, end + 1);
      if (text[end] == ']') {
        break;
      }
    }
  }
  at = SkipSpace(text, at);
  if (at != text.size()) {
    return Broken("something follows the array", at);
  }
  return records;
}

}  // namespace

Result<std::vector<RecordRange>> SplitRecords(std::string_view text, RecordFraming framing,
                                              std::size_t max_records) {
  std::vector<RecordRange> records;
  if (framing == RecordFraming::kValue) {
    const std::size_t first = SkipSpace(text, 0);
    if (first < text.size() && text[first] == '[') {
      return SplitArray(text, first, max_records);
    }
    return std::vector<RecordRange>{{0, text.size()}};
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::size_t begin = SkipSpace(text.substr(0, end), at);
    if (begin < end) {
      if (records.size() == max_records) {
        return TooMany(max_records);
      }
      records.emplace_back(begin, end - begin);
    }
    at = end + 1;
  }
  return records;
}

}  // namespace datalake::lake
