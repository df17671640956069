#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/search.h"

namespace datalake::lake {

struct KdlImportOptions {
  SearchRequest scope = {};  ///< which partitions; its filter is not used
  bool with_collections = true;
  bool overwrite = false;   ///< replace a variant that has other rows here
  std::size_t threads = 0;  ///< 0: all cores
  std::string user = {};
};

/// A link of the source that leads nowhere, elsewhere, or to other bytes.
struct KdlDanglingLink {
  std::string where;  ///< "provider/dataset/task/variant" or "collections/name/version"
  std::int64_t row = 0;
  std::string hash;
  std::string path;     ///< as the row has it
  std::string problem;  ///< "missing", "found elsewhere: <path>", "mismatched: <its hash>"
};

/// What happened to one partition or collection version.
struct KdlImported {
  std::string where;
  bool was_there = false;  ///< by an earlier import of the same source
  std::uint64_t rows = 0;
  std::uint64_t assets = 0;      ///< links that lead to an asset now
  std::uint64_t new_assets = 0;  ///< assets that the lake did not have before
  std::uint64_t missing = 0;     ///< links that lead nowhere
  std::uint64_t repaired = 0;    ///< links whose file lay elsewhere in the source
  std::uint64_t mismatched =
      0;  ///< files whose bytes are not those of their name; kept as they are
};

struct KdlImportReport {
  std::vector<KdlImported> partitions;
  std::vector<KdlImported> collections;
  std::vector<KdlDanglingLink> links;  ///< every one
  std::vector<std::string> problems;   ///< what could not be taken: names, unreadable files …

  bool has_findings() const { return !links.empty() || !problems.empty(); }
};

/// Copies a lake of the KDL program into `target`: providers and tasks that are new, every
/// partition as one commit, every collection version under its own name. Assets are hashed while
/// they are copied. A link is looked for at its path, then anywhere in the source; one that leads
/// nowhere stays a row whose link is null with a `problem`. Killed, it is finished by the same
/// call: what is there is not done again. Never writes into the source. `source` is a lake with
/// kdl(). Errors: kInvalidArgument (`source` is no such lake), kCancelled, kIo, kResourceExhausted.
Result<KdlImportReport> ImportKdl(Lake& source, Lake& target, const KdlImportOptions& options,
                                  ProgressSink& progress, std::stop_token stop);

/// The report as one JSON object.
std::string KdlImportReportJson(const KdlImportReport& report);

}  // namespace datalake::lake
