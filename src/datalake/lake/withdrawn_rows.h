#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "datalake/io/file_system.h"
#include "datalake/lake/record_checker.h"
#include "datalake/lake/withdrawal_filter.h"
#include "datalake/table/row_predicate.h"

namespace datalake::lake {

/// ingest_id and version.
using RecordVersion = std::pair<std::string, std::int64_t>;

/// The rows of a feed's tables that withdrawals take away, and the quarantined versions that were
/// released. The references must outlive it. Single-threaded.
class WithdrawnRows final : public table::RowPredicate {
 public:
  /// `released` is looked at in the quarantine table only; `checker` tells whose a quarantined
  /// record is and is null for the table of records.
  WithdrawnRows(io::FileSystem& fs, const WithdrawalFilter& filter,
                const std::set<RecordVersion>& released, const RecordChecker* checker)
      : fs_(fs), filter_(filter), released_(released), checker_(checker) {}

  bool MayMatch(const table::TableSnapshot& snapshot, const table::TableFile& file) override;
  Result<std::vector<bool>> Match(const std::shared_ptr<const table::TableSnapshot>& snapshot,
                                  const table::TableFilePtr& file) override;

 private:
  io::FileSystem& fs_;
  const WithdrawalFilter& filter_;
  const std::set<RecordVersion>& released_;
  const RecordChecker* checker_;
};

}  // namespace datalake::lake
