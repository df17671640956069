#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/lake.h"

namespace datalake::table {
class TableSnapshot;
}  // namespace datalake::table

namespace datalake::lake {

/// All versions of all records of a feed at one moment: what is in the table and what is only in
/// the WAL; no row is in both. Current records are, for each ingest_id, one row with the highest
/// `version`. Rows of the snapshot that one of `withdrawals` takes away are gone; those of `tail`
/// are left out already. Quarantined records are in neither.
struct FeedView {
  std::shared_ptr<const table::TableSnapshot> snapshot;  ///< null: nothing sealed yet
  std::shared_ptr<arrow::Schema> schema;  ///< of `tail`: FeedSchema of the definition
  std::vector<std::shared_ptr<arrow::RecordBatch>> tail;
  std::vector<Withdrawal> withdrawals;
};

/// Reads a feed from any process, also while a server has it open; takes no lock. Cost: parses the
/// unsealed WAL (at most a few segments). Errors: kNotFound (no such feed), kCorruption, kIo.
Result<FeedView> OpenFeedView(Lake& lake, std::string_view feed);

/// The feeds of a lake, sorted: those with a definition and those with a table.
Result<std::vector<std::string>> ListFeeds(Lake& lake);

}  // namespace datalake::lake
