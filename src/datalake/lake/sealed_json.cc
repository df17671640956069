#include "datalake/lake/sealed_json.h"

#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"

namespace datalake::lake {
namespace {

constexpr const char* kChecksum = "crc32c";

std::string Checksum(const json::Value& members) {
  const std::string text = json::DumpValue(members);
  return fmt::format("{:08x}", Crc32c(std::as_bytes(std::span(text.data(), text.size()))));
}

}  // namespace

std::string SealedJson(json::Value members) {
  members.erase(kChecksum);
  members[kChecksum] = Checksum(members);
  return json::DumpValueIndented(members) + "\n";
}

Result<json::Value> ParseSealedJson(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(json::Value value, json::ParseValue(text, where));
  if (!value.is_object() || !value.contains(kChecksum)) {
    return value;
  }
  const json::Value checksum = value[kChecksum];
  value.erase(kChecksum);
  if (checksum != Checksum(value)) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("file was changed, its checksum is not that of its text: {}", where)};
  }
  return value;
}

}  // namespace datalake::lake
