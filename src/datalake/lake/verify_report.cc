#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/hash.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/lake/verify.h"

namespace datalake::lake {
namespace {

constexpr std::size_t kListedPairs = 100;  // as the seed
constexpr std::uint64_t kReportEvery = 4096;

void Number(json::Writer& writer, std::string_view key, std::uint64_t value) {
  writer.Key(key);
  writer.Uint(value);
}

void Text(json::Writer& writer, std::string_view key, std::string_view value) {
  writer.Key(key);
  writer.String(value);
}

// A path below assets/ that cannot lead out of it.
Status CheckPath(std::string_view path) {
  std::string_view rest = path;
  bool is_good = !path.starts_with('/') && path.find('\0') == std::string_view::npos;
  while (is_good && !rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    is_good = part != ".." && part != "." && !part.empty();
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  return is_good ? Status()
                 : Status(Error{ErrorCode::kInvalidArgument,
                                fmt::format("path must lie below assets/: {}", path)});
}

struct PairResult {
  bool is_there = false;
  bool matches = true;
};

Result<PairResult> CheckPair(Lake& lake, const AssetPair& pair, bool deep) {
  PairResult result;
  if (pair.path.empty()) {
    DATALAKE_TRY_ASSIGN(result.is_there, lake.assets().Contains(pair.hash));
  } else {
    DATALAKE_TRY_ASSIGN(result.is_there,
                        lake.context().fs.Exists(io::JoinPath(lake.layout().assets(), pair.path)));
  }
  if (result.is_there && deep && IsSha256Hex(pair.hash)) {
    const Status verified = lake.assets().Verify(pair.hash);
    if (!verified && verified.error().code != ErrorCode::kCorruption &&
        verified.error().code != ErrorCode::kNotFound) {
      return verified.error();
    }
    result.matches = verified.has_value();
  }
  return result;
}

// The first `count` of a seeded shuffle, in the order given.
std::vector<std::size_t> Choose(std::size_t size, double sample) {
  std::vector<std::size_t> chosen(size);
  for (std::size_t i = 0; i < size; ++i) {
    chosen[i] = i;
  }
  if (sample >= 1) {
    return chosen;
  }
  std::sort(chosen.begin(), chosen.end(), [](std::size_t a, std::size_t b) {
    const auto hash = [](std::size_t i) { return Xxh3Hash64(fmt::format("{}", i)); };
    return std::pair(hash(a), a) < std::pair(hash(b), b);
  });
  const auto count =
      static_cast<std::size_t>(std::max(1.0, std::round(static_cast<double>(size) * sample)));
  chosen.resize(std::min(size, count));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

std::string VerifyReportJson(const VerifyReport& report, Timestamp time) {
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  Text(writer, "timestamp", FormatTimestamp(time));
  writer.Key("summary");
  writer.BeginObject();
  Number(writer, "total_items", report.total_items);
  Number(writer, "checked_items", report.checked_items);
  Number(writer, "missing_count", report.missing_count);
  writer.Key("integrity_rate");
  writer.Double(report.integrity_rate());
  Number(writer, "mismatched_count", report.mismatched_count);
  Number(writer, "rows", report.rows);
  Number(writer, "checked_rows", report.checked_rows);
  writer.Key("deep");
  writer.Bool(report.deep);
  Number(writer, "checked_assets", report.checked_assets);
  Number(writer, "checked_bytes", report.checked_bytes);
  Number(writer, "orphan_count", report.orphan_count);
  Number(writer, "orphan_bytes", report.orphan_bytes);
  Number(writer, "problem_count", report.problems.size());
  writer.EndObject();
  writer.Key("missing_files");
  writer.BeginArray();
  for (const DanglingLink& link : report.missing_files) {
    writer.BeginObject();
    Text(writer, "hash", link.sha256);
    Text(writer, "path", link.path);
    writer.Key("file_exists");
    writer.Bool(link.problem != "missing");
    Text(writer, "checked_path", link.path);
    Text(writer, "problem", link.problem);
    Text(writer, "where", link.where);
    writer.Key("row");
    writer.Int(link.row);
    Text(writer, "column", link.column);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("orphans");
  writer.BeginArray();
  for (const VerifyOrphan& orphan : report.orphans) {
    writer.BeginObject();
    Text(writer, "hash", orphan.sha256);
    Text(writer, "path", orphan.path);
    Number(writer, "bytes", orphan.size_bytes);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("problems");
  writer.BeginArray();
  for (const std::string& problem : report.problems) {
    writer.String(problem);
  }
  writer.EndArray();
  writer.EndObject();
  return text;
}

Status CheckAssetPairs(const std::vector<AssetPair>& pairs, const ValidateOptions& options) {
  if (!(options.sample > 0 && options.sample <= 1)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("sample must be above 0 and at most 1: {}", options.sample)};
  }
  for (const AssetPair& pair : pairs) {
    if (pair.path.empty() && !IsSha256Hex(pair.hash)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a pair needs a path or a SHA-256: {}", pair.hash)};
    }
    DATALAKE_TRY(CheckPath(pair.path));
  }
  return {};
}

Result<std::string> ValidateAssetPairs(Lake& lake, const std::vector<AssetPair>& pairs,
                                       const ValidateOptions& options, ProgressSink& progress,
                                       std::stop_token stop) {
  DATALAKE_TRY(CheckAssetPairs(pairs, options));
  VerifyReport report{.deep = options.deep};
  const std::vector<std::size_t> chosen = Choose(pairs.size(), options.sample);
  for (const std::size_t i : chosen) {
    if (stop.stop_requested()) {
      return Error{ErrorCode::kCancelled, "validation was stopped"};
    }
    DATALAKE_TRY_ASSIGN(const PairResult checked, CheckPair(lake, pairs[i], options.deep));
    ++report.checked_items;
    report.missing_count += checked.is_there ? 0 : 1;
    report.mismatched_count += checked.matches ? 0 : 1;
    if ((!checked.is_there || !checked.matches) && report.missing_files.size() < kListedPairs) {
      report.missing_files.push_back({.where = {},
                                      .row = 0,
                                      .column = {},
                                      .sha256 = pairs[i].hash,
                                      .path = pairs[i].path,
                                      .problem = checked.is_there ? "mismatched" : "missing"});
    }
    if (report.checked_items % kReportEvery == 0) {
      progress.Report({.phase = "validate",
                       .items_done = report.checked_items,
                       .items_total = chosen.size(),
                       .unit = "assets"});
    }
  }
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  Text(writer, "user_id", options.user_id);
  Number(writer, "total_items", pairs.size());
  Number(writer, "checked_items", report.checked_items);
  writer.Key("missing_files");
  writer.BeginArray();
  for (const DanglingLink& link : report.missing_files) {
    writer.BeginObject();
    Text(writer, "hash", link.sha256);
    Text(writer, "path", link.path);
    writer.Key("file_exists");
    writer.Bool(link.problem != "missing");
    Text(writer, "checked_path", io::JoinPath("assets", link.path));
    writer.EndObject();
  }
  writer.EndArray();
  Number(writer, "missing_count", report.missing_count);
  Number(writer, "mismatched_count", report.mismatched_count);
  writer.Key("integrity_rate");
  writer.Double(report.integrity_rate());
  Text(writer, "message",
       fmt::format("{} of {} items checked, {} missing", report.checked_items, pairs.size(),
                   report.missing_count));
  writer.EndObject();
  return text;
}

}  // namespace datalake::lake
