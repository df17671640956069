#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/search.h"

namespace datalake::lake {

struct VerifyOptions {
  SearchRequest scope = {};          ///< which tables and variants; its filter is not used
  bool with_collections = true;      ///< all of them; left out when the scope names anything
  bool with_orphans = true;          ///< only when everything is looked at
  bool deep = false;                 ///< reads every asset and compares its hash
  double sample = 1;                 ///< part of the rows, above 0 and at most 1
  std::uint64_t seed = 1;            ///< chooses the sample
  std::size_t threads = 0;           ///< 0: all cores
  std::size_t max_listed = 100'000;  ///< findings named in the report; all are counted

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// A link of a row that leads nowhere, or to other bytes.
struct DanglingLink {
  std::string where;     ///< "provider/dataset/task/variant" or "collections/name/version"
  std::int64_t row = 0;  ///< of the table's version or of the collection, from 0
  std::string column;
  std::string sha256;
  std::string path;     ///< as the row has it
  std::string problem;  ///< "missing", "mismatched"
};

struct VerifyOrphan {
  std::string sha256;
  std::string path;
  std::uint64_t size_bytes = 0;
};

/// What was found. An item is one asset named by one row.
struct VerifyReport {
  bool deep = false;
  std::uint64_t rows = 0;          ///< in scope
  std::uint64_t checked_rows = 0;  ///< of the sample
  std::uint64_t total_items = 0;   ///< links of all rows in scope; of the sample when sampled
  std::uint64_t checked_items = 0;
  std::uint64_t missing_count = 0;
  std::uint64_t mismatched_count = 0;
  std::uint64_t checked_assets = 0;  ///< different ones
  std::uint64_t checked_bytes = 0;   ///< read and hashed
  std::uint64_t orphan_count = 0;
  std::uint64_t orphan_bytes = 0;
  std::vector<DanglingLink> missing_files = {};
  std::vector<VerifyOrphan> orphans = {};
  std::vector<std::string> problems = {};  ///< files of rows that cannot be read, and why

  /// Percent of the checked items that are whole, two decimals; 100 when nothing was checked.
  double integrity_rate() const;

  bool has_findings() const {
    return missing_count > 0 || mismatched_count > 0 || !problems.empty();
  }
};

/// Looks at what the rows of current table versions and of collections link: is every asset there,
/// and, when deep, are its bytes those of its name. Rows that cannot be read are problems and the
/// rest goes on. The sample takes one row of each run of 1/sample rows. Memory: 32 bytes a
/// different asset when deep, the listed findings, a row group a thread. Errors: kInvalidArgument,
/// kCancelled, kIo.
Result<VerifyReport> VerifyLake(Lake& lake, const VerifyOptions& options, ProgressSink& progress,
                                std::stop_token stop);

/// The report file (specs/kdl.md §2): timestamp, summary {total_items, checked_items,
/// missing_count, integrity_rate …}, missing_files, and ours: orphans, problems.
std::string VerifyReportJson(const VerifyReport& report, Timestamp time);

/// A pair of the seed's request.
struct AssetPair {
  std::string hash;
  std::string path;
};

struct ValidateOptions {
  std::string user_id = {};
  double sample = 1;
  bool deep = false;
};

/// Errors: kInvalidArgument (a path that leaves assets/, a pair without path and SHA-256, sample).
Status CheckAssetPairs(const std::vector<AssetPair>& pairs, const ValidateOptions& options);

/// POST /validate-assets: whether pairs of a SHA-256 and a path below assets/ lead to a file; the
/// result is the seed's JSON (first 100 missing files). A pair without a path is looked up by its
/// hash. Errors: kInvalidArgument (a path that leaves assets/, an empty pair), kCancelled, kIo.
Result<std::string> ValidateAssetPairs(Lake& lake, const std::vector<AssetPair>& pairs,
                                       const ValidateOptions& options, ProgressSink& progress,
                                       std::stop_token stop);

}  // namespace datalake::lake
