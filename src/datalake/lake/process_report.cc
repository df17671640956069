// The seed's result of a process job, with our counts.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"
#include "datalake/lake/process.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kMostCommonErrors = 3;

json::Value MostCommonErrors(const std::vector<ProcessedUpload>& uploads) {
  std::map<std::string_view, std::size_t> counts;
  for (const ProcessedUpload& upload : uploads) {
    if (upload.error) {
      ++counts[FactsOf(upload.error->code).name];
    }
  }
  std::vector<std::pair<std::string_view, std::size_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  json::Value errors = json::Value::array();
  for (std::size_t i = 0; i < std::min(sorted.size(), kMostCommonErrors); ++i) {
    errors.push_back({{"error_type", sorted[i].first}, {"count", sorted[i].second}});
  }
  return errors;
}

json::Value SuccessDetail(const ProcessedUpload& upload) {
  return {{"directory", upload.id},
          {"status", "success"},
          {"timestamp", FormatTimestamp(upload.finished)},
          {"table", ToString(upload.table)},
          {"variant", upload.variant},
          {"rows", upload.rows},
          {"rejected_rows", upload.rejected_rows},
          {"assets", upload.assets},
          {"new_assets", upload.new_assets},
          {"problem_assets", upload.problem_assets},
          {"version", upload.version}};
}

}  // namespace

std::uint64_t ProcessReport::succeeded() const {
  return static_cast<std::uint64_t>(
      std::count_if(uploads.begin(), uploads.end(),
                    [](const ProcessedUpload& upload) { return !upload.error.has_value(); }));
}

std::uint64_t ProcessReport::failed() const {
  return uploads.size() - succeeded();
}

void ProcessReport::Add(ProcessReport later) {
  uploads.insert(uploads.end(), std::make_move_iterator(later.uploads.begin()),
                 std::make_move_iterator(later.uploads.end()));
  duration += later.duration;
}

std::string ProcessReportJson(const ProcessReport& report) {
  const std::uint64_t total = report.uploads.size();
  const double rate =
      total == 0 ? 100.0
                 : 100.0 * static_cast<double>(report.succeeded()) / static_cast<double>(total);
  json::Value success = json::Value::array();
  json::Value failed = json::Value::array();
  json::Value errors = json::Value::array();
  for (const ProcessedUpload& upload : report.uploads) {
    if (!upload.error) {
      success.push_back(SuccessDetail(upload));
      continue;
    }
    failed.push_back({{"directory", upload.id},
                      {"error", upload.error->message},
                      {"error_type", FactsOf(upload.error->code).name},
                      {"timestamp", FormatTimestamp(upload.finished)}});
    errors.push_back(fmt::format("{}: {}", upload.id, upload.error->message));
  }
  const json::Value value = {
      {"success", report.succeeded()},
      {"failed", report.failed()},
      {"total_processed", total},
      {"message", total == 0
                      ? "nothing to process"
                      : fmt::format("{} of {} uploads processed", report.succeeded(), total)},
      {"summary",
       {{"success_rate", fmt::format("{:.1f}%", rate)},
        {"most_common_errors", MostCommonErrors(report.uploads)},
        {"processing_time",
         fmt::format("{:.3f} s", static_cast<double>(report.duration.count()) / 1e9)}}},
      {"success_details", std::move(success)},
      {"failed_details", std::move(failed)},
      {"errors", std::move(errors)}};
  return json::DumpValue(value);
}

}  // namespace datalake::lake
