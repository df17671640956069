#pragma once

#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "datalake/base/result.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/takedown.h"
#include "datalake/lake/takedown_rule.h"

// Internal to lake/: the parts of a takedown.
namespace datalake::lake {

/// What the parts work with. `linked` collects the assets that removed rows link.
struct TakedownRun {
  Lake& lake;
  const TakedownRequest& request;
  std::string id;
  std::string time;
  TakedownRule rule;
  std::stop_token stop;
  std::set<std::string> linked = {};
};

/// How many rows of a stream the rule takes; adds what they link.
Result<std::uint64_t> CountMatches(TakedownRun& run, arrow::RecordBatchReader& rows, KeyUse use,
                                   const std::string& where);

/// The rows that stay. `run` and `rows` must outlive the reader.
std::shared_ptr<arrow::RecordBatchReader> KeptRows(TakedownRun& run, arrow::RecordBatchReader& rows,
                                                   KeyUse use);

/// One table: commit without the rows, then the files that hold them are destroyed. A place without
/// rows: nothing matched.
Result<TakedownPlace> TakeDownFromTable(TakedownRun& run, const TableName& name);

/// One version of a collection, written anew without the rows.
Result<TakedownPlace> TakeDownFromCollection(TakedownRun& run, const CollectionInfo& info);

/// Completes or undoes what a killed takedown left in the folders of collections.
Status HealAmendedCollections(Lake& lake);

/// Staged uploads whose files hold one of the assets' bytes.
Result<std::vector<std::string>> FindStagedCopies(TakedownRun& run);

}  // namespace datalake::lake
