// Logs as other writers make them, odd ones too: read when every reader reads them, refused with
// the place of the fault otherwise.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/table/log_store.h"
#include "datalake/table/table.h"
#include "datalake/table/table_test_support.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;

constexpr char kProtocol[] = R"({"protocol":{"minReaderVersion":1,"minWriterVersion":2}})";
constexpr char kMetadata[] =
    R"({"metaData":{"id":"x","format":{"provider":"parquet"},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"p\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":["p"]}})";

class ForeignLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(fs_.MakeDirectories("/t/_delta_log"), IsOk());
    Commit(0, std::string(kProtocol) + "\n" + kMetadata);
  }

  void Commit(int version, const std::string& text) {
    ASSERT_THAT(io::ReplaceFile(fs_, LogFilePath("/t", version), text), IsOk());
  }

  static std::string Add(const std::string& path, const std::string& more = "") {
    return R"({"add":{"path":")" + path +
           R"(","partitionValues":{"p":"v"},"size":7,"modificationTime":1,"dataChange":true)" +
           more + "}}\n";
  }

  static std::string Remove(const std::string& path) {
    return R"({"remove":{"path":")" + path +
           R"(","dataChange":true}})"
           "\n";
  }

  Result<std::shared_ptr<const TableSnapshot>> Snapshot() {
    auto table = Table::Open(environment_, "/t");
    if (!table) {
      return table.error();
    }
    return (*table)->Snapshot();
  }

  std::vector<std::string> Paths() {
    std::vector<std::string> paths;
    auto snapshot = Snapshot();
    EXPECT_THAT(snapshot, IsOk());
    for (const TableFilePtr& file : (*snapshot)->files()) {
      paths.push_back(file->path);
    }
    return paths;
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  TableEnvironment environment_{fs_, clock_, random_};
};

TEST_F(ForeignLogTest, TakesBlankLinesUnknownActionsAndNoLastNewline) {
  Commit(1, "\n{\"domainMetadata\":{\"a\":1}}\n \n" + Add("a.parquet") + "{\"cdc\":{}}");
  EXPECT_THAT(Paths(), ElementsAre("a.parquet"));
  EXPECT_EQ((*Snapshot())->configuration().size(), 0U);
}

TEST_F(ForeignLogTest, PassesOverOtherFilesOfTheLogFolder) {
  Commit(1, Add("a.parquet"));
  for (const char* name : {"00000000000000000001.crc", ".tmp-1", "00000000000000000002.json.tmp",
                           "_commits", "00000000000000000001.checkpoint.abc.parquet", "x.json"}) {
    ASSERT_THAT(io::ReplaceFile(fs_, std::string("/t/_delta_log/") + name, "?"), IsOk());
  }
  EXPECT_THAT(Paths(), ElementsAre("a.parquet"));
  EXPECT_EQ((*Snapshot())->version(), 1);
}

TEST_F(ForeignLogTest, CountsTheSameAddOnce) {
  Commit(1, Add("a.parquet") + Add("a.parquet"));
  Commit(2, Add("a.parquet"));
  EXPECT_THAT(Paths(), ElementsAre("a.parquet"));
}

TEST_F(ForeignLogTest, AddsARemovedPathAgain) {
  Commit(1, Add("a.parquet"));
  Commit(2, Remove("a.parquet") + Add("b.parquet"));
  EXPECT_THAT(Paths(), ElementsAre("b.parquet"));
  Commit(3, Add("a.parquet"));
  EXPECT_THAT(Paths(), ElementsAre("b.parquet", "a.parquet"));
}

TEST_F(ForeignLogTest, RemovesByteForByte) {
  Commit(1, Add("p=with%20space/a.parquet") + Add("p=%C3%BC/b.parquet"));
  Commit(2, Remove("p=with space/a.parquet") + Remove("p=%c3%bc/b.parquet"));
  EXPECT_EQ(Paths().size(), 2U);  // as the kernel readers see it
  Commit(3, Remove("p=with%20space/a.parquet"));
  EXPECT_THAT(Paths(), ElementsAre("p=%C3%BC/b.parquet"));
}

TEST_F(ForeignLogTest, OpensPathsThatWereNotEncoded) {
  Commit(1, Add("p=with space/a.parquet"));
  EXPECT_EQ((*Snapshot())->files().front()->os_path, "/t/p=with space/a.parquet");
}

TEST_F(ForeignLogTest, TakesStatisticsOfEveryForm) {
  Commit(1, Add("a", R"(,"stats":"{\"numRecords\":3,\"tightBounds\":true}")") +
                Add("b", R"(,"stats":{"numRecords":4})"));
  EXPECT_EQ((*Snapshot())->num_rows(), 7);
  Commit(2, Add("c", R"(,"stats":"")") + Add("d", R"(,"stats":null)") + Add("e"));
  EXPECT_EQ((*Snapshot())->num_rows(), -1);
  EXPECT_EQ((*Snapshot())->size_bytes(), 35U);
}

TEST_F(ForeignLogTest, FallsBackToTheDisksTimeWithoutCommitInfo) {
  Commit(1, Add("a"));
  EXPECT_EQ((*Snapshot())->modified().time_since_epoch().count() / 1000,
            EpochMillis(fs_.Stat(LogFilePath("/t", 1))->modified));
}

TEST_F(ForeignLogTest, RefusesWhatItCannotRead) {
  Commit(1, Add("s3://bucket/a"));
  EXPECT_THAT(Snapshot(), IsError(ErrorCode::kUnsupported, "s3://bucket/a"));
  Commit(1, Add("a", R"(,"deletionVector":{"storageType":"u"})"));
  EXPECT_THAT(Snapshot(), IsError(ErrorCode::kUnsupported, "deletion vectors"));
  Commit(1, Add("../a"));
  EXPECT_THAT(Snapshot(), IsError(ErrorCode::kCorruption, "leaves the table"));
  for (const char* broken :
       {"{", "[]", "{\"add\":{}}", "{\"add\":{\"path\":\"a\"}}",
        "{\"add\":{\"path\":\"a\",\"size\":-1}}", "{\"txn\":{\"appId\":\"a\"}}",
        "{\"metaData\":{\"id\":\"x\"}}", "{\"protocol\":{}}", "{\"remove\":{\"path\":1}}"}) {
    Commit(1, broken);
    EXPECT_THAT(Snapshot(), IsError(ErrorCode::kCorruption, "00000000000000000001.json:1"))
        << broken;
  }
}

TEST_F(ForeignLogTest, RefusesALogWithoutMetadata) {
  Commit(0, kProtocol);
  EXPECT_THAT(Snapshot(), IsError(ErrorCode::kCorruption, "without metaData"));
}

TEST_F(ForeignLogTest, RefusesColumnMapping) {
  std::string metadata = kMetadata;
  metadata.insert(metadata.size() - 2, R"(,"configuration":{"delta.columnMapping.mode":"name"})");
  Commit(0, std::string(kProtocol) + "\n" + metadata);
  EXPECT_THAT(Snapshot(), IsError(ErrorCode::kUnsupported, "column mapping"));
}

TEST_F(ForeignLogTest, KeepsAppendOnlyTablesAppendOnly) {
  std::string metadata = kMetadata;
  metadata.insert(metadata.size() - 2, R"(,"configuration":{"delta.appendOnly":"true"})");
  Commit(0, std::string(kProtocol) + "\n" + metadata);
  Commit(1, Add("a"));
  auto table = Table::Open(environment_, "/t");
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT((*table)->Remove({"a"}, {}), IsError(ErrorCode::kUnsupported, "append-only"));
}

}  // namespace
}  // namespace datalake::table
