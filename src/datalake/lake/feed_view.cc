#include "datalake/lake/feed_view.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "datalake/io/file_system.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_index.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/feed_rows.h"
#include "datalake/lake/feed_table.h"
#include "datalake/lake/record_checker.h"
#include "datalake/lake/withdrawal_filter.h"
#include "datalake/table/table.h"
#include "datalake/wal/segment_cursor.h"

namespace datalake::lake {
namespace {

// What all readers of a tail share.
struct TailState {
  std::vector<LogStretch> stretches;
  WithdrawalFilter withdrawals;
  std::optional<RecordChecker> checker;

  // Whether the record is a row that no later withdrawal takes away.
  bool Holds(std::uint64_t sequence, const FeedRecord& record) const {
    const auto submitter = [&] { return checker->Check(record.body).submitter_id; };
    return record.place != RecordPlace::kQuarantine &&
           !withdrawals.Takes(sequence, record.ingest_id, record.receipt, submitter);
  }
};

// Opens a segment file, which its owner may be writing or removing, and notes its withdrawals and
// where it ends.
Status AddSegment(io::FileSystem& fs, const std::string& path, TailState& state) {
  auto file = fs.OpenRandomAccess(path);
  if (!file) {
    return file.error().code == ErrorCode::kNotFound ? Status() : Status(file.error());
  }
  LogStretch stretch{.file = *std::move(file), .path = path};
  DATALAKE_TRY_ASSIGN(const auto cursor, wal::SegmentCursor::Open(stretch.file, path));
  while (true) {
    DATALAKE_TRY_ASSIGN(const wal::Record* record, cursor->Next());
    if (record == nullptr) {
      break;
    }
    stretch.last_sequence = std::max(stretch.last_sequence, record->sequence);
    if (IsWithdrawal(record->payload)) {
      DATALAKE_TRY(ForEachFeedEntry(record->payload, [&](const FeedEntry& entry) -> Status {
        state.withdrawals.Add(record->sequence, std::get<Withdrawal>(entry));
        return {};
      }));
    }
  }
  state.stretches.push_back(std::move(stretch));
  return {};
}

Result<FeedTail> MakeTail(std::shared_ptr<const TailState> state,
                          const std::shared_ptr<arrow::Schema>& schema) {
  FeedTail tail;
  auto replaced = std::make_shared<ReplacedIds>();
  std::int32_t last_day = std::numeric_limits<std::int32_t>::min();
  const auto add = [&](std::uint64_t sequence, const FeedEntry& entry) -> Status {
    const auto* record = std::get_if<FeedRecord>(&entry);
    if (record == nullptr || !state->Holds(sequence, *record)) {
      return {};
    }
    ++tail.rows;
    tail.body_bytes += static_cast<std::int64_t>(record->body.size());
    tail.first_received_us =
        std::min<std::int64_t>(tail.first_received_us, record->received.time_since_epoch().count());
    if (record->version > 1) {
      replaced->Add(IdKey(record->ingest_id), record->version);
    }
    if (const std::int32_t day = DayNumber(record->received); day != last_day) {
      tail.days.insert(FormatDay(record->received));
      last_day = day;
    }
    return {};
  };
  for (const LogStretch& stretch : state->stretches) {
    DATALAKE_TRY(VisitLogStretch(stretch, add));
  }
  tail.replaced = std::move(replaced);
  tail.open =
      [state = std::move(state), schema](
          const std::vector<int>& columns) -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    return ReadFeedRows(
        {.stretches = state->stretches,
         .wants = [state](std::uint64_t sequence,
                          const FeedRecord& record) { return state->Holds(sequence, record); },
         .make_builder =
             [state, columns] {
               return FeedBatchBuilder::ForFeed(state->checker->definition(), &columns);
             },
         .schema = schema});
  };
  return tail;
}

Result<std::vector<std::string>> SegmentPaths(io::FileSystem& fs, const std::string& folder) {
  std::vector<std::string> paths;
  const auto entries = fs.List(folder);
  if (!entries && entries.error().code != ErrorCode::kNotFound) {
    return entries.error();
  }
  if (entries) {
    for (const io::DirectoryEntry& entry : *entries) {
      if (entry.name.ends_with(".log")) {
        paths.push_back(folder + "/" + entry.name);
      }
    }
  }
  return paths;
}

}  // namespace

Result<FeedView> OpenFeedView(Lake& lake, std::string_view feed) {
  DATALAKE_TRY_ASSIGN(const FeedDefinition definition, FeedDefinitions(lake.context()).Find(feed));
  // Content rules do not matter for what is stored already.
  FeedDefinition without_rules = definition;
  without_rules.rules.clear();
  const auto state = std::make_shared<TailState>();
  DATALAKE_TRY_ASSIGN(state->checker, RecordChecker::Make(without_rules, nullptr));
  FeedView view;
  view.schema = FeedSchema(definition);
  io::FileSystem& fs = lake.context().fs;
  // The WAL before the table: what is sealed in between is then in both, and its segment dropped.
  DATALAKE_TRY_ASSIGN(const std::vector<std::string> paths,
                      SegmentPaths(fs, lake.layout().Wal(feed)));
  for (const std::string& path : paths) {
    DATALAKE_TRY(AddSegment(fs, path, *state));
  }
  DATALAKE_TRY_ASSIGN(const bool has_table,
                      table::Table::Exists(fs, lake.layout().Table(FeedTableName(feed))));
  std::uint64_t applied = 0;
  if (has_table) {
    DATALAKE_TRY_ASSIGN(const auto table, lake.OpenTable(FeedTableName(feed)));
    DATALAKE_TRY_ASSIGN(view.snapshot, table->Snapshot());
    applied = static_cast<std::uint64_t>(view.snapshot->txn_version(FeedAppId(feed)).value_or(0));
  }
  std::erase_if(state->stretches,
                [&](const LogStretch& stretch) { return stretch.last_sequence <= applied; });
  for (const auto& [sequence, withdrawal] : state->withdrawals.withdrawals()) {
    if (sequence > applied) {
      view.withdrawals.push_back(withdrawal);
    }
  }
  DATALAKE_TRY_ASSIGN(view.tail, MakeTail(state, view.schema));
  return view;
}

Result<std::vector<std::string>> ListFeeds(Lake& lake) {
  DATALAKE_TRY_ASSIGN(std::vector<std::string> feeds, FeedDefinitions(lake.context()).Names());
  DATALAKE_TRY_ASSIGN(const std::vector<TableName> tables, lake.ListTables());
  for (const TableName& table : tables) {
    if (table == FeedTableName(table.dataset)) {
      feeds.push_back(table.dataset);
    }
  }
  std::sort(feeds.begin(), feeds.end());
  feeds.erase(std::unique(feeds.begin(), feeds.end()), feeds.end());
  return feeds;
}

}  // namespace datalake::lake
