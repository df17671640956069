#pragma once

#include <memory>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/table/snapshot.h"

namespace datalake::table {

/// Which rows of a table are meant; made by whoever understands the expression. Single-threaded.
class RowPredicate {
 public:
  virtual ~RowPredicate() = default;

  /// False when the log alone (partition values, statistics) tells that no row of the file is
  /// meant: it is then not opened. When in doubt true.
  virtual bool MayMatch(const TableSnapshot& snapshot, const TableFile& file) = 0;

  /// One flag a row of the file, in the order of ReadTableFiles. Errors: its own, and those of
  /// reading.
  virtual Result<std::vector<bool>> Match(const std::shared_ptr<const TableSnapshot>& snapshot,
                                          const TableFilePtr& file) = 0;
};

}  // namespace datalake::table
