#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::query {

/// Rows whose `column` contains `text`: literal, case-sensitive, no wildcards. Nested columns are
/// searched in their JSON text.
struct TextSearch {
  std::string column;
  std::string text;
  /// Looks only at this place of the JSON in the column (JSON text or a nested column): "word.text"
  /// or "$.word.text[*]". There a string or number matches itself, an array by its elements, an
  /// object by its JSON text; rows without the place, and cells that are no JSON, do not match.
  std::string json_path = {};
};

enum class SortOrder : std::uint8_t { kAscending, kDescending };

/// Nulls come last in both orders.
struct SortKey {
  std::string column;
  SortOrder order = SortOrder::kAscending;
};

/// "name", "name asc", "name desc", in any case. Errors: kInvalidArgument.
Result<SortKey> ParseSortKey(std::string_view text);

/// Which rows and columns of a view; names and texts are data, quoted by the engine.
struct RowFilter {
  std::optional<TextSearch> text = std::nullopt;
  /// One SQL expression over the columns, AND-ed to the rest; empty: all rows.
  std::string where = {};
  std::vector<std::string> columns = {};  ///< in the order wanted; empty: all
  std::vector<SortKey> order_by = {};
  std::optional<std::int64_t> limit = std::nullopt;
  std::int64_t offset = 0;
};

}  // namespace datalake::query
