#include "datalake/lake/search.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <arrow/type.h>

#include "datalake/io/glob.h"
#include "datalake/json/writer.h"
#include "datalake/table/snapshot.h"

namespace datalake::lake {
namespace {

struct Level {
  std::string_view column;
  std::string TableName::* value;
};

constexpr Level kLevels[] = {{"provider", &TableName::provider},
                             {"dataset", &TableName::dataset},
                             {"task", &TableName::task}};

}  // namespace

std::string SearchRequestJson(const SearchRequest& request) {
  const query::RowFilter& filter = request.filter;
  std::string text;
  json::Writer writer(text);
  const auto list = [&](const char* key, const std::vector<std::string>& values) {
    if (values.empty()) {
      return;
    }
    writer.Key(key);
    writer.BeginArray();
    for (const std::string& value : values) {
      writer.String(value);
    }
    writer.EndArray();
  };
  const auto string = [&](const char* key, const std::string& value) {
    if (!value.empty()) {
      writer.Key(key);
      writer.String(value);
    }
  };
  const auto number = [&](const char* key, std::optional<std::int64_t> value) {
    if (value) {
      writer.Key(key);
      writer.Int(*value);
    }
  };
  writer.BeginObject();
  list("providers", request.providers);
  list("datasets", request.datasets);
  list("tasks", request.tasks);
  list("variants", request.variants);
  if (filter.text) {
    string("text", filter.text->text);
    string("column", filter.text->column);
    string("json_path", filter.text->json_path);
  }
  string("where", filter.where);
  list("columns", filter.columns);
  std::vector<std::string> keys;
  for (const query::SortKey& key : filter.order_by) {
    keys.push_back(key.column + (key.order == query::SortOrder::kDescending ? " desc" : ""));
  }
  list("order_by", keys);
  number("limit", filter.limit);
  number("offset", filter.offset == 0 ? std::nullopt : std::optional(filter.offset));
  number("version", request.version);
  writer.EndObject();
  return text;
}

bool MatchesLevel(const std::vector<std::string>& patterns, std::string_view value) {
  bool is_filtered = false;
  for (const std::string& pattern : patterns) {
    if (pattern.empty()) {
      continue;
    }
    is_filtered = true;
    if (pattern == value || (io::IsGlob(pattern) && io::MatchesGlob(pattern, value))) {
      return true;
    }
  }
  return !is_filtered;
}

bool MatchesTable(const SearchRequest& request, const TableName& name) {
  const bool names_feeds = std::find(request.providers.begin(), request.providers.end(),
                                     kFeedProvider) != request.providers.end();
  return (name.provider != kFeedProvider || names_feeds) &&
         MatchesLevel(request.providers, name.provider) &&
         MatchesLevel(request.datasets, name.dataset) && MatchesLevel(request.tasks, name.task);
}

std::string VariantColumn(const table::TableSnapshot& snapshot) {
  const auto& columns = snapshot.partition_columns();
  for (const std::string_view name : {"variant", "day"}) {
    if (std::find(columns.begin(), columns.end(), name) != columns.end()) {
      return std::string(name);
    }
  }
  return "";
}

query::FileGroup SnapshotFiles(const TableName& name, const table::TableSnapshot& snapshot,
                               const std::vector<std::string>& patterns) {
  query::FileGroup group;
  arrow::FieldVector fields;
  std::vector<std::optional<std::string>> level_values;
  for (const Level& level : kLevels) {
    fields.push_back(arrow::field(std::string(level.column), arrow::utf8()));
    group.partition_columns.emplace_back(level.column);
    level_values.emplace_back(name.*level.value);
  }
  const std::size_t levels = group.partition_columns.size();
  for (const std::string& column : snapshot.partition_columns()) {
    if (std::find(group.partition_columns.begin(), group.partition_columns.end(), column) ==
        group.partition_columns.end()) {
      group.partition_columns.push_back(column);
    }
  }
  for (const auto& field : snapshot.schema()->fields()) {
    if (std::find(group.partition_columns.begin(), group.partition_columns.begin() + levels,
                  field->name()) == group.partition_columns.begin() + levels) {
      fields.push_back(field);
    }
  }
  group.schema = arrow::schema(std::move(fields));
  const std::string variant_column = VariantColumn(snapshot);
  for (const table::TableFilePtr& file : snapshot.files()) {
    const auto value = file->partition_values.find(variant_column);
    const bool has_value = value != file->partition_values.end() && value->second;
    if (!MatchesLevel(patterns, has_value ? *value->second : "")) {
      continue;
    }
    query::DataFile data{.path = file->os_path, .partition_values = level_values};
    data.xxh3 = file->xxh3;
    for (std::size_t i = levels; i < group.partition_columns.size(); ++i) {
      const auto found = file->partition_values.find(group.partition_columns[i]);
      data.partition_values.push_back(found == file->partition_values.end() ? std::nullopt
                                                                            : found->second);
    }
    group.files.push_back(std::move(data));
  }
  return group;
}

}  // namespace datalake::lake
