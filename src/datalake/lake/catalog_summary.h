#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "datalake/base/error.h"
#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/layout.h"

namespace datalake::lake {

/// What one name of a level holds: a provider, dataset, task or variant.
struct LevelCounts {
  std::int64_t partitions = 0;
  std::int64_t files = 0;
  std::int64_t rows = 0;  ///< of the files that say so
  std::uint64_t bytes = 0;
};

/// A table that cannot be opened, or a data file that is not what the table says.
struct CatalogProblem {
  TableName table;
  std::string file;  ///< empty: the table itself
  Error error;
};

/// All tables of a lake in numbers.
struct CatalogSummary {
  std::int64_t tables = 0;
  LevelCounts all;
  std::map<std::string, LevelCounts> providers;
  std::map<std::string, LevelCounts> datasets;
  std::map<std::string, LevelCounts> tasks;
  std::map<std::string, LevelCounts> variants;  ///< of feeds: their days
  Timestamp updated;                            ///< of the newest data file
  std::vector<CatalogProblem> problems;         ///< by table, then file
};

enum class CatalogCheck : std::uint8_t {
  kLogs,   ///< reads the tables' logs alone
  kFiles,  ///< and looks at every data file: there, of the size the log says, with Parquet's ends
};

/// Reads the newest version of every table. What cannot be read is a problem of the summary, the
/// rest is counted. Cost: about 0.2 ms a table; kFiles another 10 to 50 us a file.
/// Errors: kCancelled, kIo (the lake's folders).
Result<CatalogSummary> SummarizeCatalog(Lake& lake, CatalogCheck check, ProgressSink& progress,
                                        std::stop_token stop);

}  // namespace datalake::lake
