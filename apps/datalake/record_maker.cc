#include "apps/datalake/record_maker.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/format/row_json.h"
#include "datalake/json/tree.h"
#include "datalake/json/writer.h"

namespace datalake::apps {
namespace {

Result<int> ColumnOf(const arrow::RecordBatch& batch, const std::string& name) {
  const int column = batch.schema()->GetFieldIndex(name);
  if (column < 0) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the file has no such column: {}; it has {}", name,
                             fmt::join(batch.schema()->field_names(), ", "))};
  }
  return column;
}

// key ← column of all columns that a record takes.
std::vector<std::pair<std::string, std::string>> KeysOf(const RecordMapping& mapping,
                                                        const arrow::Schema& schema) {
  std::vector<std::pair<std::string, std::string>> keys = mapping.columns;
  if (mapping.only_mapped && !keys.empty()) {
    return keys;
  }
  for (const auto& field : schema.fields()) {
    const std::string& name = field->name();
    const auto is_it = [&name](const auto& pair) {
      return pair.first == name || pair.second == name;
    };
    const auto is_key = [&name](const auto& pair) { return pair.first == name; };
    const bool is_taken = name == mapping.prompt_column || name == mapping.answer_column ||
                          (name == "conversation" && !mapping.prompt_column.empty()) ||
                          std::any_of(mapping.columns.begin(), mapping.columns.end(), is_it) ||
                          std::any_of(mapping.constants.begin(), mapping.constants.end(), is_key);
    if (!is_taken) {
      keys.emplace_back(name, name);
    }
  }
  return keys;
}

// The text of a JSON column, which must be JSON itself.
Status WriteJsonText(const arrow::Array& column, std::int64_t row, const std::string& name,
                     json::Writer& writer) {
  if (column.type_id() != arrow::Type::STRING) {
    return Error{ErrorCode::kInvalidArgument, "a --json column must be text: " + name};
  }
  const std::string_view text = static_cast<const arrow::StringArray&>(column).GetView(row);
  const auto tree = json::Tree::Parse(text);
  if (!tree) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("column {}: {}", name, tree.error().message)};
  }
  std::string compact;
  tree->root().AppendJson(compact);
  writer.Raw(compact);
  return {};
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> RecordMapping::ParsePairs(
    const std::vector<std::string>& texts, std::string_view option) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("must be KEY=VALUE: {} {}", option, text)};
    }
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

Status RecordMaker::Append(const arrow::RecordBatch& batch, std::int64_t row, std::string& lines) {
  const std::vector<std::pair<std::string, std::string>> columns =
      KeysOf(mapping_, *batch.schema());
  std::string object;
  json::Writer writer(object);
  writer.BeginObject();
  for (const auto& [key, text] : mapping_.constants) {
    writer.Key(key);
    writer.String(text);
  }
  for (const auto& [key, name] : columns) {
    DATALAKE_TRY_ASSIGN(const int index, ColumnOf(batch, name));
    const arrow::Array& column = *batch.column(index);
    if (column.IsNull(row)) {
      continue;
    }
    writer.Key(key);
    if (std::find(mapping_.json_columns.begin(), mapping_.json_columns.end(), name) !=
        mapping_.json_columns.end()) {
      DATALAKE_TRY(WriteJsonText(column, row, name, writer));
      continue;
    }
    std::string value;
    DATALAKE_TRY(format::AppendValueJson(column, row, {.skip_null_members = true}, value));
    writer.Raw(value);
  }
  if (!mapping_.prompt_column.empty()) {
    writer.Key("conversation");
    writer.BeginArray();
    for (const auto& [role, name] : {std::pair("user", mapping_.prompt_column),
                                     std::pair("assistant", mapping_.answer_column)}) {
      DATALAKE_TRY_ASSIGN(const int index, ColumnOf(batch, name));
      std::string value;
      DATALAKE_TRY(format::AppendValueJson(*batch.column(index), row, {}, value));
      writer.BeginObject();
      writer.Key("role");
      writer.String(role);
      writer.Key("content");
      writer.Raw(value);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.EndObject();
  return AppendJson(object, lines);
}

Status RecordMaker::AppendJson(std::string_view object, std::string& lines) {
  const auto tree = json::Tree::Parse(object);
  const bool is_object = tree && tree->root().type() == json::NodeType::kObject;
  bool has_id = false;
  bool is_empty = true;
  if (is_object) {
    tree->root().ForEachMember([&](std::string_view key, const json::Node& value) {
      is_empty = false;
      has_id = has_id || (key == "ingest_id" && value.type() != json::NodeType::kNull);
    });
  }
  if (!is_object || has_id) {
    lines.append(object);  // what is no record is for the server to refuse
    lines += '\n';
    return {};
  }
  const std::uint32_t times = seen_[Xxh3Hash64(object)]++;
  const std::string digest = Sha256Hex(fmt::format("{}\n{}", times, object));
  const std::size_t end = object.rfind('}');
  lines.append(object.substr(0, end));
  lines += fmt::format("{}\"ingest_id\":\"{}\"}}\n", is_empty ? "" : ",", digest.substr(0, 40));
  return {};
}

}  // namespace datalake::apps
