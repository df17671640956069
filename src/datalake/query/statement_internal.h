#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <duckdb.h>

#include "datalake/base/result.h"
#include "datalake/query/engine.h"

namespace datalake::query {

/// The word before a query.
enum class ExplainKind { kNone, kPlan, kAnalyze };

/// What a statement of a user asks for, by its syntax tree.
struct StatementFacts {
  ExplainKind explain = ExplainKind::kNone;
  std::string query;                             ///< what was inspected: without EXPLAIN [ANALYZE]
  bool shows_tables = false;                     ///< SHOW TABLES or SHOW ALL TABLES
  std::vector<ViewName> views;                   ///< names that are no WITH names; without repeats
  std::optional<std::set<std::string>> columns;  ///< as ViewRequest::columns
};

/// Parses `sql` and refuses what the engine does not run for users (QueryEngine::Sql): nothing is
/// bound or executed. Only what the facts hold may run, never `sql` itself: what precedes the query
/// in it is read by another lexer than DuckDB's. `system_names` (folded) cannot be WITH names.
/// Errors: kInvalidArgument, kPermissionDenied, kUnsupported.
Result<StatementFacts> InspectStatement(duckdb_connection connection, std::string_view sql,
                                        const std::set<std::string>& system_names);

/// Ok when `text` is one expression without tables, subqueries over tables and parameters.
/// Errors: kInvalidArgument, kPermissionDenied.
Status CheckExpression(duckdb_connection connection, std::string_view text);

/// The syntax tree of an expression that passes CheckExpression, as DuckDB's JSON text.
/// Errors: those of CheckExpression.
Result<std::string> ExpressionTree(duckdb_connection connection, std::string_view text);

}  // namespace datalake::query
