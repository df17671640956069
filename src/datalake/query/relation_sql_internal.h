#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/query/relation.h"

namespace datalake::query {

struct SqlColumn {
  std::string name;
  std::string type;  ///< as DuckTypeName
};

/// A relation as a SELECT, and the columns that it gives.
struct RelationSql {
  std::string sql;
  std::vector<SqlColumn> columns;
};

/// Gives the FROM item that scans a group of batches.
using BatchScan = std::function<Result<std::string>(const BatchGroup&)>;

/// Writes `relation` as one SELECT. Errors: kInvalidArgument (names that are no SQL text),
/// kUnsupported (types), those of `scan`.
Result<RelationSql> BuildRelationSql(const Relation& relation, const BatchScan& scan);

}  // namespace datalake::query
