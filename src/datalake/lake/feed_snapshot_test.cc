#include "datalake/lake/feed_snapshot.h"

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/base/hash.h"
#include "datalake/base/random.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/feed_withdrawal.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class FeedSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(InitLake(fs_, clock_, random_, folder_ / "lake"), IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, folder_ / "lake");
    ASSERT_THAT(lake, IsOk());
    lake_ = std::move(lake).value();
    auto feed = Feed::Open(*lake_, "chat", {});
    ASSERT_THAT(feed, IsOk());
    feed_ = std::move(feed).value();
    auto queries = FeedQueries::Open(*lake_, {.threads = 2});
    ASSERT_THAT(queries, IsOk());
    queries_ = std::move(queries).value();
  }

  void Post(const std::string& id, const std::string& submitter, const std::string& name) {
    const std::string credit =
        name.empty() ? "" : fmt::format(R"("network/attribution":"{}",)", name);
    ASSERT_THAT(feed_->Append(fmt::format(
                    R"({{"ingest_id":"{}","submitter_id":"{}",{}"agent_id":"m","device":"d-77",)"
                    R"("prompt_template":"p","conversation":[{{"content":"hello"}}]}})",
                    id, submitter, credit)),
                IsOk());
  }

  Result<CollectionInfo> Make() {
    return MakeFeedSnapshot(*lake_, *queries_,
                            {.feed = "chat", .license = "CC-BY-4.0", .created_by = "tester"},
                            {.progress = progress_});
  }

  std::string Read(const std::string& path) {
    return io::ReadFile(fs_, path, 1 << 20).value_or("");
  }

  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  NullProgress progress_;
  std::unique_ptr<Lake> lake_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<FeedQueries> queries_;
};

TEST_F(FeedSnapshotTest, ManifestListsFilesWithTheirHashesRowsAndSchema) {
  Post("a", "u1", "Ada");
  ASSERT_THAT(feed_->Seal(), IsOk());
  Post("b", "u2", "");
  const auto info = Make();
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->version, "v1");
  const auto snapshot = FindFeedSnapshot(*lake_, "chat", SnapshotKind::kRaw, "latest");
  ASSERT_THAT(snapshot, IsOk());
  const auto text = ReadSnapshotManifest(*lake_, *snapshot);
  ASSERT_THAT(text, IsOk());
  const json::Value manifest = *json::ParseValue(*text, "manifest");
  EXPECT_EQ(manifest["rows"], 2);
  EXPECT_EQ(manifest["schema_version"], 1);
  EXPECT_EQ(manifest["license"], "CC-BY-4.0");
  EXPECT_EQ(manifest["files"].size(), 2U);  // rows and contributors
  for (const json::Value& file : manifest["files"]) {
    const std::string bytes = Read(io::JoinPath(info->path, file["path"].get<std::string>()));
    EXPECT_EQ(Sha256Hex(bytes), file["sha256"].get<std::string>());
    EXPECT_EQ(bytes.size(), file["bytes"].get<std::size_t>());
  }
  EXPECT_EQ(manifest["files"][0]["rows"], 2);
  EXPECT_THAT(Read(io::JoinPath(info->path, "README.md")),
              AllOf(HasSubstr("license: \"cc-by-4.0\""), HasSubstr("- Ada (1 records)"),
                    HasSubstr("1 records were given without a name")));
}

TEST_F(FeedSnapshotTest, NoFileHoldsAStableIdOfAPerson) {
  Post("a", "install-4711", "Ada");
  Post("b", "install-4711", "");
  const auto info = Make();
  ASSERT_THAT(info, IsOk());
  const auto entries = fs_.List(info->path);
  ASSERT_THAT(entries, IsOk());
  for (const io::DirectoryEntry& entry : *entries) {
    const std::string bytes = Read(io::JoinPath(info->path, entry.name));
    EXPECT_THAT(bytes, AllOf(Not(HasSubstr("install-4711")), Not(HasSubstr("d-77")))) << entry.name;
  }
  const json::Value credits =
      *json::ParseValue(Read(io::JoinPath(info->path, "contributors.json")), "credits");
  EXPECT_EQ(credits["contributors"].size(), 1U);
  EXPECT_EQ(credits["contributors"][0]["name"], "Ada");
  EXPECT_EQ(credits["anonymous_records"], 1);
}

TEST_F(FeedSnapshotTest, VersionsFollowEachOtherAndNeverChange) {
  Post("a", "u", "");
  ASSERT_THAT(Make(), IsOk());
  const auto before = FindFeedSnapshot(*lake_, "chat", SnapshotKind::kRaw, "v1");
  const std::string manifest = *ReadSnapshotManifest(*lake_, *before);
  Post("b", "u", "");
  ASSERT_THAT(Make(), IsOk());
  const auto all = ListFeedSnapshots(*lake_, "chat");
  ASSERT_THAT(all, IsOk());
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[1].collection.num_samples, 2);
  EXPECT_EQ(*ReadSnapshotManifest(*lake_, *before), manifest);
}

TEST_F(FeedSnapshotTest, ANameOfManyLinesStaysOneLine) {
  Post("a", "u", "Eve\\n# big *title*");
  const auto info = Make();
  ASSERT_THAT(info, IsOk());
  EXPECT_THAT(Read(io::JoinPath(info->path, "README.md")),
              HasSubstr("- Eve \\# big \\*title\\* (1 records)"));
}

TEST_F(FeedSnapshotTest, OnlyItsOwnFilesAreFound) {
  Post("a", "u", "");
  ASSERT_THAT(Make(), IsOk());
  const auto snapshot = FindFeedSnapshot(*lake_, "chat", SnapshotKind::kRaw, "");
  ASSERT_THAT(snapshot, IsOk());
  const auto file = FindSnapshotFile(*lake_, *snapshot, "manifest.json");
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->sha256, Sha256Hex(Read(file->path)));
  EXPECT_THAT(FindSnapshotFile(*lake_, *snapshot, "../../../lake.json"),
              IsError(ErrorCode::kNotFound, ""));
  EXPECT_THAT(FindFeedSnapshot(*lake_, "chat", SnapshotKind::kCurated, ""),
              IsError(ErrorCode::kNotFound, "curated"));
}

// Calls back when the rows of a snapshot are there to be read.
class CallingStage final : public SnapshotStage {
 public:
  explicit CallingStage(std::function<void()> call) : call_(std::move(call)) {}

  Result<std::shared_ptr<arrow::RecordBatchReader>> Apply(
      std::shared_ptr<arrow::RecordBatchReader> rows) override {
    call_();
    return rows;
  }

  std::string ReportJson() const override { return "{}"; }

 private:
  const std::function<void()> call_;
};

TEST_F(FeedSnapshotTest, AWithdrawalOfAnotherProcessMeetsASnapshotThatIsBeingMade) {
  Post("stays", "u", "");
  Post("gone", "v", "");
  auto server = Lake::Open(fs_, clock_, random_, folder_ / "lake");
  ASSERT_THAT(server, IsOk());
  const FeedWithdrawals withdrawals(**server);
  PendingWithdrawal pending;
  pending.feed = "chat";
  pending.records = {{"gone", FormatDay(clock_.Now())}};
  std::future<Status> finished;
  CallingStage stage([&] {
    ASSERT_THAT(withdrawals.Add(pending), IsOk());
    std::promise<bool> told;
    feed_->Withdraw({.ingest_id = "gone"},
                    [&told](const auto& answer) { told.set_value(answer.has_value()); });
    ASSERT_TRUE(told.get_future().get());
    finished = std::async(std::launch::async, [&]() -> Status {
      const auto report = withdrawals.Finish({}, progress_, {});
      return report ? Status() : Status(report.error());
    });
    // Long enough for one that does not wait.
    EXPECT_EQ(finished.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  });
  const auto made = MakeFeedSnapshot(*lake_, *queries_, {.feed = "chat", .stage = &stage},
                                     {.progress = progress_});
  ASSERT_THAT(made, IsOk());
  ASSERT_THAT(finished.get(), IsOk());
  EXPECT_TRUE(withdrawals.List()->empty());
  const auto snapshot = FindFeedSnapshot(*lake_, "chat", SnapshotKind::kRaw, made->version);
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_EQ(snapshot->collection.num_samples, 1);
}

TEST_F(FeedSnapshotTest, ASnapshotThatWaitsForAnotherCanBeCancelled) {
  const auto lock = LockSnapshots(lake_->context(), "chat", {});
  ASSERT_THAT(lock, IsOk());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(MakeFeedSnapshot(*lake_, *queries_, {.feed = "chat"},
                               {.progress = progress_, .stop = stop.get_token()}),
              IsError(ErrorCode::kCancelled, "waiting"));
}

TEST_F(FeedSnapshotTest, ACancelledSnapshotLeavesNothing) {
  Post("a", "u", "");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(MakeFeedSnapshot(*lake_, *queries_, {.feed = "chat"},
                               {.progress = progress_, .stop = stop.get_token()}),
              IsError(ErrorCode::kCancelled, ""));
  EXPECT_THAT(ListFeedSnapshots(*lake_, "chat"), IsOk());
  EXPECT_TRUE(ListFeedSnapshots(*lake_, "chat")->empty());
}

}  // namespace
}  // namespace datalake::lake
