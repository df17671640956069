#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/progress.h"
#include "datalake/base/result.h"
#include "datalake/lake/lake.h"
#include "datalake/lake/upload.h"

namespace datalake::lake {

/// How one upload ended.
struct ProcessedUpload {
  std::string id;
  TableName table;
  std::string variant;
  std::optional<Error> error;  ///< none: its rows and assets are in the lake
  std::uint64_t rows = 0;
  std::uint64_t rejected_rows = 0;
  std::uint64_t problem_assets = 0;  ///< links with a `problem`
  std::uint64_t assets = 0;          ///< links to an asset
  std::uint64_t new_assets = 0;      ///< assets that the lake did not have before
  std::int64_t version = -1;         ///< table version that holds the rows
  Timestamp finished;
};

struct ProcessReport {
  std::vector<ProcessedUpload> uploads;  ///< in the order of processing
  std::chrono::nanoseconds duration{0};

  std::uint64_t succeeded() const;
  std::uint64_t failed() const;

  /// Makes it the report of this run and of `later`.
  void Add(ProcessReport later);
};

struct ProcessOptions {
  /// Workers that read and hash asset files; 0 means all cores.
  std::size_t threads = 0;
};

/// Processes every pending upload, oldest first, and those whose owner died: claims it by a lock
/// that dies with its process and a rename, puts its assets, and makes rows and assets visible in
/// one table commit, idempotent by the upload's id, so a kill at any point neither loses nor
/// doubles it. An upload that fails goes to staging/failed with its error.json; the others go on.
/// Errors: kCancelled (the current upload goes back to pending), kIo of the staging folders.
Result<ProcessReport> ProcessUploads(Lake& lake, const ProcessOptions& options,
                                     ProgressSink& progress, std::stop_token stop);

/// The report as JSON of the seed's job result (specs: success, failed, total_processed, message,
/// summary, success_details, failed_details, errors), plus our counts in success_details.
std::string ProcessReportJson(const ProcessReport& report);

}  // namespace datalake::lake
