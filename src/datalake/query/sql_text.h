#pragma once

#include <string>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::query {

/// Names and values as SQL text: the only two ways in which either gets into a statement.
/// Both take any text that CheckSqlText accepts. Thread-safe.
std::string QuoteIdentifier(std::string_view name);
std::string QuoteLiteral(std::string_view text);

/// Text that may go into a statement: UTF-8 without NUL (DuckDB takes C strings). `what` is the
/// word for the message. Errors: kInvalidArgument.
Status CheckSqlText(std::string_view what, std::string_view text);

/// ASCII letters in lower case; SQL compares names so.
std::string FoldName(std::string_view name);

}  // namespace datalake::query
