#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/curate_context.h"
#include "datalake/curate/stat_histogram.h"

namespace datalake::json {
class ConfigReader;
}  // namespace datalake::json

namespace datalake::curate {

/// The keys of the toolkit's `stat`.
struct StatOptions {
  std::vector<std::string> attributes = {};  ///< files or globs
  std::string report = {};                   ///< folder for summaries.jsonl.gz; empty: none
  std::uint64_t bins = 1000;
  bool is_total = false;   ///< the table has a row of sum and total
  std::string regex = {};  ///< searched in the attribute's key; empty: all

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// Reads the toolkit's config. Errors: kInvalidArgument (types, unknown keys naming the nearest).
Result<StatOptions> ReadStatOptions(json::ConfigReader& config);

/// The values of one series: "<attribute>/score" or "<attribute>/length" (end - start).
struct StatSummary {
  std::string name;
  Histogram histogram;  ///< at most StatOptions::bins
  Histogram shown;      ///< at most ten ranges of about equal count, for people
  std::uint64_t total = 0;
  double sum = 0;
  bool is_integer = false;  ///< lengths
};

struct StatReport {
  std::uint64_t files = 0;
  std::uint64_t rows = 0;
  std::vector<StatSummary> series;  ///< in order of the first row that has them
  std::string summaries_path;       ///< what was written, if it was
  std::vector<std::string> warnings;
};

/// Counts the values of attributes, JSONL and Parquet: for each key its scores and its lengths,
/// an empty list as one of 0, scores of keys with `__label__` at most 1. Files, and blocks within
/// them, are read in parallel; the result does not depend on threads.
///
/// Where a file has more distinct values than `bins`, the toolkit adds up histograms of its files;
/// here the bins of all files are added first, so the answer does not depend on how rows are cut
/// into files. Memory: the bins (ValueBins) once a file at work.
/// Errors: kInvalidArgument (options; nothing matches; a row that holds no spans, naming file and
/// line), kCorruption, kCancelled, kIo.
Result<StatReport> RunStat(const StatOptions& options, const CurateContext& context);

/// The rows of summaries.jsonl: {"name","counts","bins","total","sum"}, one a line.
std::string SummaryLines(const StatReport& report);

/// The tables for people, as the toolkit prints them; with a row of sum and total if wanted.
std::string SummaryTables(const StatReport& report, const StatOptions& options);

}  // namespace datalake::curate
