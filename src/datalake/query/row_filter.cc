#include "datalake/query/row_filter.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/query/row_filter_internal.h"
#include "datalake/query/sql_text.h"

namespace datalake::query {
namespace {

Result<SqlColumn> FindColumn(const std::vector<SqlColumn>& columns, const std::string& name) {
  const SqlColumn* found = nullptr;
  for (const SqlColumn& column : columns) {
    if (column.name == name) {
      return column;
    }
    if (FoldName(column.name) == FoldName(name)) {
      found = &column;
    }
  }
  if (found != nullptr) {
    return *found;
  }
  std::vector<std::string> known;
  for (const SqlColumn& column : columns) {
    known.push_back(column.name);
  }
  return UnknownNameError("column", name, known);
}

bool IsNested(std::string_view type) {
  return type.ends_with("]") || type.starts_with("STRUCT") || type.starts_with("MAP");
}

// DuckDB's own form of a path: "$.a.b".
std::string RootedPath(const std::string& path) {
  return path.starts_with('$') || path.starts_with('/') ? path : "$." + path;
}

std::string JsonTextCondition(const std::string& value, const std::string& json_path,
                              const std::string& text) {
  const std::string path = QuoteLiteral(RootedPath(json_path));
  const auto any_contains = [&](const std::string& list) {
    return fmt::format("len(list_filter({}, lambda e: contains(e, {}))) > 0", list, text);
  };
  if (json_path.find('*') != std::string::npos) {  // gives a list by itself
    return any_contains(fmt::format("json_extract_string({}, {})", value, path));
  }
  const std::string items = QuoteLiteral(RootedPath(json_path) + "[*]");
  return fmt::format(
      "CASE WHEN json_type({0}, {1}) = 'ARRAY' THEN {2} "
      "ELSE contains(json_extract_string({0}, {1}), {3}) END",
      value, path, any_contains(fmt::format("json_extract_string({}, {})", value, items)), text);
}

Result<std::string> TextCondition(const TextSearch& search, const std::vector<SqlColumn>& columns) {
  DATALAKE_TRY_ASSIGN(const SqlColumn column, FindColumn(columns, search.column));
  DATALAKE_TRY(CheckSqlText("search text", search.text));
  DATALAKE_TRY(CheckSqlText("json path", search.json_path));
  if (column.type == "BLOB") {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a binary column has no text to search: {}", column.name)};
  }
  const std::string name = "t." + QuoteIdentifier(column.name);
  const std::string text = QuoteLiteral(search.text);
  if (search.json_path.empty()) {
    return fmt::format("contains(CAST({} AS VARCHAR), {})",
                       IsNested(column.type) ? fmt::format("to_json({})", name) : name, text);
  }
  // TRY_CAST gives null for text that is no JSON.
  return JsonTextCondition(IsNested(column.type) ? fmt::format("to_json({})", name)
                                                 : fmt::format("TRY_CAST({} AS JSON)", name),
                           search.json_path, text);
}

Result<std::string> ColumnList(const RowFilter& filter, const std::vector<SqlColumn>& columns) {
  if (filter.columns.empty()) {
    return std::string("*");
  }
  std::string list;
  for (const std::string& name : filter.columns) {
    DATALAKE_TRY_ASSIGN(const SqlColumn column, FindColumn(columns, name));
    const std::string quoted = "t." + QuoteIdentifier(column.name);
    list += (list.empty() ? "" : ", ") + quoted;
  }
  return list;
}

Result<std::string> OrderClause(const RowFilter& filter, const std::vector<SqlColumn>& columns) {
  std::string clause;
  for (const SortKey& key : filter.order_by) {
    DATALAKE_TRY_ASSIGN(const SqlColumn column, FindColumn(columns, key.column));
    fmt::format_to(std::back_inserter(clause), "{} t.{} {} NULLS LAST",
                   clause.empty() ? " ORDER BY" : ",", QuoteIdentifier(column.name),
                   key.order == SortOrder::kDescending ? "DESC" : "ASC");
  }
  return clause;
}

}  // namespace

Result<SortKey> ParseSortKey(std::string_view text) {
  SortKey key{.column = std::string(text)};
  const std::size_t space = text.find_last_of(' ');
  if (space != std::string_view::npos) {
    const std::string word = FoldName(text.substr(space + 1));
    if (word == "desc" || word == "asc") {
      key.order = word == "desc" ? SortOrder::kDescending : SortOrder::kAscending;
      key.column = text.substr(0, text.find_last_not_of(' ', space) + 1);
    }
  }
  if (key.column.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("not a sort key: \"{}\"; write a column, or a column and desc", text)};
  }
  return key;
}

Status CheckPage(const RowFilter& filter) {
  if (filter.offset < 0 || filter.limit.value_or(0) < 0) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("limit and offset must not be negative: {}, {}",
                             filter.limit.value_or(0), filter.offset)};
  }
  return {};
}

Result<std::string> BuildFilterSql(const RowFilter& filter, const std::vector<SqlColumn>& columns,
                                   const std::string& from) {
  DATALAKE_TRY(CheckPage(filter));
  DATALAKE_TRY_ASSIGN(const std::string list, ColumnList(filter, columns));
  std::string sql = fmt::format("SELECT {} FROM {} AS t", list, from);
  std::string condition;
  if (filter.text) {
    DATALAKE_TRY_ASSIGN(condition, TextCondition(*filter.text, columns));
  }
  if (!filter.where.empty()) {
    // The line ends keep a trailing comment from swallowing the parenthesis.
    condition += fmt::format("{}(\n{}\n)", condition.empty() ? "" : " AND ", filter.where);
  }
  if (!condition.empty()) {
    sql += " WHERE " + condition;
  }
  DATALAKE_TRY_ASSIGN(const std::string order, OrderClause(filter, columns));
  sql += order;
  if (filter.limit) {
    fmt::format_to(std::back_inserter(sql), " LIMIT {}", *filter.limit);
  }
  if (filter.offset > 0) {
    fmt::format_to(std::back_inserter(sql), " OFFSET {}", filter.offset);
  }
  return sql;
}

}  // namespace datalake::query
