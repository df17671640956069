#include "datalake/table/fsck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/table/log_store.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class FsckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(small_.Append("a", {1, 2}), IsOk());
    ASSERT_THAT(small_.Append("b", {3}), IsOk());
    ASSERT_THAT(small_.table().Checkpoint(), IsOk());  // of version 2
    ASSERT_THAT(small_.Append("a", {4}), IsOk());
  }

  std::vector<std::string> Kinds(FsckDepth depth = FsckDepth::kRows) {
    const auto report = CheckTable(small_.environment(), small_.root(), depth);
    EXPECT_THAT(report, IsOk());
    std::vector<std::string> kinds;
    for (const FsckFinding& finding : report->findings) {
      kinds.push_back(std::string(ToString(finding.severity)) + " " + finding.kind);
    }
    return kinds;
  }

  // Changes the log file of a version, which loses its checksum thereby.
  void Edit(std::int64_t version, const std::string& from, const std::string& to) {
    const std::string path = LogFilePath(small_.root(), version);
    std::string text = *io::ReadFile(small_.fs(), path, 1 << 20);
    const std::size_t checksum = text.find(",\"checksum\":\"crc32c:");
    ASSERT_NE(checksum, std::string::npos);
    text.erase(checksum, text.find('}', checksum) - checksum);
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from << " is not in " << text;
    text.replace(at, from.size(), to);
    ASSERT_THAT(io::ReplaceFile(small_.fs(), path, text), IsOk());
  }

  SmallTable small_;
};

TEST_F(FsckTest, FindsNothingInAGoodTable) {
  const auto report = CheckTable(small_.environment(), small_.root(), FsckDepth::kRows);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_EQ(report->version, 3);
  EXPECT_EQ(report->log_files, 4);
  EXPECT_EQ(report->checkpoints, 1);
  EXPECT_EQ(report->data_files, 3);
  EXPECT_EQ(report->rows, 4);
}

TEST_F(FsckTest, FindsAGapInTheLog) {
  ASSERT_THAT(small_.fs().Remove(LogFilePath(small_.root(), 1)), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("warning log_gap"));  // a checkpoint comes after it
  ASSERT_THAT(small_.Append("a", {5}), IsOk());
  ASSERT_THAT(small_.fs().Remove(LogFilePath(small_.root(), 3)), IsOk());
  EXPECT_THAT(Kinds(FsckDepth::kLog),
              ElementsAre("warning log_gap", "error log_gap", "error log_file"));
}

TEST_F(FsckTest, FindsChangedBytesOfALogFile) {
  const std::string path = LogFilePath(small_.root(), 3);
  std::string text = *io::ReadFile(small_.fs(), path, 1 << 20);
  text[text.find("numRecords") + 14] ^= 1;
  ASSERT_THAT(io::ReplaceFile(small_.fs(), path, text), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("error log_file", "error log_file"));
  EXPECT_THAT(Table::Open(small_.environment(), small_.root()),
              IsError(ErrorCode::kCorruption, "checksum"));
}

TEST_F(FsckTest, FindsACheckpointThatSaysSomethingElse) {
  Edit(1, "\"size\":", "\"size\":1");
  EXPECT_THAT(Kinds(), ElementsAre("error checkpoint"));
}

TEST_F(FsckTest, FindsABrokenCheckpointAndItsHint) {
  ASSERT_THAT(io::ReplaceFile(small_.fs(), CheckpointPath(small_.root(), 2), "x"), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("error checkpoint"));
  ASSERT_THAT(small_.fs().Remove(CheckpointPath(small_.root(), 2)), IsOk());
  EXPECT_THAT(Kinds(), ElementsAre("warning checkpoint_hint"));
}

TEST_F(FsckTest, FindsMissingAndCutFiles) {
  const auto paths = small_.Paths();
  ASSERT_THAT(small_.fs().Remove(paths[0]), IsOk());
  std::string bytes = *io::ReadFile(small_.fs(), paths[1], 1 << 20);
  ASSERT_THAT(io::ReplaceFile(small_.fs(), paths[1], bytes.substr(0, bytes.size() / 2)), IsOk());
  EXPECT_THAT(Kinds(FsckDepth::kLog), ElementsAre("error missing_file", "error file_size"));
  EXPECT_THAT(Kinds(FsckDepth::kFooters),
              ElementsAre("error missing_file", "error file_size", "error file"));
}

TEST_F(FsckTest, FindsWrongRowCountsAndStatistics) {
  Edit(3, R"(numRecords\":1)", R"(numRecords\":7)");
  EXPECT_THAT(Kinds(FsckDepth::kFooters), ElementsAre("error row_count"));
}

TEST_F(FsckTest, FindsStatisticsThatHideRows) {
  Edit(3, R"(minValues\":{\"id\":4)", R"(minValues\":{\"id\":5)");
  EXPECT_THAT(Kinds(FsckDepth::kLog), IsEmpty());
  EXPECT_THAT(Kinds(FsckDepth::kFooters), ElementsAre("error statistics"));
  EXPECT_THAT(Kinds(FsckDepth::kRows), ElementsAre("error statistics"));
}

TEST_F(FsckTest, FindsATypeThatTheTableDoesNotHave) {
  Edit(0, R"(\"name\":\"id\",\"type\":\"long\")", R"(\"name\":\"id\",\"type\":\"string\")");
  ASSERT_THAT(small_.fs().Remove(CheckpointPath(small_.root(), 2)), IsOk());
  ASSERT_THAT(small_.fs().Remove(CheckpointHintPath(small_.root())), IsOk());
  EXPECT_THAT(Kinds(FsckDepth::kFooters),
              ElementsAre("error schema", "error schema", "error schema"));
}

TEST_F(FsckTest, FindsWhatDoesNotBelongThere) {
  for (const char* name : {"/p=a/part-x.parquet", "/p=a/.part-y.parquet.1.1.tmp"}) {
    ASSERT_THAT(io::PutIfAbsent(small_.fs(), small_.root() + name, "x"), IsOk());
  }
  EXPECT_THAT(Kinds(), UnorderedElementsAre("note leftover", "note temporary"));
}

TEST_F(FsckTest, FindsFilesOutsideTheirPartitionsFolder) {
  const std::string path = small_.Paths().back();
  const std::string name = path.substr(path.rfind('/') + 1);
  ASSERT_THAT(small_.fs().Rename(path, small_.root() + "/" + name), IsOk());
  Edit(3, "p=a/" + name, name);
  EXPECT_THAT(Kinds(), ElementsAre("warning misplaced_file"));
}

TEST_F(FsckTest, RefusesAFolderWithoutATable) {
  EXPECT_THAT(CheckTable(small_.environment(), "/nowhere"), IsError(ErrorCode::kNotFound, ""));
}

}  // namespace
}  // namespace datalake::table
