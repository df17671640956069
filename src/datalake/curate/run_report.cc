#include "datalake/curate/run_report.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"

namespace datalake::curate {
namespace {

constexpr double kMb = 1e6;
constexpr std::size_t kMaxShownCosts = 12;

double PerSecond(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0;
}

std::int64_t AllNanos(const RunReport& report) {
  std::int64_t sum = 0;
  for (const RunCost& cost : report.costs) {
    sum += cost.nanos;
  }
  return sum;
}

double ShareOf(const RunCost& cost, std::int64_t all) {
  return all > 0 ? static_cast<double>(cost.nanos) / static_cast<double>(all) : 0;
}

}  // namespace

json::Value RunReportJson(const RunReport& report) {
  json::Value out;
  out["command"] = report.command;
  out["started"] = FormatTimestamp(report.started);
  out["seconds"] = report.seconds;
  out["cpu_seconds"] = report.cpu_seconds;
  out["threads"] = report.threads;
  out["files"] = report.files;
  out["documents"] = report.documents;
  out["kept"] = report.kept;
  out["rejected"] = report.rejected;
  out["spans"] = report.spans;
  out["bytes"] = report.bytes;
  out["read_bytes"] = report.read_bytes;
  out["written_bytes"] = report.written_bytes;
  for (const auto& [name, count] : report.counts) {
    out[name] = count;
  }
  const std::int64_t all = AllNanos(report);
  out["costs"] = json::Value::array();
  for (const RunCost& cost : report.costs) {
    json::Value one;
    one["name"] = cost.name;
    one["cpu_seconds"] = static_cast<double>(cost.nanos) * 1e-9;
    one["share"] = ShareOf(cost, all);
    out["costs"].push_back(std::move(one));
  }
  out["warnings"] = report.warnings;
  return out;
}

std::string RunReportTable(const RunReport& report) {
  std::vector<std::string> lines;
  const auto add = [&](std::string_view name, std::string value) {
    lines.push_back(fmt::format("{:<14} {}", name, std::move(value)));
  };
  add("files", fmt::format("{}", report.files));
  add("documents in", fmt::format("{}", report.documents));
  add("kept", fmt::format("{}", report.kept));
  add("rejected", fmt::format("{}", report.rejected));
  add("spans", fmt::format("{}", report.spans));
  for (const auto& [name, count] : report.counts) {
    std::string shown = name;
    std::replace(shown.begin(), shown.end(), '_', ' ');
    add(shown, fmt::format("{}", count));
  }
  const double mb = static_cast<double>(report.bytes) / kMb;
  add("in", fmt::format("{:.1f} MB, {:.1f} MB as stored", mb,
                        static_cast<double>(report.read_bytes) / kMb));
  add("out", fmt::format("{:.1f} MB as stored", static_cast<double>(report.written_bytes) / kMb));
  add("time", fmt::format("{:.1f} s, {:.1f} s of CPU on {} threads, {:.0f} MB/s", report.seconds,
                          report.cpu_seconds, report.threads, PerSecond(mb, report.seconds)));
  const std::int64_t all = AllNanos(report);
  std::vector<RunCost> costs = report.costs;
  std::stable_sort(costs.begin(), costs.end(),
                   [](const RunCost& a, const RunCost& b) { return a.nanos > b.nanos; });
  for (std::size_t i = 0; i < std::min(costs.size(), kMaxShownCosts) && all > 0; ++i) {
    add(i == 0 ? "CPU share" : "",
        fmt::format("{:5.1f} %  {}", 100 * ShareOf(costs[i], all), costs[i].name));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

Status WriteRunReport(io::FileSystem& fs, const std::vector<std::string>& folders,
                      const json::Value& report) {
  const std::string text = json::DumpValueIndented(report) + "\n";
  for (const std::string& folder : std::set<std::string>(folders.begin(), folders.end())) {
    io::RemoveDeadTemporaries(fs, folder);
    DATALAKE_TRY(fs.MakeDirectories(folder));
    DATALAKE_TRY(io::ReplaceFile(fs, io::JoinPath(folder, kRunReportName), text));
  }
  return {};
}

}  // namespace datalake::curate
