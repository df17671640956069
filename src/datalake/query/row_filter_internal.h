#pragma once

#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/query/relation_sql_internal.h"
#include "datalake/query/row_filter.h"

namespace datalake::query {

/// Errors: kInvalidArgument (negative limit or offset).
Status CheckPage(const RowFilter& filter);

/// The SELECT of `filter` over `from`, a FROM item with these columns. `filter.where` must have
/// passed CheckExpression. Errors: kNotFound (unknown column), kInvalidArgument.
Result<std::string> BuildFilterSql(const RowFilter& filter, const std::vector<SqlColumn>& columns,
                                   const std::string& from);

}  // namespace datalake::query
