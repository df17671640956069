// The gate for SQL of users: DuckDB's own parser gives the syntax tree as JSON
// (json_serialize_sql), and only what is known to be harmless passes. The engine below is shut in
// by its settings as well; the gate also keeps users from files of the lake that no view shows.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/query/handles_internal.h"
#include "datalake/query/sql_text.h"
#include "datalake/query/statement_internal.h"

namespace datalake::query {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxSqlBytes = 1 << 20;

constexpr std::string_view kOnlyReads =
    "only one SELECT, WITH, VALUES, FROM, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN statement "
    "can be run";

// Table functions that see nothing but their arguments.
constexpr std::array<std::string_view, 7> kTableFunctions = {
    "generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"};

// The end of a comment that begins at `at`, as DuckDB reads it: block comments nest, and a carriage
// return ends a line.
std::size_t SkipComment(std::string_view sql, std::size_t at) {
  if (sql.substr(at).starts_with("--")) {
    return std::min(sql.find_first_of("\r\n", at), sql.size());
  }
  std::size_t depth = 0;
  while (at < sql.size()) {
    const std::string_view rest = sql.substr(at);
    if (rest.starts_with("/*")) {
      ++depth;
      at += 2;
    } else if (rest.starts_with("*/")) {
      --depth;
      at += 2;
    } else {
      ++at;
    }
    if (depth == 0) {
      break;
    }
  }
  return at;
}

// Skips white space and comments.
std::size_t SkipBlank(std::string_view sql, std::size_t at) {
  while (at < sql.size()) {
    if (std::string_view(" \t\r\n").find(sql[at]) != std::string_view::npos) {
      ++at;
    } else if (sql.substr(at).starts_with("--") || sql.substr(at).starts_with("/*")) {
      at = SkipComment(sql, at);
    } else {
      break;
    }
  }
  return at;
}

// Takes `word` off the front of `sql`, in any case.
bool TakeWord(std::string_view& sql, std::string_view word) {
  const std::size_t at = SkipBlank(sql, 0);
  if (FoldName(sql.substr(at, word.size())) != word) {
    return false;
  }
  const std::size_t end = at + word.size();
  if (end < sql.size() && SkipBlank(sql, end) == end && sql[end] != '(') {
    return false;  // a longer word
  }
  sql.remove_prefix(end);
  return true;
}

Result<std::string> SerializeSql(duckdb_connection connection, std::string_view sql) {
  PreparedHandle prepared;
  if (duckdb_prepare(connection, "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)",
                     prepared.out()) == DuckDBError) {
    return DuckdbError(duckdb_prepare_error(prepared.get()));
  }
  duckdb_bind_varchar_length(prepared.get(), 1, sql.data(), sql.size());
  ResultHandle result;
  if (duckdb_execute_prepared(prepared.get(), result.get()) == DuckDBError) {
    return DuckdbError(duckdb_result_error(result.get()));
  }
  ChunkHandle chunk(duckdb_fetch_chunk(*result.get()));
  if (!chunk || duckdb_data_chunk_get_size(chunk.get()) != 1) {
    return Error{ErrorCode::kInternal, "no syntax tree"};
  }
  auto* text = static_cast<duckdb_string_t*>(
      duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
  return std::string(duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

std::string Text(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get_ref<const std::string&>() : "";
}

Error SyntaxError(const Json& answer) {
  const std::string message = Text(answer, "error_message");
  if (Text(answer, "error_type") == "not implemented") {
    return Error{ErrorCode::kPermissionDenied,
                 fmt::format("queries are read-only: {}", kOnlyReads)};
  }
  const std::string position = Text(answer, "position");
  return Error{ErrorCode::kInvalidArgument,
               position.empty()
                   ? fmt::format("cannot parse sql: {}", message)
                   : fmt::format("cannot parse sql: {}: at byte {}", message, position)};
}

// The only statement's tree. nlohmann's parser and destructor keep their own stacks, so deep
// nesting (which DuckDB limits to 1,000 expressions) costs memory, not stack.
Result<Json> ParseStatement(duckdb_connection connection, std::string_view sql) {
  if (sql.size() > kMaxSqlBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("sql is longer than {} bytes: {}", kMaxSqlBytes, sql.size())};
  }
  DATALAKE_TRY(CheckSqlText("sql", sql));
  DATALAKE_TRY_ASSIGN(const std::string text, SerializeSql(connection, sql));
  Json answer = Json::parse(text, nullptr, false);
  if (!answer.is_object()) {
    return Error{ErrorCode::kInternal, "the syntax tree is no JSON"};
  }
  if (const auto failed = answer.find("error"); failed == answer.end() || *failed != false) {
    return SyntaxError(answer);
  }
  const auto statements = answer.find("statements");
  const std::size_t count =
      statements != answer.end() && statements->is_array() ? statements->size() : 0;
  if (count != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}, not {}: separate them", kOnlyReads, count)};
  }
  return Json(std::move(statements->front()));
}

// Walks all objects of a tree.
template <typename Visit>
Status ForEachObject(const Json& root, Visit visit) {
  std::vector<const Json*> open = {&root};
  while (!open.empty()) {
    const Json& node = *open.back();
    open.pop_back();
    if (node.is_object()) {
      DATALAKE_TRY(visit(node));
    }
    if (node.is_structured()) {
      for (const Json& child : node) {
        open.push_back(&child);
      }
    }
  }
  return {};
}

// By folded name, of the whole statement.
std::set<std::string> WithNames(const Json& root) {
  std::set<std::string> names;
  const Status always_ok = ForEachObject(root, [&](const Json& node) -> Status {
    const auto with = node.find("cte_map");
    if (with == node.end() || !with->is_object() || !with->contains("map")) {
      return {};
    }
    for (const Json& entry : (*with)["map"]) {
      names.insert(entry.is_object() ? FoldName(Text(entry, "key")) : "");
    }
    return {};
  });
  static_cast<void>(always_ok);
  return names;
}

// A WITH name is known in its own SELECT alone, but the gate lets it pass in the whole statement.
// So it must not be a name that DuckDB finds something by elsewhere.
Status CheckWithNames(const std::set<std::string>& names,
                      const std::set<std::string>& system_names) {
  for (const std::string& name : names) {
    if (system_names.contains(name)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a WITH name must not be the name of a system view: {}", name)};
    }
  }
  return {};
}

// Newer grammars let data-changing statements stand where a query does.
Status CheckQueryNode(std::string_view type) {
  constexpr std::array<std::string_view, 4> kKnown = {"SELECT_NODE", "SET_OPERATION_NODE",
                                                      "RECURSIVE_CTE_NODE", "CTE_NODE"};
  if (!type.ends_with("_NODE") || std::find(kKnown.begin(), kKnown.end(), type) != kKnown.end()) {
    return {};
  }
  return Error{ErrorCode::kPermissionDenied,
               fmt::format("queries are read-only: {}: {}", kOnlyReads, type)};
}

Status CheckTableFunction(const Json& node) {
  const auto function = node.find("function");
  const std::string name = function != node.end() && function->is_object()
                               ? FoldName(Text(*function, "function_name"))
                               : "";
  if (std::find(kTableFunctions.begin(), kTableFunctions.end(), name) != kTableFunctions.end()) {
    return {};
  }
  return Error{ErrorCode::kPermissionDenied,
               fmt::format("this table function is not available: {}; data is in the views: SHOW "
                           "TABLES lists them",
                           name.empty() ? Text(node, "type") : name)};
}

// True when the statement is SELECT with one bare item and nothing else.
bool IsBareSelect(const Json& statement) {
  const auto node = statement.find("node");
  if (node == statement.end() || !node->is_object() || Text(*node, "type") != "SELECT_NODE" ||
      !node->contains("select_list") || !node->contains("from_table")) {
    return false;
  }
  const Json& items = (*node)["select_list"];
  bool is_bare = items.size() == 1 && Text((*node)["from_table"], "type") == "EMPTY" &&
                 Text(items[0], "alias").empty();
  for (const char* clause : {"where_clause", "having", "sample", "qualify"}) {
    is_bare = is_bare && (!node->contains(clause) || (*node)[clause].is_null());
  }
  for (const char* clause : {"modifiers", "group_expressions", "group_sets"}) {
    is_bare = is_bare && (!node->contains(clause) || (*node)[clause].empty());
  }
  return is_bare;
}

class FactFinder {
 public:
  explicit FactFinder(std::set<std::string> with_names) : with_names_(std::move(with_names)) {}

  Status Visit(const Json& node) {
    const std::string type = Text(node, "type");
    DATALAKE_TRY(CheckQueryNode(type));
    if (type == "TABLE_FUNCTION") {
      return CheckTableFunction(node);
    }
    if (type == "BASE_TABLE") {
      return AddView(node);
    }
    if (type == "SHOW_REF") {
      return AddShow(node);
    }
    if (type == "VALUE_PARAMETER") {
      return Error{ErrorCode::kInvalidArgument, "sql has parameters: write the values into it"};
    }
    if (type == "STAR" || type == "POSITIONAL_REFERENCE" || Text(node, "ref_type") == "NATURAL") {
      wants_all_ = true;
    }
    if (type == "COLUMN_REF") {
      AddColumns(node, "column_names");
    } else if (type == "JOIN") {
      AddColumns(node, "using_columns");
    }
    return {};
  }

  StatementFacts TakeFacts() {
    for (const std::string& name : bare_names_) {
      wants_all_ |= table_names_.contains(name);  // `select t from t` is the whole row
    }
    if (!wants_all_) {
      facts_.columns = std::move(columns_);
    }
    return std::move(facts_);
  }

 private:
  void AddColumns(const Json& node, const char* key) {
    const auto names = node.find(key);
    if (names == node.end() || !names->is_array()) {
      return;
    }
    for (const Json& item : *names) {
      const std::string name =
          item.is_string() ? FoldName(item.get_ref<const std::string&>()) : std::string();
      columns_.insert(name);
      if (names->size() == 1) {
        bare_names_.insert(name);
      }
    }
  }

  Status AddView(const Json& node) {
    ViewName name{Text(node, "schema_name"), Text(node, "table_name")};
    table_names_.insert(FoldName(name.name));
    table_names_.insert(FoldName(Text(node, "alias")));
    if (name.schema.empty() && with_names_.contains(FoldName(name.name)) &&
        name.name.find_first_of("./*") == std::string::npos) {  // never a file's name
      return {};
    }
    if (!Text(node, "catalog_name").empty()) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("no such view: {}.{}.{}", Text(node, "catalog_name"), name.schema,
                               name.name)};
    }
    if (std::find(facts_.views.begin(), facts_.views.end(), name) == facts_.views.end()) {
      facts_.views.push_back(std::move(name));
    }
    return {};
  }

  Status AddShow(const Json& node) {
    wants_all_ = true;
    const auto query = node.find("query");
    if (query != node.end() && !query->is_null()) {
      return {};  // DESCRIBE or SUMMARIZE of a query below, visited by itself
    }
    const std::string what = Text(node, "table_name");
    if (what != "\"tables\"" && what != "__show_tables_expanded") {
      return Error{ErrorCode::kPermissionDenied,
                   fmt::format("cannot show {}: {}", what, kOnlyReads)};
    }
    facts_.shows_tables = true;
    return {};
  }

  std::set<std::string> with_names_;
  std::set<std::string> columns_;
  std::set<std::string> bare_names_;   // column references of one word
  std::set<std::string> table_names_;  // and aliases
  bool wants_all_ = false;
  StatementFacts facts_;
};

}  // namespace

Result<StatementFacts> InspectStatement(duckdb_connection connection, std::string_view sql,
                                        const std::set<std::string>& system_names) {
  std::string_view query = sql;
  ExplainKind explain = ExplainKind::kNone;
  if (TakeWord(query, "explain")) {
    explain = TakeWord(query, "analyze") ? ExplainKind::kAnalyze : ExplainKind::kPlan;
  }
  DATALAKE_TRY_ASSIGN(const Json statement, ParseStatement(connection, query));
  std::set<std::string> with_names = WithNames(statement);
  DATALAKE_TRY(CheckWithNames(with_names, system_names));
  FactFinder finder(std::move(with_names));
  DATALAKE_TRY(ForEachObject(statement, [&](const Json& node) { return finder.Visit(node); }));
  StatementFacts facts = finder.TakeFacts();
  facts.explain = explain;
  facts.query = query;
  return facts;
}

Status CheckExpression(duckdb_connection connection, std::string_view text) {
  Json statement;
  // Once bare, so that it closes no parenthesis that it did not open, and once as it will stand.
  for (const std::string& sql :
       {fmt::format("SELECT {}", text), fmt::format("SELECT (\n{}\n)", text)}) {
    Result<Json> parsed = ParseStatement(connection, sql);
    if (!parsed || !IsBareSelect(*parsed)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("not one expression: {}{}", text,
                               parsed ? "" : ": " + parsed.error().message)};
    }
    statement = *std::move(parsed);
  }
  return ForEachObject(statement, [&](const Json& object) -> Status {
    const std::string type = Text(object, "type");
    if (type == "TABLE_FUNCTION") {
      return CheckTableFunction(object);
    }
    if (type == "BASE_TABLE" || type == "SHOW_REF" || type == "VALUE_PARAMETER") {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("an expression cannot read tables or take parameters: {}", text)};
    }
    return {};
  });
}

Result<std::string> ExpressionTree(duckdb_connection connection, std::string_view text) {
  DATALAKE_TRY(CheckExpression(connection, text));
  DATALAKE_TRY_ASSIGN(const Json statement,
                      ParseStatement(connection, fmt::format("SELECT (\n{}\n)", text)));
  const Json::json_pointer place("/node/select_list/0");
  return statement.contains(place) ? statement.at(place).dump() : std::string("null");
}

}  // namespace datalake::query
