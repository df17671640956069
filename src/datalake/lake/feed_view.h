#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/replaced_versions.h"
#include "datalake/query/relation.h"

namespace datalake::table {
class TableSnapshot;
}  // namespace datalake::table

namespace datalake::lake {

/// The rows of a feed that are only in the log, as they were at one moment. They are read from the
/// log when they are asked for. Immutable, Thread-safe.
struct FeedTail {
  std::int64_t rows = 0;
  std::int64_t body_bytes = 0;
  std::set<std::string> days;  ///< of receipt
  /// When the earliest of them was received, in microseconds since 1970.
  std::int64_t first_received_us = std::numeric_limits<std::int64_t>::max();
  /// Ids with a version above 1, and that version; not null.
  std::shared_ptr<const ReplacedIds> replaced;
  /// Reads the rows in the order of the log, `columns` of the view's schema at least; may be called
  /// again, and when the log has moved on. Cost: bodies are parsed only for columns made of them.
  /// Memory: about 10 MB a reader.
  query::OpenBatches open;
};

/// All versions of all records of a feed at one moment: what is in the table and what is only in
/// the WAL; no row is in both. Current records are, for each ingest_id, one row with the highest
/// `version`. Rows of the snapshot that one of `withdrawals` takes away are gone; those of `tail`
/// are left out already. Quarantined records are in neither.
struct FeedView {
  std::shared_ptr<const table::TableSnapshot> snapshot;  ///< null: nothing sealed yet
  std::shared_ptr<arrow::Schema> schema;  ///< of `tail`: FeedSchema of the definition
  FeedTail tail;
  std::vector<Withdrawal> withdrawals;
};

/// Reads a feed from any process, also while a server has it open; takes no lock. Cost: reads
/// the unsealed WAL (at most a few segments), but parses none of its bodies. Errors: kNotFound (no
/// such feed), kCorruption, kIo.
Result<FeedView> OpenFeedView(Lake& lake, std::string_view feed);

/// The feeds of a lake, sorted: those with a definition and those with a table.
Result<std::vector<std::string>> ListFeeds(Lake& lake);

}  // namespace datalake::lake
