// Commits to one Delta table: p50 and p99 over 1,000 versions, each an append of one small file
// and of its log entry, durable. Floor: commit p50 < 5 ms, flat over the history.
//   table_benchmark [FOLDER]     FOLDER on the disk to measure; default: the system's temporary
//   folder
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/id.h"
#include "datalake/base/random.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"

#include "benchmarks/machine_facts.h"

namespace datalake::benchmarks {
namespace {

constexpr int kVersions = 1000;
constexpr std::int64_t kRowsOfFile = 100;

double Percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

std::shared_ptr<arrow::RecordBatch> SomeRows(std::int64_t first) {
  arrow::Int64Builder ids;
  arrow::StringBuilder texts;
  for (std::int64_t i = 0; i < kRowsOfFile; ++i) {
    (void)ids.Append(first + i);
    (void)texts.Append(fmt::format("row {} of a table that grows", first + i));
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8())}),
      kRowsOfFile, {ids.Finish().ValueOrDie(), texts.Finish().ValueOrDie()});
}

struct Times {
  std::vector<double> write_ms;
  std::vector<double> commit_ms;
  double cpu_seconds = 0;  // of all writes and commits
};

Result<Times> Append(table::Table& table, const Clock& clock) {
  Times times;
  const double cpu_start = ProcessCpuSeconds();
  for (int i = 0; i < kVersions; ++i) {
    const auto batch = SomeRows(i * kRowsOfFile);
    auto rows = arrow::RecordBatchReader::Make({batch}).ValueOrDie();
    const std::int64_t start = clock.SteadyNanos();
    DATALAKE_TRY_ASSIGN(auto files, table.WriteFiles(*rows, {}));
    const std::int64_t written = clock.SteadyNanos();
    DATALAKE_TRY(table.Commit({.adds = std::move(files), .info = {.operation = "append"}}));
    times.write_ms.push_back(static_cast<double>(written - start) / 1e6);
    times.commit_ms.push_back(static_cast<double>(clock.SteadyNanos() - written) / 1e6);
  }
  times.cpu_seconds = ProcessCpuSeconds() - cpu_start;
  return times;
}

// The table holds every row once.
Status Verify(io::FileSystem& fs, const table::TableEnvironment& environment,
              const std::string& root) {
  DATALAKE_TRY_ASSIGN(auto table, table::Table::Open(environment, root));
  DATALAKE_TRY_ASSIGN(auto snapshot, table->Snapshot());
  const std::vector<std::string> columns = {"id"};
  DATALAKE_TRY_ASSIGN(const auto rows, table::ReadTable(fs, snapshot, columns));
  std::int64_t sum = 0;
  std::int64_t count = 0;
  const auto all = rows->ToTable().ValueOrDie();
  for (const auto& chunk : all->column(0)->chunks()) {
    for (std::int64_t i = 0; i < chunk->length(); ++i) {
      sum += static_cast<const arrow::Int64Array&>(*chunk).Value(i);
      ++count;
    }
  }
  constexpr std::int64_t kRows = kVersions * kRowsOfFile;
  if (snapshot->version() != kVersions || count != kRows || sum != kRows * (kRows - 1) / 2) {
    return Error{ErrorCode::kInternal, fmt::format("wrong rows: {} of {}", count, kRows)};
  }
  return {};
}

Status Run(const std::string& folder) {
  io::LocalFileSystem fs;
  const SystemClock clock;
  SystemRandom random;
  const table::TableEnvironment environment{fs, clock, random};
  const std::string root = io::JoinPath(folder, "table-benchmark-" + MakeUuid(random));
  DATALAKE_TRY(fs.MakeDirectories(root));
  DATALAKE_TRY_ASSIGN(const double sync_ms, SyncMillis(fs, folder));
  DATALAKE_TRY_ASSIGN(
      auto table, table::Table::Create(environment, root, {.schema = SomeRows(0)->schema()}, {}));
  DATALAKE_TRY_ASSIGN(const Times times, Append(*table, clock));
  DATALAKE_TRY(Verify(fs, environment, root));

  const std::int64_t start = clock.SteadyNanos();
  DATALAKE_TRY(table::Table::Open(environment, root));
  const double open_ms = static_cast<double>(clock.SteadyNanos() - start) / 1e6;
  const auto part = [&](int begin) {
    return Percentile({times.commit_ms.begin() + begin, times.commit_ms.begin() + begin + 200},
                      0.5);
  };
  const double p50 = Percentile(times.commit_ms, 0.5);
  fmt::print("fdatasync of 4 KiB          p50 {:7.2f} ms\n", sync_ms);
  fmt::print("write of a 100-row file     p50 {:7.2f} ms  p99 {:7.2f} ms\n",
             Percentile(times.write_ms, 0.5), Percentile(times.write_ms, 0.99));
  fmt::print("commit, {} versions       p50 {:7.2f} ms  p99 {:7.2f} ms  ({:.1f} fdatasyncs)\n",
             kVersions, p50, Percentile(times.commit_ms, 0.99), p50 / sync_ms);
  fmt::print("commit p50 of the first 200 {:.2f} ms, of the last 200 {:.2f} ms\n", part(0),
             part(kVersions - 200));
  fmt::print("CPU of file and commit          {:7.2f} ms a version\n",
             times.cpu_seconds * 1e3 / kVersions);
  fmt::print("open of the last version    {:.2f} ms\n", open_ms);
  fmt::print("peak memory                 {:.0f} MB\n",
             static_cast<double>(PeakMemoryBytes()) / 1e6);
  return fs.RemoveTree(root);
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  const datalake::Status status = datalake::benchmarks::Run(folder);
  if (!status) {
    fmt::print(stderr, "table_benchmark: {}\n", ToString(status.error()));
    return 1;
  }
  return 0;
}
