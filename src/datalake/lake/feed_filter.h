#pragma once

#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/feed_query.h"

// Internal to lake/.
namespace datalake::lake {

/// Errors: kInvalidArgument, unless `text` is a day that exists, as "2026-01-31".
Status CheckDay(std::string_view what, std::string_view text);

/// One SQL expression over the columns of a feed's table, "true" without conditions. Values are
/// quoted. Errors: kInvalidArgument (the filter; a field that `schema` has not).
Result<std::string> FeedFilterSql(const FeedFilter& filter, const arrow::Schema& schema);

/// The SQL expression over rows of a feed that `by` groups by; for ratings one value for each of
/// the record's. Errors: kInvalidArgument (no such field in this feed).
Result<std::string> FeedGroupingSql(FeedGrouping by, const arrow::Schema& schema);

}  // namespace datalake::lake
