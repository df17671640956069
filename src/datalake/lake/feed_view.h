#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/lake.h"

namespace datalake::table {
class TableSnapshot;
}  // namespace datalake::table

namespace datalake::lake {

/// All versions of all records of a feed at one moment: what is in the table, and what is only in
/// the WAL. Each version is there once; current records are, for each ingest_id, the row with the
/// highest `version`.
struct FeedView {
  std::shared_ptr<const table::TableSnapshot> snapshot;  ///< null: nothing sealed yet
  std::shared_ptr<arrow::Schema> schema;  ///< of `tail`: the table's columns that matter, and `day`
  std::vector<std::shared_ptr<arrow::RecordBatch>> tail;
};

/// Reads a feed from any process, also while a server has it open; takes no lock. Cost: parses the
/// unsealed WAL (at most a few segments). Errors: kNotFound (no such feed), kCorruption, kIo.
Result<FeedView> OpenFeedView(Lake& lake, std::string_view feed);

/// The feeds of a lake, sorted: "chat" and those with a table.
Result<std::vector<std::string>> ListFeeds(Lake& lake);

}  // namespace datalake::lake
