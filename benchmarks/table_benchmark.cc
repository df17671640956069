// What a Delta table of ours costs, on the disk of FOLDER (default: the system's temporary folder):
//   commits    1,000 versions, each an append of one small file and of its log entry, durable.
//              Floor: commit p50 < 3 ms, p99 < 15 ms, flat over the history.
//   opening    after N versions of which every 1,000th puts all files together.
//              Floor: 50 ms for N = 100,000.
//   planning   one partition of a table of N files in 1,000 partitions, from its checkpoint.
//              Floor: 1 s for N = 1,000,000, cold (nothing of the table in memory).
//   table_benchmark [FOLDER] [--full]      --full: with the N of the floors, else a tenth of them
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/api.h>
#include <fmt/format.h>

#include "datalake/base/clock.h"
#include "datalake/base/id.h"
#include "datalake/base/random.h"
#include "datalake/io/file_system.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/table/checkpoint.h"
#include "datalake/table/log_store.h"
#include "datalake/table/plan.h"
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

struct Sizes {
  std::int64_t versions = 10'000;
  std::int64_t files = 100'000;
};

// Without fsync: how the log came about is not measured.
Status WritePlain(io::FileSystem& fs, const std::string& path, std::string_view text) {
  DATALAKE_TRY_ASSIGN(auto file, fs.Create(path));
  DATALAKE_TRY(file->Write(std::as_bytes(std::span(text))));
  return file->Close();
}

table::AddAction MadeAdd(const std::string& root, std::int64_t number, const std::string& variant,
                         Random& random) {
  auto file = std::make_shared<table::TableFile>();
  file->path = fmt::format("variant={}/part-{}.parquet", variant, MakeUuid(random));
  file->os_path = io::JoinPath(root, file->path);
  file->partition_values = {
      {"provider", "p"}, {"dataset", "d"}, {"task", "raw"}, {"variant", variant}};
  file->size_bytes = 10'000'000;
  file->num_rows = 1000;
  file->stats_json = fmt::format(
      R"({{"numRecords":1000,"minValues":{{"id":{0},"text":"row {0} of a file"}},)"
      R"("maxValues":{{"id":{1},"text":"row {1} of a file"}},"nullCount":{{"id":0,"text":0}}}})",
      number * 1000, number * 1000 + 999);
  return {.file = std::move(file), .changes_data = true, .tags = {}};
}

table::TableSpec HierarchySpec() {
  arrow::FieldVector fields = SomeRows(0)->schema()->fields();
  const std::vector<std::string> partitions = {"provider", "dataset", "task", "variant"};
  for (const std::string& column : partitions) {
    fields.push_back(arrow::field(column, arrow::utf8()));
  }
  return {.schema = arrow::schema(fields), .partition_columns = partitions};
}

// A table with `versions` log files, checkpoints every 10,000 and near the end.
Status MakeLongLog(const table::TableEnvironment& environment, const std::string& root,
                   std::int64_t versions) {
  DATALAKE_TRY(table::Table::Create(environment, root, HierarchySpec(), {}));
  DATALAKE_TRY_ASSIGN(table::LogState state, table::LoadLog(environment.fs, root, std::nullopt));
  std::vector<std::string> live;
  for (std::int64_t version = 1; version <= versions; ++version) {
    table::CommitActions actions;
    actions.commit_info = fmt::format(R"({{"timestamp":{},"operation":"WRITE"}})", version);
    if (version % 1000 == 0) {
      for (std::string& path : live) {
        table::RemoveAction remove;
        remove.path = std::move(path);
        remove.deleted_ms = 1;
        actions.removes.push_back(std::move(remove));
      }
      live.clear();
    }
    actions.adds.push_back(MadeAdd(root, version, "v", environment.random));
    live.push_back(actions.adds.front().file->path);
    DATALAKE_TRY(WritePlain(environment.fs, table::LogFilePath(root, version),
                            table::FormatCommit(actions)));
    DATALAKE_TRY(state.Apply(std::move(actions), version, root));
    if ((version % 10'000 == 0 && version < versions) || version == versions - 50) {
      DATALAKE_TRY(table::WriteCheckpoint(environment.fs, root, version, state.Reconciled(2)));
    }
  }
  return {};
}

double MillisOf(const Clock& clock, std::int64_t start) {
  return static_cast<double>(clock.SteadyNanos() - start) / 1e6;
}

Status MeasureOpening(const table::TableEnvironment& environment, const std::string& root,
                      std::int64_t versions) {
  DATALAKE_TRY(MakeLongLog(environment, root, versions));
  std::vector<double> times;
  for (int round = 0; round < 5; ++round) {
    const std::int64_t start = environment.clock.SteadyNanos();
    DATALAKE_TRY_ASSIGN(const auto table, table::Table::Open(environment, root));
    DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
    times.push_back(MillisOf(environment.clock, start));
    if (snapshot->version() != versions) {
      return Error{ErrorCode::kInternal, fmt::format("wrong version: {}", snapshot->version())};
    }
  }
  fmt::print("open after {:>9} versions {:9.2f} ms  (floor 50 ms at 100,000)\n", versions,
             Percentile(times, 0.5));
  return {};
}

enum class Layout { kInOrder, kMixed };

Status MeasurePlanning(const table::TableEnvironment& environment, const std::string& root,
                       std::int64_t files, Layout layout) {
  constexpr std::int64_t kPartitions = 1000;
  {
    DATALAKE_TRY(table::Table::Create(environment, root, HierarchySpec(), {}));
    DATALAKE_TRY_ASSIGN(table::LogState state, table::LoadLog(environment.fs, root, std::nullopt));
    table::CommitActions actions;
    for (std::int64_t i = 0; i < files; ++i) {
      const std::int64_t partition =
          layout == Layout::kMixed ? i % kPartitions : i / (files / kPartitions);
      actions.adds.push_back(
          MadeAdd(root, i, fmt::format("v{:03}", partition), environment.random));
    }
    DATALAKE_TRY(WritePlain(environment.fs, table::LogFilePath(root, 1),
                            R"({"commitInfo":{"timestamp":1}})"));
    DATALAKE_TRY(state.Apply(std::move(actions), 1, root));
    DATALAKE_TRY(table::WriteCheckpoint(environment.fs, root, 1, state.Reconciled(0)));
  }
  const table::PartitionValues scope = {{"variant", "v500"}};
  std::vector<double> times;
  std::size_t found = 0;
  const double cpu_start = ProcessCpuSeconds();
  for (int round = 0; round < 3; ++round) {
    const std::int64_t start = environment.clock.SteadyNanos();
    DATALAKE_TRY_ASSIGN(const auto snapshot, table::PlanPartitions(environment, root, scope));
    times.push_back(MillisOf(environment.clock, start));
    found = snapshot->files().size();
  }
  const double cpu_ms = (ProcessCpuSeconds() - cpu_start) * 1e3 / 3;
  if (found != static_cast<std::size_t>(files / kPartitions)) {
    return Error{ErrorCode::kInternal, fmt::format("wrong number of files: {}", found)};
  }
  fmt::print(
      "plan a partition, {:>7} files{} {:9.2f} ms  ({:.0f} ms CPU; floor 1 s at 1,000,000)\n",
      files, layout == Layout::kMixed ? ", mixed" : "       ", Percentile(times, 0.5), cpu_ms);
  if (layout == Layout::kInOrder) {
    const std::int64_t start = environment.clock.SteadyNanos();
    DATALAKE_TRY_ASSIGN(const auto table, table::Table::Open(environment, root));
    fmt::print("open of all   {:>7} files        {:9.2f} ms\n", files,
               MillisOf(environment.clock, start));
  }
  return {};
}

Status MeasureCommits(const table::TableEnvironment& environment, const std::string& folder,
                      const std::string& root) {
  io::FileSystem& fs = environment.fs;
  const Clock& clock = environment.clock;
  DATALAKE_TRY_ASSIGN(const double sync_ms, SyncMillis(fs, folder));
  DATALAKE_TRY_ASSIGN(
      auto table, table::Table::Create(environment, root, {.schema = SomeRows(0)->schema()}, {}));
  DATALAKE_TRY_ASSIGN(const Times times, Append(*table, clock));
  DATALAKE_TRY(Verify(fs, environment, root));
  const auto part = [&](int begin) {
    return Percentile({times.commit_ms.begin() + begin, times.commit_ms.begin() + begin + 200},
                      0.5);
  };
  const double p50 = Percentile(times.commit_ms, 0.5);
  fmt::print("fdatasync of 4 KiB          p50 {:7.2f} ms\n", sync_ms);
  fmt::print("write of a 100-row file     p50 {:7.2f} ms  p99 {:7.2f} ms\n",
             Percentile(times.write_ms, 0.5), Percentile(times.write_ms, 0.99));
  fmt::print(
      "commit, {} versions       p50 {:7.2f} ms  p99 {:7.2f} ms  ({:.1f} fdatasyncs; floor 3 "
      "and 15 ms)\n",
      kVersions, p50, Percentile(times.commit_ms, 0.99), p50 / sync_ms);
  fmt::print("commit p50 of the first 200 {:.2f} ms, of the last 200 {:.2f} ms\n", part(0),
             part(kVersions - 200));
  fmt::print("CPU of file and commit          {:7.2f} ms a version\n",
             times.cpu_seconds * 1e3 / kVersions);
  return {};
}

Status Run(const std::string& folder, const Sizes& sizes) {
  io::LocalFileSystem fs;
  const SystemClock clock;
  SystemRandom random;
  const table::TableEnvironment environment{fs, clock, random};
  const std::string root = io::JoinPath(folder, "table-benchmark-" + MakeUuid(random));
  DATALAKE_TRY(fs.MakeDirectories(root));
  Status status = MeasureCommits(environment, folder, root + "/commits");
  if (status) {
    status = MeasureOpening(environment, root + "/provider=p/dataset=d/task=raw", sizes.versions);
  }
  for (const Layout layout : {Layout::kInOrder, Layout::kMixed}) {
    if (status) {
      status = MeasurePlanning(environment,
                               root + (layout == Layout::kMixed ? "/mixed" : "/in-order") +
                                   "/provider=p/dataset=d/task=raw",
                               sizes.files, layout);
    }
  }
  fmt::print("peak memory                 {:.0f} MB\n",
             static_cast<double>(PeakMemoryBytes()) / 1e6);
  const Status removed = fs.RemoveTree(root);
  return status ? removed : status;
}

}  // namespace
}  // namespace datalake::benchmarks

int main(int argc, char** argv) {
  std::string folder = std::filesystem::temp_directory_path().string();
  datalake::benchmarks::Sizes sizes;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--full") {
      sizes = {.versions = 100'000, .files = 1'000'000};
    } else {
      folder = argv[i];
    }
  }
  const datalake::Status status = datalake::benchmarks::Run(folder, sizes);
  if (!status) {
    fmt::print(stderr, "table_benchmark: {}\n", ToString(status.error()));
    return 1;
  }
  return 0;
}
