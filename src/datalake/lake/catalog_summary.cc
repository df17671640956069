#include "datalake/lake/catalog_summary.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/thread_pool.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/queries.h"
#include "datalake/lake/sql.h"
#include "datalake/table/snapshot.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

constexpr std::string_view kParquetMagic = "PAR1";  // at both ends of a Parquet file
constexpr std::uint64_t kReportEvery = 1000;        // files

struct TablePart {
  std::shared_ptr<const table::TableSnapshot> snapshot;  // null: see problems
  std::vector<CatalogProblem> problems;
};

Status CheckParquetEnds(io::FileSystem& fs, const std::string& path, std::uint64_t logged_bytes) {
  DATALAKE_TRY_ASSIGN(const auto file, fs.OpenRandomAccess(path));
  if (file->size_bytes() != logged_bytes) {
    return Error{ErrorCode::kCorruption, fmt::format("data file has {} bytes, the table says {}",
                                                     file->size_bytes(), logged_bytes)};
  }
  if (logged_bytes < 3 * kParquetMagic.size()) {
    return Error{ErrorCode::kCorruption, "data file is too short for Parquet"};
  }
  for (const std::uint64_t offset : {std::uint64_t{0}, logged_bytes - kParquetMagic.size()}) {
    std::array<std::byte, kParquetMagic.size()> bytes{};
    DATALAKE_TRY_ASSIGN(const std::size_t count, file->ReadAt(offset, bytes));
    const bool is_magic = std::equal(
        bytes.begin(), bytes.end(), kParquetMagic.begin(), kParquetMagic.end(),
        [](std::byte byte, char wanted) { return byte == static_cast<std::byte>(wanted); });
    if (count != bytes.size() || !is_magic) {
      return Error{ErrorCode::kCorruption, "data file does not begin and end as Parquet"};
    }
  }
  return {};
}

void Add(const PartitionInfo& partition, LevelCounts& counts) {
  counts.partitions += 1;
  counts.files += partition.files;
  counts.rows += std::max<std::int64_t>(partition.rows, 0);
  counts.bytes += partition.bytes;
}

void AddTable(const TableName& name, const table::TableSnapshot& snapshot,
              CatalogSummary& summary) {
  ++summary.tables;
  for (const PartitionInfo& partition : PartitionsOf(name, snapshot)) {
    Add(partition, summary.all);
    Add(partition, summary.providers[name.provider]);
    Add(partition, summary.datasets[name.dataset]);
    Add(partition, summary.tasks[name.task]);
    Add(partition, summary.variants[partition.variant]);
    summary.updated = std::max(summary.updated, partition.updated);
  }
}

}  // namespace

Result<CatalogSummary> SummarizeCatalog(Lake& lake, CatalogCheck check, ProgressSink& progress,
                                        std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const std::vector<TableName> names, lake.ListTables());
  std::vector<TablePart> parts(names.size());
  std::atomic<std::uint64_t> files_done = 0;
  const auto read = [&](std::size_t i) -> Status {
    TablePart& part = parts[i];
    const auto table = lake.OpenTable(names[i]);
    auto snapshot = table ? (*table)->Snapshot() : table.error();
    if (!snapshot) {
      part.problems.push_back({.table = names[i], .file = {}, .error = snapshot.error()});
      return {};
    }
    part.snapshot = std::move(snapshot).value();
    for (const table::TableFilePtr& file : part.snapshot->files()) {
      if (check == CatalogCheck::kLogs) {
        break;
      }
      if (stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, "the check was cancelled"};
      }
      if (Status sound = CheckParquetEnds(lake.context().fs, file->os_path, file->size_bytes);
          !sound) {
        part.problems.push_back({.table = names[i], .file = file->os_path, .error = sound.error()});
      }
      if (const std::uint64_t done = ++files_done; done % kReportEvery == 0) {
        progress.Report({.phase = "check", .items_done = done, .unit = "files"});
      }
    }
    return {};
  };
  ThreadPool pool(AvailableCores());
  DATALAKE_TRY(ParallelFor(pool, names.size(), std::move(stop), read));
  CatalogSummary summary;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (parts[i].snapshot != nullptr) {
      AddTable(names[i], *parts[i].snapshot, summary);
    }
    std::move(parts[i].problems.begin(), parts[i].problems.end(),
              std::back_inserter(summary.problems));
  }
  return summary;
}

}  // namespace datalake::lake
