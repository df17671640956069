// How the results of `stat` are written, for programs and for people.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "datalake/curate/stat.h"
#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

constexpr int kMaxDecimals = 4;

// With as few decimals as tell all values apart.
std::vector<std::string> Rounded(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (int decimals = 0; decimals <= kMaxDecimals; ++decimals) {
    texts.clear();
    for (const double value : values) {
      std::string text = fmt::format("{:.{}f}", value, decimals);
      if (text.find_first_not_of("-0.") == std::string::npos && text.front() == '-') {
        text.erase(0, 1);  // no -0.0
      }
      texts.push_back(std::move(text));
    }
    if (std::set<std::string>(texts.begin(), texts.end()).size() == texts.size()) {
      break;
    }
  }
  return texts;
}

// 1234567 as "1,234,567".
std::string Grouped(std::uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (std::size_t at = text.size(); at > 3; at -= 3) {
    text.insert(text.begin() + static_cast<std::ptrdiff_t>(at - 3), ',');
  }
  return text;
}

std::string ShownSum(double sum) {
  const double magnitude = std::abs(sum);
  if (magnitude >= 1e10) {
    return fmt::format("{:.2e}", sum);
  }
  if (sum == std::floor(sum)) {
    return (sum < 0 ? "-" : "") + Grouped(static_cast<std::uint64_t>(magnitude));
  }
  return fmt::format("{:.2f}", sum);
}

struct TableRow {
  std::string value;
  std::string share;
  std::string count;
};

std::vector<TableRow> RowsOf(const StatSummary& summary, bool is_total) {
  std::vector<TableRow> rows = {{"value", "dist", "count"}};
  const std::vector<std::string> edges = Rounded(summary.shown.edges);
  std::uint64_t all = 0;
  for (const std::uint64_t count : summary.shown.counts) {
    all += count;
  }
  std::vector<double> shares;
  for (const std::uint64_t count : summary.shown.counts) {
    shares.push_back(static_cast<double>(count) /
                     static_cast<double>(std::max<std::uint64_t>(all, 1)));
  }
  for (std::size_t i = 0; i < shares.size(); ++i) {
    rows.push_back(
        {fmt::format("[{}, {}{}", edges[i], edges[i + 1], i + 1 == shares.size() ? ']' : ')'),
         fmt::format("{:.4f}", shares[i]), Grouped(summary.shown.counts[i])});
  }
  if (is_total) {
    rows.push_back({ShownSum(summary.sum), "<- sum/total ->", Grouped(summary.total)});
  }
  return rows;
}

}  // namespace

std::string SummaryLines(const StatReport& report) {
  std::string out;
  for (const StatSummary& summary : report.series) {
    json::Writer writer(out);
    writer.BeginObject();
    writer.Key("name");
    writer.String(summary.name);
    writer.Key("counts");
    writer.BeginArray();
    for (const std::uint64_t count : summary.histogram.counts) {
      writer.Uint(count);
    }
    writer.EndArray();
    writer.Key("bins");
    writer.BeginArray();
    for (const double edge : summary.histogram.edges) {
      writer.Double(edge);
    }
    writer.EndArray();
    writer.Key("total");
    writer.Uint(summary.total);
    writer.Key("sum");
    if (summary.is_integer && std::abs(summary.sum) < 9e15) {
      writer.Int(static_cast<std::int64_t>(summary.sum));
    } else {
      writer.Double(summary.sum);
    }
    writer.EndObject();
    writer.EndLine();
  }
  return out;
}

std::string SummaryTables(const StatReport& report, const StatOptions& options) {
  std::string out;
  for (const StatSummary& summary : report.series) {
    const std::vector<TableRow> rows = RowsOf(summary, options.is_total);
    std::size_t value_width = 0;
    std::size_t share_width = 0;
    std::size_t count_width = 0;
    for (const TableRow& row : rows) {
      value_width = std::max(value_width, row.value.size());
      share_width = std::max(share_width, row.share.size());
      count_width = std::max(count_width, row.count.size());
    }
    out += summary.name + "\n";
    for (const TableRow& row : rows) {
      out += fmt::format("  {:<{}}  {:<{}}  {:>{}}\n", row.value, value_width, row.share,
                         share_width, row.count, count_width);
    }
    out += "\n";
  }
  return out;
}

}  // namespace datalake::curate
