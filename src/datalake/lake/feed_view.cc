#include "datalake/lake/feed_view.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/io/file_system.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/feed_table.h"
#include "datalake/lake/record_checker.h"
#include "datalake/lake/withdrawal_filter.h"
#include "datalake/table/table.h"
#include "datalake/wal/wal.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kBatchBodyBytes = std::uint64_t{16} << 20;

// What one segment file gave; a segment gets into the table as a whole.
struct SegmentTail {
  std::uint64_t last_sequence = 0;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
};

// Visits the entries of a segment file, which its owner may be writing or removing.
Status VisitSegmentFile(io::FileSystem& fs, std::string_view path, bool only_withdrawals,
                        const std::function<Status(std::uint64_t, const FeedEntry&)>& visit) {
  const auto skipped = wal::SalvageSegment(fs, path, [&](const wal::Record& record) -> Status {
    if (only_withdrawals && !IsWithdrawal(record.payload)) {
      return {};
    }
    return ForEachFeedEntry(record.payload,
                            [&](const FeedEntry& entry) { return visit(record.sequence, entry); });
  });
  return skipped || skipped.error().code == ErrorCode::kNotFound ? Status() : skipped.error();
}

Result<SegmentTail> ReadSegmentFile(io::FileSystem& fs, std::string_view path,
                                    const RecordChecker& checker,
                                    const WithdrawalFilter& withdrawals) {
  SegmentTail tail;
  const auto builder = FeedBatchBuilder::ForFeed(checker.definition());
  const auto finish = [&]() -> Status {
    DATALAKE_TRY_ASSIGN(auto batch, builder->Finish());
    if (batch->num_rows() > 0) {
      tail.batches.push_back(std::move(batch));
    }
    return {};
  };
  const auto visit = [&](std::uint64_t sequence, const FeedEntry& entry) -> Status {
    tail.last_sequence = std::max(tail.last_sequence, sequence);
    const auto* record = std::get_if<FeedRecord>(&entry);
    if (record == nullptr || record->place == RecordPlace::kQuarantine) {
      return {};
    }
    const auto submitter = [&] { return checker.Check(record->body).submitter_id; };
    if (withdrawals.Takes(sequence, record->ingest_id, record->receipt, submitter)) {
      return {};
    }
    DATALAKE_TRY(builder->Append(*record));
    return builder->body_bytes() >= kBatchBodyBytes ? finish() : Status();
  };
  DATALAKE_TRY(VisitSegmentFile(fs, path, /*only_withdrawals=*/false, visit));
  DATALAKE_TRY(finish());
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
  DATALAKE_TRY_ASSIGN(const RecordChecker checker, RecordChecker::Make(without_rules, nullptr));
  FeedView view;
  view.schema = FeedSchema(definition);
  io::FileSystem& fs = lake.context().fs;
  // The WAL before the table: what is sealed in between is then in both, and its segment dropped.
  DATALAKE_TRY_ASSIGN(const std::vector<std::string> paths,
                      SegmentPaths(fs, lake.layout().Wal(feed)));
  WithdrawalFilter withdrawals;
  for (const std::string& path : paths) {
    const auto add = [&](std::uint64_t sequence, const FeedEntry& entry) -> Status {
      withdrawals.Add(sequence, std::get<Withdrawal>(entry));
      return {};
    };
    DATALAKE_TRY(VisitSegmentFile(fs, path, /*only_withdrawals=*/true, add));
  }
  std::vector<SegmentTail> tails;
  for (const std::string& path : paths) {
    DATALAKE_TRY_ASSIGN(SegmentTail tail, ReadSegmentFile(fs, path, checker, withdrawals));
    tails.push_back(std::move(tail));
  }
  DATALAKE_TRY_ASSIGN(const bool has_table,
                      table::Table::Exists(fs, lake.layout().Table(FeedTableName(feed))));
  std::uint64_t applied = 0;
  if (has_table) {
    DATALAKE_TRY_ASSIGN(const auto table, lake.OpenTable(FeedTableName(feed)));
    DATALAKE_TRY_ASSIGN(view.snapshot, table->Snapshot());
    applied = static_cast<std::uint64_t>(view.snapshot->txn_version(FeedAppId(feed)).value_or(0));
  }
  for (SegmentTail& tail : tails) {
    if (tail.last_sequence > applied) {
      std::move(tail.batches.begin(), tail.batches.end(), std::back_inserter(view.tail));
    }
  }
  for (const auto& [sequence, withdrawal] : withdrawals.withdrawals()) {
    if (sequence > applied) {
      view.withdrawals.push_back(withdrawal);
    }
  }
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
