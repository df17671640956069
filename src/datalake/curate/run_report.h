#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/base/clock.h"
#include "datalake/base/result.h"
#include "datalake/curate/run_costs.h"
#include "datalake/json/value.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// The name of the file that tells what a run did, beside its output.
inline constexpr std::string_view kRunReportName = "report.json";

/// What a run of tag, dedupe or mix did, whatever it was.
struct RunReport {
  std::string command;
  Timestamp started;
  double seconds = 0;      ///< by the clock on the wall
  double cpu_seconds = 0;  ///< of all threads
  std::size_t threads = 1;
  std::uint64_t files = 0;
  std::uint64_t documents = 0;  ///< in
  std::uint64_t kept = 0;       ///< the others were rejected or left out
  std::uint64_t rejected = 0;
  std::uint64_t spans = 0;          ///< written as attributes, or replaced
  std::uint64_t bytes = 0;          ///< in, uncompressed
  std::uint64_t read_bytes = 0;     ///< of the documents, as stored
  std::uint64_t written_bytes = 0;  ///< as stored
  std::vector<std::pair<std::string, std::uint64_t>> counts = {};  ///< the command's own: "spans"
  std::vector<RunCost> costs = {};  ///< where the CPU time went, as far as it was measured
  std::vector<std::string> warnings = {};
};

/// The report as one object of JSON: what report.json holds and --json prints.
json::Value RunReportJson(const RunReport& report);

/// The report as a table for people, without the last newline.
std::string RunReportTable(const RunReport& report);

/// Puts report.json into each of `folders`, whole or not at all. Errors: kIo.
Status WriteRunReport(io::FileSystem& fs, const std::vector<std::string>& folders,
                      const json::Value& report);

}  // namespace datalake::curate
