#include "datalake/lake/feed_upkeep.h"

#include <map>
#include <string>

#include "datalake/table/compact.h"
#include "datalake/table/snapshot.h"
#include "datalake/table/table.h"

namespace datalake::lake {
namespace {

std::string DayOf(const table::TableFile& file) {
  const auto value = file.partition_values.find("day");
  return value == file.partition_values.end() ? "" : value->second.value_or("");
}

}  // namespace

Result<FeedUpkeepReport> CompactFeed(Lake& lake, std::string_view feed, std::string_view before,
                                     ProgressSink& progress, std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const auto table, lake.OpenTable(FeedTableName(feed)));
  DATALAKE_TRY_ASSIGN(const auto snapshot, table->Snapshot());
  std::map<std::string, std::int64_t> files;  // of a day
  for (const table::TableFilePtr& file : snapshot->files()) {
    ++files[DayOf(*file)];
  }
  FeedUpkeepReport report;
  for (const auto& [day, count] : files) {
    if (count < 2 || (!before.empty() && day >= before)) {
      continue;
    }
    DATALAKE_TRY_ASSIGN(
        const table::CompactResult done,
        table::CompactTable(*table, {.scope = {{"day", day}}}, {.operation = "compact feed"},
                            {.progress = &progress, .stop = stop}));
    report.days_compacted += done.partitions;
    report.days_skipped += done.partitions_skipped;
    report.files_removed += done.files_removed;
    report.files_added += done.files_added;
  }
  return report;
}

}  // namespace datalake::lake
