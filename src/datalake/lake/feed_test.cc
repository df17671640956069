#include "datalake/lake/feed.h"

#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/id.h"
#include "datalake/base/random.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_record.h"
#include "datalake/lake/feed_view.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::HasSubstr;
using Outcome = FeedAnswer::Outcome;

std::string Chat(const std::string& id, const std::string& content,
                 const std::string& submitter = "s") {
  return R"({"ingest_id":")" + id + R"(","submitter_id":)" +
         (submitter.empty() ? "null" : "\"" + submitter + "\"") +
         R"(,"agent_id":"a","prompt_template":"p","conversation":[{"content":")" + content +
         R"("}]})";
}

class FeedTest : public ::testing::Test {
 protected:
  FeedTest() {
    EXPECT_THAT(InitLake(fs_, clock_, random_, "/lake"), IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, "/lake");
    EXPECT_THAT(lake, IsOk());
    lake_ = std::move(*lake);
    Reopen();
  }

  void Reopen(FeedOptions options = {}) {
    feed_.reset();
    auto feed = Feed::Open(*lake_, "chat", options);
    ASSERT_THAT(feed, IsOk());
    feed_ = std::move(*feed);
  }

  // ingest_id → versions in the table, in order of rows.
  std::multimap<std::string, std::int64_t> TableRows() {
    std::multimap<std::string, std::int64_t> rows;
    auto table = lake_->OpenTable(FeedTableName("chat"));
    EXPECT_THAT(table, IsOk());
    const std::vector<std::string> columns = {"ingest_id", "version"};
    auto reader = table::ReadTable(fs_, *(*table)->Snapshot(), columns);
    EXPECT_THAT(reader, IsOk());
    std::shared_ptr<arrow::RecordBatch> batch;
    while ((*reader)->ReadNext(&batch).ok() && batch != nullptr) {
      const auto& ids = static_cast<const arrow::StringArray&>(*batch->column(0));
      const auto& versions = static_cast<const arrow::Int64Array&>(*batch->column(1));
      for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
        rows.emplace(ids.GetString(i), versions.Value(i));
      }
    }
    return rows;
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<Lake> lake_;
  std::unique_ptr<Feed> feed_;
};

TEST_F(FeedTest, AppendStoresAndGetGivesTheRecordAsSent) {
  const auto answer = feed_->Append(Chat("a", "hé"));
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->outcome, Outcome::kStored);
  const std::string body = Chat("a", "hé");
  const std::string expected =
      body.substr(0, body.size() - 1) +
      R"(,"_lake":{"ingest_id":"a","day":"2026-01-01","received":"2026-01-01T00:00:00.000000Z",)"
      R"("version":1}})";
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(expected));
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_EQ(feed_->stats().unsealed_records, 0U);
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(expected)) << "from the table";
  Reopen();
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(expected)) << "after a restart";
}

TEST_F(FeedTest, SameBodyIsReplayedWhereverTheRecordIs) {
  ASSERT_THAT(feed_->Append(Chat("a", "x")), IsOk());
  EXPECT_EQ(feed_->Append(Chat("a", "x"))->outcome, Outcome::kReplayed);
  Reopen();
  EXPECT_EQ(feed_->Append(Chat("a", "x"))->outcome, Outcome::kReplayed);
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_EQ(feed_->Append(Chat("a", "x"))->outcome, Outcome::kReplayed);
  Reopen();
  EXPECT_EQ(feed_->Append(Chat("a", "x"))->outcome, Outcome::kReplayed);
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_EQ(TableRows().size(), 1U);
}

TEST_F(FeedTest, OtherBodyReplacesOnlyForTheSameSubmitter) {
  ASSERT_THAT(feed_->Append(Chat("a", "1")), IsOk());
  EXPECT_THAT(feed_->Append(Chat("a", "2", "other")), IsError(ErrorCode::kConflict, "a"));
  EXPECT_THAT(feed_->Append(Chat("a", "2", "")), IsError(ErrorCode::kConflict, "a"));
  const auto second = feed_->Append(Chat("a", "2"));
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->outcome, Outcome::kReplaced);
  EXPECT_EQ(second->version, 2);
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(HasSubstr("\"content\":\"2\"")));
  ASSERT_THAT(feed_->Seal(), IsOk());
  Reopen();
  EXPECT_EQ(feed_->Append(Chat("a", "3"))->version, 3);
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(HasSubstr("\"version\":3")));
  EXPECT_EQ(TableRows().size(), 3U) << "older versions stay";
}

TEST_F(FeedTest, AnonymousRecordsAreNeverReplaced) {
  ASSERT_THAT(feed_->Append(Chat("a", "1", "")), IsOk());
  EXPECT_THAT(feed_->Append(Chat("a", "2", "")), IsError(ErrorCode::kConflict, "a"));
}

TEST_F(FeedTest, MissingIngestIdGetsAUuid) {
  const auto answer = feed_->Append(R"({"agent_id":"a","prompt_template":"p","conversation":[]})");
  ASSERT_THAT(answer, IsOk());
  EXPECT_TRUE(IsUuid(answer->ingest_id));
  EXPECT_THAT(feed_->Get(answer->ingest_id), IsOkAndHolds(HasSubstr(answer->ingest_id)));
}

TEST_F(FeedTest, InvalidBodyIsAnsweredWithProblems) {
  const auto answer = feed_->Append("{}");
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->outcome, Outcome::kInvalid);
  EXPECT_EQ(answer->problems.size(), 3U);
  Reopen({.max_record_bytes = 100});
  EXPECT_THAT(feed_->Append(Chat("a", std::string(100, 'x'))),
              IsError(ErrorCode::kInvalidArgument, "too large"));
}

TEST_F(FeedTest, RecordsLandInThePartitionOfTheirDay) {
  ASSERT_THAT(feed_->Append(Chat("a", "1")), IsOk());
  clock_.Advance(std::chrono::hours(24));
  ASSERT_THAT(feed_->Append(Chat("b", "1")), IsOk());
  const auto sealed = feed_->Seal();
  ASSERT_THAT(sealed, IsOk());
  EXPECT_EQ(sealed->records, 2U);
  const auto snapshot = (*lake_->OpenTable(FeedTableName("chat")))->Snapshot();
  ASSERT_THAT(snapshot, IsOk());
  std::set<std::string> days;
  for (const auto& file : (*snapshot)->files()) {
    days.insert(file->partition_values.at("day").value_or(""));
    EXPECT_THAT(file->os_path, HasSubstr("/day=2026-01-0"));
  }
  EXPECT_EQ(days, (std::set<std::string>{"2026-01-01", "2026-01-02"}));
  EXPECT_THAT(feed_->Get("b"), IsOkAndHolds(HasSubstr("2026-01-02")));
}

TEST_F(FeedTest, SealWithoutRecordsDoesNothing) {
  const auto sealed = feed_->Seal();
  ASSERT_THAT(sealed, IsOk());
  EXPECT_EQ(sealed->segments, 0U);
  EXPECT_EQ(sealed->version, -1);
}

TEST_F(FeedTest, RefusedCommitsLeaveNoFiles) {
  const std::string root = lake_->context().layout.Table(FeedTableName("chat"));
  ASSERT_THAT(io::ReplaceFile(fs_, root + "/_delta_log/00000000000000000001.json",
                              R"({"protocol":{"minReaderVersion":1,"minWriterVersion":4}})"
                              "\n"),
              IsOk());
  ASSERT_THAT(feed_->Append(Chat("a", "1")), IsOk());
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_THAT(feed_->Seal(), IsError(ErrorCode::kUnsupported, "writer version"));
    const auto files = fs_.List(root + "/day=2026-01-01");
    ASSERT_THAT(files, IsOk());
    EXPECT_EQ(files->size(), 0U);
  }
  EXPECT_THAT(feed_->Get("a"), IsOk()) << "still in the log";
}

TEST_F(FeedTest, LostWalFolderDoesNotReuseItsNumbers) {
  ASSERT_THAT(feed_->Append(Chat("a", "1")), IsOk());
  ASSERT_THAT(feed_->Append(Chat("b", "1")), IsOk());
  ASSERT_THAT(feed_->Seal(), IsOk());
  feed_.reset();
  ASSERT_THAT(fs_.RemoveTree("/lake/wal/chat"), IsOk());
  Reopen();
  ASSERT_THAT(feed_->Append(Chat("c", "1")), IsOk());
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_EQ(TableRows().size(), 3U);
}

TEST_F(FeedTest, ViewShowsTableAndTail) {
  ASSERT_THAT(feed_->Append(Chat("a", "1")), IsOk());
  ASSERT_THAT(feed_->Seal(), IsOk());
  ASSERT_THAT(feed_->Append(Chat("a", "2")), IsOk());
  ASSERT_THAT(feed_->Append(Chat("b", "1")), IsOk());
  const auto view = OpenFeedView(*lake_, "chat");
  ASSERT_THAT(view, IsOk());
  ASSERT_NE(view->snapshot, nullptr);
  EXPECT_EQ(view->snapshot->num_rows(), 1);
  EXPECT_EQ(view->tail.rows, 2);
  ASSERT_THAT(feed_->Seal(), IsOk());
  for (int i = 0; i < 2; ++i) {  // read again, and from a segment that is gone by now
    const auto reader = view->tail.open({view->schema->GetFieldIndex("conversation")});
    ASSERT_THAT(reader, IsOk());
    const auto rows = (*reader)->ToTable();
    ASSERT_TRUE(rows.ok()) << rows.status().ToString();
    EXPECT_TRUE((*rows)->schema()->Equals(*view->schema));
    EXPECT_EQ((*rows)->num_rows(), 2);
    EXPECT_EQ((*rows)->GetColumnByName("conversation")->null_count(), 0);
  }
  EXPECT_THAT(OpenFeedView(*lake_, "chats"), IsError(ErrorCode::kNotFound, "chat"));
}

TEST_F(FeedTest, ManyThreadsGetOneAnswerAnId) {
  std::vector<std::thread> threads;
  std::array<std::atomic<int>, 50> stored{};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < stored.size(); ++i) {
        const auto answer = feed_->Append(Chat("id" + std::to_string(i), "same"));
        ASSERT_THAT(answer, IsOk());
        stored[i] += answer->outcome == Outcome::kStored ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const auto& count : stored) {
    EXPECT_EQ(count.load(), 1);
  }
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_EQ(TableRows().size(), 50U);
}

TEST_F(FeedTest, TooMuchUnsealedIsRefused) {
  Reopen({.max_unsealed_bytes = 1});
  const auto answer = feed_->Append(Chat("a", "1"));
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->outcome, Outcome::kBusy);
}

TEST_F(FeedTest, SecondOpenIsRefused) {
  EXPECT_THAT(Feed::Open(*lake_, "chat", {}), IsError(ErrorCode::kUnavailable, ""));
  EXPECT_THAT(Feed::Open(*lake_, "chta", {}), IsError(ErrorCode::kNotFound, "chat"));
}

}  // namespace
}  // namespace datalake::lake
