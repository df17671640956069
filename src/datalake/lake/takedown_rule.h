#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/layout.h"

// Internal to lake/.
namespace datalake::lake {

/// Rows of one table by the value of a column.
struct RowKey {
  TableName table;
  std::string column;
  std::string value;  ///< as text: that of the column, or its JSON where it is no text
  std::set<std::string> values = {};  ///< several, in place of `value`
};

/// Which rows a takedown takes: those that name one of `assets` anywhere (text that holds the
/// SHA-256, or the very bytes), and those with the key.
struct TakedownRule {
  std::map<std::string, std::uint64_t, std::less<>>
      assets;  ///< SHA-256 → size; 0: not known, all binary cells are hashed
  std::optional<RowKey> key;
};

/// Whether the key of a rule may be applied to rows.
enum class KeyUse : std::uint8_t {
  kNone,        ///< rows of another table
  kAlways,      ///< rows of the key's table, or made from it
  kWhereNamed,  ///< rows whose columns provider, dataset, task name the table
};

/// True for each row that goes. Errors: kUnsupported (a type that has no JSON).
Result<std::vector<bool>> MatchRows(const TakedownRule& rule, const arrow::RecordBatch& batch,
                                    KeyUse use);

/// The batch without the rows that are marked.
Result<std::shared_ptr<arrow::RecordBatch>> WithoutRows(const arrow::RecordBatch& batch,
                                                        const std::vector<bool>& gone);

}  // namespace datalake::lake
