#include "datalake/lake/feed_view.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/base/name.h"
#include "datalake/io/file_system.h"
#include "datalake/lake/chat_table.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/feed_table.h"
#include "datalake/table/snapshot.h"
#include "datalake/table/table.h"
#include "datalake/wal/wal.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kBatchBodyBytes = std::uint64_t{16} << 20;

// The records of one segment, which gets into the table as a whole.
struct SegmentRows {
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::uint64_t last_sequence = 0;
};

// Reads one segment file, which its owner may be writing or removing.
Status ReadSegmentFile(io::FileSystem& fs, std::string_view path, SegmentRows& rows) {
  ChatBatchBuilder builder;
  const auto finish = [&]() -> Status {
    DATALAKE_TRY_ASSIGN(auto batch, builder.Finish());
    if (batch->num_rows() > 0) {
      rows.batches.push_back(std::move(batch));
    }
    return {};
  };
  const auto skipped = wal::SalvageSegment(fs, path, [&](const wal::Record& record) -> Status {
    rows.last_sequence = record.sequence;
    DATALAKE_TRY_ASSIGN(const FeedRecord decoded, DecodeFeedRecord(record.payload));
    DATALAKE_TRY(builder.Append(decoded));
    return builder.body_bytes() >= kBatchBodyBytes ? finish() : Status();
  });
  if (!skipped && skipped.error().code != ErrorCode::kNotFound) {
    return skipped.error();
  }
  return finish();
}

}  // namespace

Result<FeedView> OpenFeedView(Lake& lake, std::string_view feed) {
  DATALAKE_TRY_ASSIGN(const std::vector<std::string> known, ListFeeds(lake));
  if (std::find(known.begin(), known.end(), feed) == known.end()) {
    return UnknownNameError("feed", feed, known);
  }
  FeedView view;
  view.schema = ChatSchema();
  io::FileSystem& fs = lake.context().fs;
  // The WAL before the table: what is sealed in between is then in both, never in neither; the
  // table says which segments it has.
  const std::string folder = lake.layout().Wal(feed);
  auto entries = fs.List(folder);
  if (!entries && entries.error().code != ErrorCode::kNotFound) {
    return entries.error();
  }
  std::vector<SegmentRows> segments;
  if (entries) {
    for (const io::DirectoryEntry& entry : *entries) {
      if (entry.name.ends_with(".log")) {
        DATALAKE_TRY(ReadSegmentFile(fs, folder + "/" + entry.name, segments.emplace_back()));
      }
    }
  }
  DATALAKE_TRY_ASSIGN(const bool has_table,
                      table::Table::Exists(fs, lake.layout().Table(FeedTableName(feed))));
  if (has_table) {
    DATALAKE_TRY_ASSIGN(const auto table, lake.OpenTable(FeedTableName(feed)));
    DATALAKE_TRY_ASSIGN(view.snapshot, table->Snapshot());
  }
  const std::int64_t applied =
      view.snapshot == nullptr ? 0 : view.snapshot->txn_version(FeedAppId(feed)).value_or(0);
  for (SegmentRows& segment : segments) {
    if (segment.last_sequence > static_cast<std::uint64_t>(applied)) {
      std::move(segment.batches.begin(), segment.batches.end(), std::back_inserter(view.tail));
    }
  }
  return view;
}

Result<std::vector<std::string>> ListFeeds(Lake& lake) {
  DATALAKE_TRY_ASSIGN(const std::vector<TableName> tables, lake.ListTables());
  std::vector<std::string> feeds = {"chat"};
  for (const TableName& table : tables) {
    if (table.provider == kFeedProvider && table.dataset != "chat") {
      feeds.push_back(table.dataset);
    }
  }
  std::sort(feeds.begin(), feeds.end());
  return feeds;
}

}  // namespace datalake::lake
