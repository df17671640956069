#include "datalake/table/expunge.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/table/fsck.h"
#include "datalake/table/log_store.h"
#include "datalake/table/replace_rows.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kRoot = "/t";
const std::shared_ptr<arrow::Schema> kColumns =
    arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8())});

class ExpungeTest : public ::testing::Test {
 protected:
  // Versions 1 to 3, a file each; checkpoints of every second version.
  void SetUp() override {
    auto table = Table::Create({fs_, clock_, random_}, kRoot, {.schema = kColumns}, {},
                               {.checkpoint_interval = 2});
    ASSERT_THAT(table, IsOk());
    table_ = *std::move(table);
    for (const std::string name : {"SECRET", "dog", "cat"}) {
      ASSERT_THAT(
          table_->Append(*Rows(kColumns, R"([{"id": 1, "name": ")" + name + R"("}])"), {}, {}),
          IsOk());
    }
    const auto snapshot = *table_->Snapshot();
    secret_ = snapshot->files()[0]->os_path;
    ASSERT_THAT(table_->Remove({snapshot->files()[0]->path}, {}), IsOk());
  }

  Status Expunge() {
    const std::vector<std::string> paths = {secret_};
    return ExpungeFiles(fs_, kRoot, paths, {.id = "17", .time = "2026-01-01T00:00:00Z"});
  }

  std::string LogText() {
    std::string text;
    for (std::int64_t version = 0; version <= 4; ++version) {
      text += *io::ReadFile(fs_, LogFilePath(kRoot, version), 1 << 20);
    }
    return text;
  }

  io::MemoryFileSystem fs_;
  SeededRandom random_{3};
  datalake::testing::ManualClock clock_;
  std::unique_ptr<Table> table_;
  std::string secret_;
};

TEST_F(ExpungeTest, TakesTheFileAndWhatTheLogSaysOfItsRows) {
  ASSERT_THAT(LogText(), HasSubstr("SECRET"));
  ASSERT_THAT(Expunge(), IsOk());
  EXPECT_THAT(LogText(), Not(HasSubstr("SECRET")));
  EXPECT_THAT(LogText(), HasSubstr("dog"));
  EXPECT_THAT(fs_.Stat(secret_), IsError(ErrorCode::kNotFound, ""));
  // Every version can still be opened, from log files and from checkpoints.
  for (std::int64_t version = 0; version <= 4; ++version) {
    const auto opened = Table::Open({fs_, clock_, random_}, kRoot);
    const auto snapshot = (*opened)->Snapshot(version);
    ASSERT_THAT(snapshot, IsOk()) << version;
    for (const TableFilePtr& file : (*snapshot)->files()) {
      EXPECT_THAT(file->stats_json, Not(HasSubstr("SECRET")));
    }
  }
  EXPECT_EQ(ColumnText(*AllRows(fs_, *table_->Snapshot()), "name"), "dog cat");
  EXPECT_THAT(Expunge(), IsOk());  // and again
}

TEST_F(ExpungeTest, AReaderOfAnOldVersionIsToldWhy) {
  ASSERT_THAT(Expunge(), IsOk());
  const auto rows = ReadTable(fs_, *table_->Snapshot(3));
  const auto read = (*rows)->ToTable();
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.status().ToString(), HasSubstr("taken down"));
  EXPECT_THAT(read.status().ToString(), HasSubstr("takedown 17"));
}

TEST_F(ExpungeTest, AVersionWithExpungedFilesIsNotRestored) {
  ASSERT_THAT(Expunge(), IsOk());
  EXPECT_THAT(RestoreVersion(*table_, 3, {}), IsError(ErrorCode::kNotFound, "takedown 17"));
  // The marker alone is enough: the file may come back from a backup, or still go.
  ASSERT_THAT(io::ReplaceFile(fs_, secret_, "x"), IsOk());
  EXPECT_THAT(RestoreVersion(*table_, 3, {}), IsError(ErrorCode::kNotFound, "takedown 17"));
  EXPECT_EQ((*table_->Snapshot())->version(), 4);
}

TEST_F(ExpungeTest, FsckKnowsMarkersAndWhatAnInterruptedTakedownLeft) {
  const std::string bytes = *io::ReadFile(fs_, secret_, 1 << 20);
  ASSERT_THAT(Expunge(), IsOk());
  const auto check = [&] { return CheckTable({fs_, clock_, random_}, kRoot, FsckDepth::kRows); };
  EXPECT_THAT(check()->findings, IsEmpty());
  ASSERT_THAT(io::ReplaceFile(fs_, secret_, bytes), IsOk());
  const auto report = check();
  ASSERT_THAT(report->findings, SizeIs(1));
  EXPECT_EQ(report->findings[0].kind, "taken_down_file");
  EXPECT_EQ(report->findings[0].path, secret_);
}

TEST_F(ExpungeTest, FsckTellsOfATakenDownFileThatTheNewestVersionNames) {
  const std::vector<std::string> live = {(*table_->Snapshot())->files()[0]->os_path};
  ASSERT_THAT(ExpungeFiles(fs_, kRoot, live, {.id = "18", .time = "2026-01-01T00:00:00Z"}), IsOk());
  const auto report = CheckTable({fs_, clock_, random_}, kRoot, FsckDepth::kLog);
  ASSERT_THAT(report->findings, SizeIs(1));
  EXPECT_EQ(report->findings[0].kind, "taken_down_file");
}

TEST_F(ExpungeTest, KnowsTheFilesOfAllVersions) {
  const auto files = ListLoggedFiles(fs_, kRoot);
  ASSERT_THAT(files, IsOk());
  EXPECT_EQ(files->size(), 3U);
  EXPECT_TRUE(files->contains(secret_));
}

TEST_F(ExpungeTest, AFlippedByteOfADataFileIsSeen) {
  const std::string path = (*table_->Snapshot())->files()[0]->os_path;
  const std::string bytes = *io::ReadFile(fs_, path, 1 << 20);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    ASSERT_THAT(io::ReplaceFile(fs_, path, flipped), IsOk());
    EXPECT_FALSE((*ReadTable(fs_, *table_->Snapshot()))->ToTable().ok()) << at;
  }
}

}  // namespace
}  // namespace datalake::table
