#pragma once

#include <memory>
#include <string>

#include "datalake/base/result.h"
#include "datalake/query/engine.h"
#include "datalake/table/row_predicate.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::lake {

/// The rows of which a SQL expression over the columns of their table is true (not false, not
/// null). Files are told apart by their partition values and statistics first; of the others only
/// the columns that the expression names are read.
class SqlPredicate final : public table::RowPredicate {
 public:
  /// `fs` and `engine` must outlive it. Errors: kInvalidArgument (not one expression over columns),
  /// kPermissionDenied.
  static Result<std::unique_ptr<SqlPredicate>> Make(io::FileSystem& fs, query::QueryEngine& engine,
                                                    std::string where);

  bool MayMatch(const table::TableSnapshot& snapshot, const table::TableFile& file) override;

  /// Errors: kInvalidArgument (unknown column, types that do not go together), those of reading.
  Result<std::vector<bool>> Match(const std::shared_ptr<const table::TableSnapshot>& snapshot,
                                  const table::TableFilePtr& file) override;

 private:
  SqlPredicate(io::FileSystem& fs, query::QueryEngine& engine, std::string where,
               query::ConditionFacts facts);

  io::FileSystem& fs_;
  query::QueryEngine& engine_;
  const std::string where_;
  const query::ConditionFacts facts_;
};

/// False when statistics and partition values of a file tell that the condition is true of none of
/// its rows. Thread-safe.
bool MayMatch(const query::Condition& condition, const table::TableSnapshot& snapshot,
              const table::TableFile& file);

}  // namespace datalake::lake
