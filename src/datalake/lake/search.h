#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/layout.h"
#include "datalake/query/relation.h"
#include "datalake/query/row_filter.h"

namespace datalake::table {
class TableSnapshot;
}  // namespace datalake::table

namespace datalake::lake {

/// Rows of the lake by the hierarchy. A level is a list of names and globs (`*`, `?`, `[a-z]`) of
/// which one must match; an empty list, and empty names, mean all. Names are data: one that no
/// table has matches nothing. Feeds are left out unless "feeds" is named among the providers; of
/// a feed the current records count, and its days are the variants.
struct SearchRequest {
  std::vector<std::string> providers = {};
  std::vector<std::string> datasets = {};
  std::vector<std::string> tasks = {};
  std::vector<std::string> variants = {};
  /// The version of the one table that the request names; nothing: the newest of each.
  std::optional<std::int64_t> version = std::nullopt;
  query::RowFilter filter = {};
};

/// The request as one line of JSON, without what was not asked for: the lineage of a collection.
std::string SearchRequestJson(const SearchRequest& request);

/// True when `value` passes one level of a request.
bool MatchesLevel(const std::vector<std::string>& patterns, std::string_view value);

/// True when the request may want rows of this table.
bool MatchesTable(const SearchRequest& request, const TableName& name);

/// The column that tells the variant of a table's rows: "variant", else "day", else "".
std::string VariantColumn(const table::TableSnapshot& snapshot);

/// The files of a snapshot whose variant passes `patterns`, with `provider`, `dataset`, `task` as
/// partition columns even where the table does not declare them.
/// Thread-safe.
query::FileGroup SnapshotFiles(const TableName& name, const table::TableSnapshot& snapshot,
                               const std::vector<std::string>& patterns);

}  // namespace datalake::lake
