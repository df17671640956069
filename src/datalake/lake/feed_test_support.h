#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/mutex.h"
#include "datalake/base/random.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_table.h"
#include "datalake/lake/feed_view.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {

/// One chat with one turn. An empty `submitter` is null.
inline std::string ChatBody(const std::string& id, const std::string& content,
                            const std::string& submitter = "s") {
  return R"({"ingest_id":")" + id + R"(","submitter_id":)" +
         (submitter.empty() ? "null" : "\"" + submitter + "\"") +
         R"(,"agent_id":"a","prompt_template":"p","conversation":[{"content":")" + content +
         R"("}]})";
}

/// `bodies` as JSON lines in one submission.
inline Submission Lines(const std::vector<std::string>& bodies, SubmissionMode mode,
                        Contribution from = {}) {
  Submission submission{.mode = mode, .from = std::move(from)};
  for (const std::string& body : bodies) {
    submission.records.emplace_back(submission.text.size(), body.size());
    submission.text += body + "\n";
  }
  return submission;
}

/// The ids and versions in a table.
inline std::multiset<std::pair<std::string, std::int64_t>> RowsOf(Lake& lake,
                                                                  const TableName& name) {
  std::multiset<std::pair<std::string, std::int64_t>> rows;
  auto table = lake.OpenTable(name);
  if (!table) {
    return rows;
  }
  const std::vector<std::string> columns = {"ingest_id", "version"};
  auto reader = table::ReadTable(lake.context().fs, *(*table)->Snapshot(), columns);
  EXPECT_THAT(reader, testing::IsOk());
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

/// A lake in memory with an open feed.
class FeedFixture : public ::testing::Test {
 protected:
  FeedFixture() {
    EXPECT_THAT(InitLake(fs_, clock_, random_, "/lake"), testing::IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, "/lake");
    EXPECT_THAT(lake, testing::IsOk());
    lake_ = std::move(*lake);
  }

  void Open(const std::string& name = "chat", FeedOptions options = {}) {
    feed_.reset();
    auto feed = Feed::Open(*lake_, name, options);
    ASSERT_THAT(feed, testing::IsOk());
    feed_ = std::move(*feed);
  }

  /// Changes the definition of `chat` and opens it.
  void OpenChat(const std::string& yaml, FeedOptions options = {}) {
    const auto definition = ParseFeedDefinition("chat", yaml, "test");
    ASSERT_THAT(definition, testing::IsOk());
    ASSERT_THAT(FeedDefinitions(lake_->context()).Update(*definition), testing::IsOk());
    Open("chat", options);
  }

  FeedAnswer Put(const std::string& body, Contribution from = {}) {
    auto answer = feed_->Append(body, std::move(from));
    EXPECT_THAT(answer, testing::IsOk());
    return answer.value_or(FeedAnswer{});
  }

  Result<WithdrawalAnswer> Withdraw(Withdrawal withdrawal) {
    Result<WithdrawalAnswer> given = WithdrawalAnswer{};
    Mutex mutex;
    CondVar ready;
    bool done = false;
    feed_->Withdraw(std::move(withdrawal), [&](Result<WithdrawalAnswer> answer) {
      const MutexLock lock(mutex);
      given = std::move(answer);
      done = true;
      ready.NotifyOne();
    });
    const MutexLock lock(mutex);
    ready.Wait(mutex, {}, [&] { return done; });
    return given;
  }

  std::multiset<std::pair<std::string, std::int64_t>> Rows() {
    return RowsOf(*lake_, FeedTableName(name_));
  }

  std::multiset<std::pair<std::string, std::int64_t>> QuarantineRows() {
    return RowsOf(*lake_, QuarantineTableName(name_));
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<Lake> lake_;
  std::unique_ptr<Feed> feed_;
  std::string name_ = "chat";
};

}  // namespace datalake::lake
