#include "datalake/lake/collection_json.h"

#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/lake/sealed_json.h"

namespace datalake::lake {
namespace {

json::Value SourceJson(const CollectionSource& source) {
  json::Value inputs = json::Value::array();
  for (const TableVersion& input : source.inputs) {
    inputs.push_back({{"table", ToString(input.table)}, {"version", input.version}});
  }
  return {{"kind", source.kind}, {"query", source.query}, {"inputs", std::move(inputs)}};
}

// "a/b/c"; a name of another form is left out.
void AddInput(const json::Value& input, std::vector<TableVersion>& inputs) {
  if (!input.is_object() || !input.contains("table") || !input["table"].is_string()) {
    return;
  }
  auto table = ParseTableName(input["table"].get<std::string>());
  const auto version = input.find("version");
  if (!table || version == input.end() || !version->is_number_integer()) {
    return;
  }
  inputs.push_back({.table = *std::move(table), .version = version->get<std::int64_t>()});
}

// The seed writes local time without zone; it is taken as UTC.
Result<Timestamp> ParseCreatedAt(std::string text) {
  if (text.size() > 10 && text[10] == ' ') {
    text[10] = 'T';
  }
  const std::size_t zone = text.find_first_of("Z+-", std::min<std::size_t>(text.size(), 11));
  return ParseTimestamp(zone == std::string::npos ? text + "Z" : text);
}

constexpr const char* kFiles = "files";

}  // namespace

std::string CollectionMetadataJson(const CollectionInfo& info, const arrow::Schema& schema,
                                   const FileHashes& files) {
  json::Value columns = json::Value::array();
  for (const auto& field : schema.fields()) {
    columns.push_back({{"name", field->name()}, {"type", field->type()->ToString()}});
  }
  json::Value value = {{"name", info.name},
                       {"version", info.version},
                       {"description", info.description},
                       {"created_at", FormatTimestamp(info.created_at)},
                       {"created_by", info.created_by},
                       {"num_samples", info.num_samples},
                       {"size_bytes", info.size_bytes},
                       {"content_sha256", info.content_sha256},
                       {"schema", std::move(columns)},
                       {"source", SourceJson(info.source)}};
  if (!info.splits.empty()) {
    json::Value splits = json::Value::array();
    for (const CollectionSplit& split : info.splits) {
      splits.push_back({{"name", split.name},
                        {"num_samples", split.num_samples},
                        {"size_bytes", split.size_bytes}});
    }
    value["splits"] = std::move(splits);
    value["split_key"] = info.split_key;
  }
  if (!info.license.empty()) {
    value["license"] = info.license;
  }
  return SealCollectionMetadata(std::move(value), files);
}

std::string SealCollectionMetadata(json::Value members, const FileHashes& files) {
  json::Value hashes = json::Value::object();
  for (const auto& [path, sha256] : files) {
    hashes[path] = sha256;
  }
  members[kFiles] = std::move(hashes);
  return SealedJson(std::move(members));
}

Result<FileHashes> ParseFileHashes(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value value, ParseSealedJson(text, where));
  FileHashes hashes;
  const json::Value* files = json::Find(value, kFiles);
  if (files != nullptr && files->is_object()) {
    for (const auto& [path, sha256] : files->items()) {
      if (!sha256.is_string()) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("no SHA-256: {}: {}", where, path)};
      }
      hashes[path] = sha256.get<std::string>();
    }
  }
  return hashes;
}

std::string CollectionLineageJson(const CollectionInfo& info) {
  const json::Value value = {{"collection", info.name + "/" + info.version},
                             {"created_at", FormatTimestamp(info.created_at)},
                             {"created_by", info.created_by},
                             {"content_sha256", info.content_sha256},
                             {"source", SourceJson(info.source)}};
  return json::DumpValueIndented(value) + "\n";
}

Result<CollectionInfo> ParseCollectionMetadata(std::string_view text, std::string_view where) {
  DATALAKE_TRY_ASSIGN(const json::Value value, ParseSealedJson(text, where));
  CollectionInfo info;
  DATALAKE_TRY_ASSIGN(info.name, json::GetString(value, "name", where));
  DATALAKE_TRY_ASSIGN(info.version, json::GetString(value, "version", where));
  DATALAKE_TRY_ASSIGN(const std::string created, json::GetString(value, "created_at", where));
  DATALAKE_TRY_ASSIGN(info.created_at, ParseCreatedAt(created));
  DATALAKE_TRY_ASSIGN(info.num_samples, json::GetInt(value, "num_samples", where));
  DATALAKE_TRY_ASSIGN(auto description, json::FindString(value, "description", where));
  info.description = description.value_or("");
  DATALAKE_TRY_ASSIGN(auto created_by, json::FindString(value, "created_by", where));
  info.created_by = created_by.value_or("");
  DATALAKE_TRY_ASSIGN(auto size_bytes, json::FindUint(value, "size_bytes", where));
  info.size_bytes = size_bytes.value_or(0);
  DATALAKE_TRY_ASSIGN(auto hash, json::FindString(value, "content_sha256", where));
  info.content_sha256 = hash.value_or("");
  DATALAKE_TRY_ASSIGN(auto license, json::FindString(value, "license", where));
  info.license = license.value_or("");
  DATALAKE_TRY_ASSIGN(auto split_key, json::FindString(value, "split_key", where));
  info.split_key = split_key.value_or("");
  if (const json::Value* splits = json::Find(value, "splits"); splits != nullptr) {
    for (const json::Value& split : *splits) {
      CollectionSplit& read = info.splits.emplace_back();
      DATALAKE_TRY_ASSIGN(read.name, json::GetString(split, "name", where));
      DATALAKE_TRY_ASSIGN(read.num_samples, json::GetInt(split, "num_samples", where));
      DATALAKE_TRY_ASSIGN(const auto split_bytes, json::FindUint(split, "size_bytes", where));
      read.size_bytes = split_bytes.value_or(0);
    }
  }
  if (const json::Value* source = json::Find(value, "source"); source != nullptr) {
    DATALAKE_TRY_ASSIGN(auto kind, json::FindString(*source, "kind", where));
    info.source.kind = kind.value_or("");
    DATALAKE_TRY_ASSIGN(auto query, json::FindString(*source, "query", where));
    info.source.query = query.value_or("");
    if (const json::Value* inputs = json::Find(*source, "inputs"); inputs != nullptr) {
      for (const json::Value& input : *inputs) {
        AddInput(input, info.source.inputs);
      }
    }
  }
  return info;
}

}  // namespace datalake::lake
