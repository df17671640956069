#include "datalake/lake/lake_log.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kMaxRecordBytes = std::uint64_t{256} << 20;
constexpr int kMaxAttempts = 1000;
constexpr std::size_t kNumberDigits = 20;
constexpr std::string_view kSuffix = ".json";

std::string Checksum(std::string_view text) {
  return fmt::format("{:08x}", Crc32c(std::as_bytes(std::span(text.data(), text.size()))));
}

// The record's text: everything but "crc32c" is covered by it.
std::string RecordText(json::Value value) {
  value.erase("crc32c");
  const std::string bare = json::DumpValue(value);
  value["crc32c"] = Checksum(bare);
  return json::DumpValue(value) + "\n";
}

Error Changed(std::string_view path) {
  return {ErrorCode::kCorruption, fmt::format("record of the lake log was changed: {}", path)};
}

// The numbers of the records, ascending.
Result<std::vector<std::int64_t>> ListNumbers(io::FileSystem& fs, const std::string& folder) {
  DATALAKE_TRY_ASSIGN(const auto entries, fs.List(folder));
  std::vector<std::int64_t> numbers;
  for (const io::DirectoryEntry& entry : entries) {
    const std::string_view name = entry.name;
    std::int64_t number = 0;
    if (name.size() != kNumberDigits + kSuffix.size() || !name.ends_with(kSuffix)) {
      continue;
    }
    const char* end = name.data() + kNumberDigits;
    const auto parsed = std::from_chars(name.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

Result<LakeLogRecord> ParseRecord(const std::string& text, const std::string& path,
                                  std::int64_t number, std::string_view previous) {
  auto value = json::ParseValue(text, path);
  if (!value || !value->is_object() || RecordText(*value) != text) {
    return Changed(path);
  }
  LakeLogRecord record;
  DATALAKE_TRY_ASSIGN(record.number, json::GetInt(*value, "number", path));
  DATALAKE_TRY_ASSIGN(const std::string before, json::GetString(*value, "previous", path));
  if (record.number != number || before != previous) {
    return Changed(path);
  }
  DATALAKE_TRY_ASSIGN(const std::string time, json::GetString(*value, "time", path));
  DATALAKE_TRY_ASSIGN(record.time, ParseTimestamp(time));
  DATALAKE_TRY_ASSIGN(record.kind, json::GetString(*value, "kind", path));
  DATALAKE_TRY_ASSIGN(record.user, json::GetString(*value, "user", path));
  const json::Value* body = json::Find(*value, "body");
  record.body = body == nullptr ? "{}" : json::DumpValue(*body);
  return record;
}

}  // namespace

LakeLog::LakeLog(const LakeContext& context) : context_(context) {}

std::string LakeLog::PathOf(std::int64_t number) const {
  return io::JoinPath(context_.layout.log(), fmt::format("{:020}{}", number, kSuffix));
}

Result<std::int64_t> LakeLog::Append(std::string_view kind, std::string_view user,
                                     std::string_view body) {
  DATALAKE_TRY_ASSIGN(json::Value members, json::ParseValue(body, "record of the lake log"));
  if (!members.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "record of the lake log must be an object"};
  }
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    DATALAKE_TRY_ASSIGN(const auto numbers, ListNumbers(context_.fs, context_.layout.log()));
    const std::int64_t number = numbers.empty() ? 1 : numbers.back() + 1;
    std::string previous;
    if (!numbers.empty()) {
      DATALAKE_TRY_ASSIGN(const std::string last,
                          io::ReadFile(context_.fs, PathOf(numbers.back()), kMaxRecordBytes));
      previous = Sha256Hex(last);
    }
    const json::Value record = {
        {"number", number},     {"time", FormatTimestamp(context_.clock.Now())},
        {"kind", kind},         {"user", user},
        {"previous", previous}, {"body", members}};
    const Status put = io::PutIfAbsent(context_.fs, PathOf(number), RecordText(record));
    if (put) {
      return number;
    }
    if (put.error().code != ErrorCode::kAlreadyExists) {
      return put.error();
    }
  }
  return Error{ErrorCode::kConflict, "other writers took every number of the lake log"};
}

Result<std::vector<LakeLogRecord>> LakeLog::Read() const {
  DATALAKE_TRY_ASSIGN(const auto numbers, ListNumbers(context_.fs, context_.layout.log()));
  std::vector<LakeLogRecord> records;
  std::string previous;
  std::int64_t expected = 1;
  for (const std::int64_t number : numbers) {
    const std::string path = PathOf(number);
    if (number != expected++) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("record of the lake log is missing: {}", PathOf(expected - 1))};
    }
    DATALAKE_TRY_ASSIGN(const std::string text, io::ReadFile(context_.fs, path, kMaxRecordBytes));
    auto record = ParseRecord(text, path, number, previous);
    if (!record) {
      return Error{ErrorCode::kCorruption, std::move(record).error().message};
    }
    records.push_back(*std::move(record));
    previous = Sha256Hex(text);
  }
  return records;
}

}  // namespace datalake::lake
