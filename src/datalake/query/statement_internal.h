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

/// What a statement of a user asks for, by its syntax tree.
struct StatementFacts {
  bool shows_tables = false;                     ///< SHOW TABLES or SHOW ALL TABLES
  std::vector<ViewName> views;                   ///< names that are no WITH names; without repeats
  std::optional<std::set<std::string>> columns;  ///< as ViewRequest::columns
};

/// Parses `sql` and refuses what the engine does not run for users (QueryEngine::Sql): nothing is
/// bound or executed. Errors: kInvalidArgument, kPermissionDenied, kUnsupported.
Result<StatementFacts> InspectStatement(duckdb_connection connection, std::string_view sql);

/// Ok when `text` is one expression without tables, subqueries over tables and parameters.
/// Errors: kInvalidArgument, kPermissionDenied.
Status CheckExpression(duckdb_connection connection, std::string_view text);

}  // namespace datalake::query
