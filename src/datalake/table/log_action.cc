#include "datalake/table/log_action.h"

#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/json/value.h"
#include "datalake/json/writer.h"
#include "datalake/table/partition_path.h"
#include "datalake/table/statistics_json.h"

namespace datalake::table {
namespace {

using json::Value;

// Reads the actions of one line; every getter's error names file and line by `where_`.
class ActionParser {
 public:
  ActionParser(std::string_view root, CommitActions& out) : root_(root), out_(out) {}

  Status Line(std::string_view line, std::string_view where) {
    where_ = where;
    DATALAKE_TRY_ASSIGN(const Value action, json::ParseValue(line, where));
    if (!action.is_object()) {
      return Error{ErrorCode::kCorruption, fmt::format("log line is no object: {}", where)};
    }
    if (const Value* add = json::Find(action, "add")) {
      return Add(*add);
    }
    if (const Value* remove = json::Find(action, "remove")) {
      return Remove(*remove);
    }
    if (const Value* metadata = json::Find(action, "metaData")) {
      return Metadata(*metadata);
    }
    if (const Value* protocol = json::Find(action, "protocol")) {
      return Protocol(*protocol);
    }
    if (const Value* txn = json::Find(action, "txn")) {
      return Transaction(*txn);
    }
    if (const Value* info = json::Find(action, "commitInfo")) {
      out_.commit_info = json::DumpValue(*info);
    }
    return {};
  }

 private:
  Status Add(const Value& add) {
    auto file = std::make_shared<TableFile>();
    DATALAKE_TRY_ASSIGN(file->path, json::GetString(add, "path", where_));
    DATALAKE_TRY_ASSIGN(file->os_path, DataFilePath(root_, file->path));
    DATALAKE_TRY_ASSIGN(file->size_bytes, json::GetUint(add, "size", where_));
    DATALAKE_TRY_ASSIGN(file->partition_values, Values(add));
    DATALAKE_TRY_ASSIGN(const auto modified, json::FindInt(add, "modificationTime", where_));
    file->modified_ms = modified.value_or(0);
    if (const Value* stats = json::Find(add, "stats")) {
      // Text by the protocol; an object is what some hand-made tables have (rule 12).
      file->stats_json =
          stats->is_string() ? stats->get_ref<const std::string&>() : json::DumpValue(*stats);
      file->num_rows = NumRecordsOf(file->stats_json);
    }
    if (const Value* vector = json::Find(add, "deletionVector"); vector != nullptr) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("deletion vectors are not supported: {}: {}", where_, file->path)};
    }
    DATALAKE_TRY_ASSIGN(const auto changes, json::FindBool(add, "dataChange", where_));
    auto tags = Map(add, "tags");
    file->xxh3 = ParseFileHash(tags);
    out_.adds.push_back(
        {.file = std::move(file), .changes_data = changes.value_or(true), .tags = std::move(tags)});
    return {};
  }

  Status Remove(const Value& remove) {
    RemoveAction action;
    DATALAKE_TRY_ASSIGN(action.path, json::GetString(remove, "path", where_));
    DATALAKE_TRY_ASSIGN(action.deleted_ms, json::FindInt(remove, "deletionTimestamp", where_));
    DATALAKE_TRY_ASSIGN(const auto changes, json::FindBool(remove, "dataChange", where_));
    action.changes_data = changes.value_or(true);
    DATALAKE_TRY_ASSIGN(action.size_bytes, json::FindInt(remove, "size", where_));
    if (json::Find(remove, "partitionValues") != nullptr) {
      DATALAKE_TRY_ASSIGN(action.partition_values, Values(remove));
    }
    out_.removes.push_back(std::move(action));
    return {};
  }

  Status Metadata(const Value& value) {
    MetadataAction metadata;
    DATALAKE_TRY_ASSIGN(metadata.id, json::GetString(value, "id", where_));
    DATALAKE_TRY_ASSIGN(metadata.schema_json, json::GetString(value, "schemaString", where_));
    DATALAKE_TRY_ASSIGN(auto name, json::FindString(value, "name", where_));
    DATALAKE_TRY_ASSIGN(auto description, json::FindString(value, "description", where_));
    metadata.name = name.value_or("");
    metadata.description = description.value_or("");
    DATALAKE_TRY_ASSIGN(metadata.created_ms, json::FindInt(value, "createdTime", where_));
    metadata.configuration = Map(value, "configuration");
    if (const Value* form = json::Find(value, "format")) {
      DATALAKE_TRY_ASSIGN(auto provider, json::FindString(*form, "provider", where_));
      metadata.format_provider = provider.value_or("parquet");
      metadata.format_options = Map(*form, "options");
    }
    if (const Value* columns = json::Find(value, "partitionColumns")) {
      for (const Value& column : *columns) {
        if (!column.is_string()) {
          return Error{ErrorCode::kCorruption,
                       fmt::format("partitionColumns must hold names: {}", where_)};
        }
        metadata.partition_columns.push_back(column.get<std::string>());
      }
    }
    out_.metadata = std::move(metadata);
    return {};
  }

  Status Protocol(const Value& value) {
    DATALAKE_TRY_ASSIGN(const auto reader, json::GetInt(value, "minReaderVersion", where_));
    DATALAKE_TRY_ASSIGN(const auto writer, json::GetInt(value, "minWriterVersion", where_));
    out_.protocol = ProtocolAction{.min_reader_version = static_cast<int>(reader),
                                   .min_writer_version = static_cast<int>(writer)};
    return {};
  }

  Status Transaction(const Value& value) {
    TransactionAction transaction;
    DATALAKE_TRY_ASSIGN(transaction.app_id, json::GetString(value, "appId", where_));
    DATALAKE_TRY_ASSIGN(transaction.version, json::GetInt(value, "version", where_));
    DATALAKE_TRY_ASSIGN(transaction.last_updated_ms, json::FindInt(value, "lastUpdated", where_));
    out_.transactions.push_back(std::move(transaction));
    return {};
  }

  Result<PartitionValues> Values(const Value& action) const {
    PartitionValues values;
    const Value* object = json::Find(action, "partitionValues");
    if (object == nullptr) {
      return values;
    }
    if (!object->is_object()) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("partitionValues must be an object: {}", where_)};
    }
    for (const auto& [column, value] : object->items()) {
      if (value.is_string()) {
        values[column] = value.get<std::string>();
      } else if (value.is_null()) {
        values[column] = std::nullopt;
      } else {
        values[column] = json::DumpValue(value);
      }
    }
    return values;
  }

  static std::map<std::string, std::string> Map(const Value& object, std::string_view key) {
    std::map<std::string, std::string> result;
    if (const Value* map = json::Find(object, key); map != nullptr && map->is_object()) {
      for (const auto& [name, value] : map->items()) {
        result[name] = value.is_string() ? value.get<std::string>() : json::DumpValue(value);
      }
    }
    return result;
  }

  const std::string_view root_;
  CommitActions& out_;
  std::string_view where_;
};

Value MapToJson(const std::map<std::string, std::string>& map) {
  Value object = Value::object();
  for (const auto& [key, value] : map) {
    object[key] = value;
  }
  return object;
}

Value ValuesToJson(const PartitionValues& values) {
  Value object = Value::object();
  for (const auto& [column, value] : values) {
    object[column] = value.has_value() ? Value(*value) : Value(nullptr);
  }
  return object;
}

void AppendLine(std::string& out, std::string_view name, Value action) {
  Value line = Value::object();
  line[std::string(name)] = std::move(action);
  out += json::DumpValue(line);
  out += '\n';
}

Value ToJson(const MetadataAction& metadata) {
  Value value = {{"id", metadata.id}};
  if (!metadata.name.empty()) {
    value["name"] = metadata.name;
  }
  if (!metadata.description.empty()) {
    value["description"] = metadata.description;
  }
  value["format"] = {{"provider", metadata.format_provider},
                     {"options", MapToJson(metadata.format_options)}};
  value["schemaString"] = metadata.schema_json;
  value["partitionColumns"] = metadata.partition_columns;
  value["configuration"] = MapToJson(metadata.configuration);
  if (metadata.created_ms.has_value()) {
    value["createdTime"] = *metadata.created_ms;
  }
  return value;
}

Value ToJson(const RemoveAction& remove) {
  Value value = {{"path", remove.path}, {"dataChange", remove.changes_data}};
  if (remove.deleted_ms.has_value()) {
    value["deletionTimestamp"] = *remove.deleted_ms;
  }
  if (remove.partition_values.has_value() && remove.size_bytes.has_value()) {
    value["extendedFileMetadata"] = true;
    value["partitionValues"] = ValuesToJson(*remove.partition_values);
    value["size"] = *remove.size_bytes;
  }
  return value;
}

Value ToJson(const AddAction& add) {
  Value value = {{"path", add.file->path},
                 {"partitionValues", ValuesToJson(add.file->partition_values)},
                 {"size", add.file->size_bytes},
                 {"modificationTime", add.file->modified_ms},
                 {"dataChange", add.changes_data}};
  if (!add.file->stats_json.empty()) {
    value["stats"] = add.file->stats_json;
  }
  if (!add.tags.empty()) {
    value["tags"] = MapToJson(add.tags);
  }
  return value;
}

constexpr std::string_view kCommitIdKey = "txnId";
constexpr std::string_view kChecksumKey = "checksum";
constexpr std::string_view kEngineKey = "engineInfo";
constexpr std::string_view kEngine = "datalake";

// The end of our commitInfo line: `,"checksum":"crc32c:xxxxxxxx"}}`, where the digits are the
// CRC-32C of the whole file with zeros in their place. Other readers take it for a key of ours.
constexpr std::string_view kChecksumStart = ",\"checksum\":\"crc32c:";
constexpr std::string_view kChecksumEnd = "\"}}";
constexpr std::size_t kChecksumDigits = 8;

std::string ChecksumOf(std::string_view text) {
  return fmt::format("{:08x}", Crc32c(std::as_bytes(std::span(text))));
}

// Where the digits begin; nothing in files of other writers, and old ones, which have no checksum.
std::optional<std::size_t> FindChecksum(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  constexpr std::size_t kTail = kChecksumStart.size() + kChecksumDigits + kChecksumEnd.size();
  const bool is_there = line.starts_with("{\"commitInfo\":") && line.size() >= kTail &&
                        line.ends_with(kChecksumEnd) &&
                        line.substr(line.size() - kTail).starts_with(kChecksumStart);
  return is_there ? std::optional(line.size() - kChecksumEnd.size() - kChecksumDigits)
                  : std::nullopt;
}

Status CheckChecksum(std::string_view text, std::string_view where) {
  const auto at = FindChecksum(text);
  if (at.has_value() && RenewChecksum(std::string(text)) != text) {
    return Error{ErrorCode::kCorruption, fmt::format("log file was changed, its checksum is not "
                                                     "that of its bytes: {}",
                                                     where)};
  }
  return {};
}

}  // namespace

std::string RenewChecksum(std::string text) {
  if (const auto at = FindChecksum(text)) {
    text.replace(*at, kChecksumDigits, kChecksumDigits, '0');
    text.replace(*at, kChecksumDigits, ChecksumOf(text));
  }
  return text;
}

std::string FormatFileHash(std::uint64_t xxh3) {
  return fmt::format("{:016x}", xxh3);
}

std::optional<std::uint64_t> ParseFileHash(const std::map<std::string, std::string>& tags) {
  const auto found = tags.find(std::string(kFileHashTag));
  if (found == tags.end()) {
    return std::nullopt;
  }
  std::uint64_t xxh3 = 0;
  const std::string& text = found->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), xxh3, 16);
  const bool is_whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return is_whole ? std::optional<std::uint64_t>(xxh3) : std::nullopt;
}

Result<CommitActions> ParseCommit(std::string_view text, std::string_view root,
                                  std::string_view where) {
  DATALAKE_TRY(CheckChecksum(text, where));
  CommitActions actions;
  ActionParser parser(root, actions);
  int number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      continue;
    }
    if (Status status = parser.Line(line, fmt::format("{}:{}", where, number)); !status) {
      Error error = std::move(status).error();
      if (error.code == ErrorCode::kInvalidArgument) {
        error.code = ErrorCode::kCorruption;
      }
      return error;
    }
  }
  return actions;
}

std::string FormatCommit(const CommitActions& actions) {
  std::string out;
  if (!actions.commit_info.empty()) {
    const std::string_view info = actions.commit_info;
    out = fmt::format("{{\"commitInfo\":{}{}", info.substr(0, info.size() - 1), kChecksumStart);
    out += fmt::format("{:0>{}}{}\n", "", kChecksumDigits, kChecksumEnd);
  }
  if (actions.protocol.has_value()) {
    AppendLine(out, "protocol",
               {{"minReaderVersion", actions.protocol->min_reader_version},
                {"minWriterVersion", actions.protocol->min_writer_version}});
  }
  if (actions.metadata.has_value()) {
    AppendLine(out, "metaData", ToJson(*actions.metadata));
  }
  for (const TransactionAction& txn : actions.transactions) {
    Value value = {{"appId", txn.app_id}, {"version", txn.version}};
    if (txn.last_updated_ms.has_value()) {
      value["lastUpdated"] = *txn.last_updated_ms;
    }
    AppendLine(out, "txn", std::move(value));
  }
  for (const RemoveAction& remove : actions.removes) {
    AppendLine(out, "remove", ToJson(remove));
  }
  for (const AddAction& add : actions.adds) {
    AppendLine(out, "add", ToJson(add));
  }
  return RenewChecksum(std::move(out));
}

CommitFacts ParseCommitInfo(std::string_view json) {
  CommitFacts facts;
  const auto value = json::ParseValue(json, "commitInfo");
  if (!value || !value->is_object()) {
    return facts;
  }
  for (const auto& [key, member] : value->items()) {
    if (key == "timestamp" && member.is_number_integer()) {
      facts.timestamp_ms = member.get<std::int64_t>();
    } else if (key == kCommitIdKey && member.is_string()) {
      facts.commit_id = member.get<std::string>();
    } else if (key == "operation" && member.is_string()) {
      facts.info.operation = member.get<std::string>();
    } else if (key == "userName" && member.is_string()) {
      facts.info.user = member.get<std::string>();
    } else if (key == "reason" && member.is_string()) {
      facts.info.reason = member.get<std::string>();
    } else if (key == "extra" && member.is_object()) {
      for (const auto& [name, text] : member.items()) {
        facts.info.extra[name] = text.is_string() ? text.get<std::string>() : json::DumpValue(text);
      }
    } else if (member.is_string() && key != kChecksumKey &&
               !(key == kEngineKey && member == kEngine)) {
      facts.info.extra[key] = member.get<std::string>();
    }
  }
  return facts;
}

std::string FormatCommitInfo(const CommitFacts& facts, bool is_blind_append) {
  Value value = {{"timestamp", facts.timestamp_ms.value_or(0)},
                 {"operation", facts.info.operation.empty() ? "WRITE" : facts.info.operation},
                 {"operationParameters", Value::object()},
                 {"isBlindAppend", is_blind_append},
                 {std::string(kEngineKey), kEngine}};
  if (!facts.info.user.empty()) {
    value["userName"] = facts.info.user;
  }
  if (!facts.info.reason.empty()) {
    value["reason"] = facts.info.reason;
  }
  if (!facts.info.extra.empty()) {
    value["extra"] = MapToJson(facts.info.extra);
  }
  value[std::string(kCommitIdKey)] = facts.commit_id;
  return json::DumpValue(value);
}

}  // namespace datalake::table
