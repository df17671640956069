// The promises of collections and downloads under every fault: an acknowledged version is there
// whole, with the bytes that its hash says; what was not acknowledged is there whole or not at all.
#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/log.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/lake/collections.h"
#include "datalake/lake/download.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::FaultFileSystem;
using ::datalake::testing::ForEachFault;
using ::datalake::testing::IsOk;

constexpr std::int64_t kRows = 6;

std::shared_ptr<arrow::RecordBatchReader> Rows() {
  const auto type = arrow::struct_({arrow::field("id", arrow::int64())});
  const auto array = arrow::json::ArrayFromJSONString(
                         type, R"([{"id":0},{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}])")
                         .ValueOrDie();
  return arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()})
      .ValueOrDie();
}

std::int64_t CountRows(const Result<std::shared_ptr<arrow::RecordBatchReader>>& rows) {
  if (!rows) {
    ADD_FAILURE() << rows.error().message;
    return -1;
  }
  const auto table = (*rows)->ToTable();
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  return table.ok() ? (*table)->num_rows() : -1;
}

class CollectionsCrashTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(LogLevel::kOff); }

  void Prepare(FaultFileSystem& fs) {
    ASSERT_THAT(InitLake(fs, clock_, random_, "/lake"), IsOk());
    ASSERT_THAT(fs.MakeDirectories("/out"), IsOk());
  }

  void Save(FaultFileSystem& fs) {
    saved_.clear();
    auto lake = Lake::Open(fs, clock_, random_, "/lake");
    if (!lake) {
      return;
    }
    Collections collections(**lake);
    for (const char* version : {"", "v1.0", ""}) {
      clock_.Advance(std::chrono::seconds(1));
      SaveCollectionRequest request{.name = "set", .version = version};
      if (*version != '\0') {
        request.splits = ParseSplitPlan("train=0.5,test=0.5", "id").value();
      }
      const auto saved = collections.Save(*Rows(), request);
      if (saved) {
        saved_[saved->version] = saved->content_sha256;
      }
    }
  }

  void CheckSaved(FaultFileSystem& fs) {
    auto lake = Lake::Open(fs, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    Collections collections(**lake);
    const auto found = collections.List();
    ASSERT_THAT(found, IsOk());
    std::map<std::string, std::string> left = saved_;
    for (const CollectionVersions& collection : *found) {
      EXPECT_THAT(collection.problems, ::testing::IsEmpty());
      for (const CollectionInfo& info : collection.versions) {
        EXPECT_EQ(info.num_samples, kRows);
        EXPECT_EQ(CountRows(collections.Open("set", info.version)), kRows) << info.version;
        const auto known = left.find(info.version);
        EXPECT_TRUE(known == left.end() || known->second == info.content_sha256) << info.version;
        left.erase(info.version);
      }
    }
    EXPECT_THAT(left, ::testing::IsEmpty()) << "an acknowledged version is lost";
    EXPECT_THAT(collections.Save(*Rows(), {.name = "set"}), IsOk());
  }

  testing::ManualClock clock_;
  SeededRandom random_{7};
  NullProgress progress_;
  std::map<std::string, std::string> saved_;  // version → hash, of those that were acknowledged
};

TEST_F(CollectionsCrashTest, AcknowledgedVersionsAreWholeAndOthersAreWholeOrAbsent) {
  ForEachFault([this](FaultFileSystem& fs) { Prepare(fs); },
               [this](FaultFileSystem& fs) { Save(fs); },
               [this](FaultFileSystem& fs) { CheckSaved(fs); }, 1);
}

TEST_F(CollectionsCrashTest, ADeleteLeavesTheVersionWholeOrTakesIt) {
  bool is_deleted = false;
  ForEachFault(
      [this](FaultFileSystem& fs) {
        Prepare(fs);
        Save(fs);
      },
      [&](FaultFileSystem& fs) {
        auto lake = Lake::Open(fs, clock_, random_, "/lake");
        is_deleted = lake && Collections(**lake).Delete("set", "v1.0");
      },
      [&](FaultFileSystem& fs) {
        auto lake = Lake::Open(fs, clock_, random_, "/lake");
        ASSERT_THAT(lake, IsOk());
        const Collections collections(**lake);
        const auto version = collections.Find("set", "v1.0");
        EXPECT_FALSE(is_deleted && version) << "a deleted version is back";
        if (version) {
          EXPECT_EQ(CountRows(collections.Open("set", "v1.0")), kRows);
        }
        EXPECT_EQ(CountRows(collections.Open("set", "")), kRows);
      },
      1);
}

TEST_F(CollectionsCrashTest, ADownloadIsWholeOrAbsent) {
  std::map<std::string, bool> is_done;
  const std::map<std::string, DownloadFormat> outputs = {{"/out/a.parquet", DownloadFormat::kAuto},
                                                         {"/out/a.jsonl", DownloadFormat::kAuto},
                                                         {"/out/a", DownloadFormat::kDataset},
                                                         {"/out/w", DownloadFormat::kWebDataset}};
  ForEachFault([this](FaultFileSystem& fs) { Prepare(fs); },
               [&](FaultFileSystem& fs) {
                 is_done.clear();
                 auto lake = Lake::Open(fs, clock_, random_, "/lake");
                 for (const auto& [output, format] : outputs) {
                   const DownloadOptions options{.output = output, .format = format};
                   is_done[output] = lake && Download(**lake, Rows(), options, progress_, {});
                 }
               },
               [&](FaultFileSystem& fs) {
                 for (const auto& [output, format] : outputs) {
                   const auto exists = fs.Exists(output);
                   ASSERT_THAT(exists, IsOk());
                   EXPECT_TRUE(*exists || !is_done[output]) << output << " is lost";
                   if (!*exists) {
                     continue;
                   }
                   if (output.ends_with(".parquet")) {
                     EXPECT_EQ(CountRows(format::ReadParquet(fs, output)), kRows);
                   } else if (output.ends_with(".jsonl")) {
                     const auto text = io::ReadFile(fs, output, 10'000);
                     ASSERT_THAT(text, IsOk());
                     EXPECT_EQ(std::count(text->begin(), text->end(), '\n'), kRows);
                   } else if (format == DownloadFormat::kDataset) {
                     EXPECT_EQ(CountRows(format::OpenHfDataset(fs, output)), kRows);
                   } else {
                     const auto tar = io::ReadFile(fs, output + "/000000.tar", 100'000);
                     ASSERT_THAT(tar, IsOk());
                     EXPECT_EQ(tar->size(), (2 * kRows + 2) * 512U);
                   }
                 }
               },
               1);
}

}  // namespace
}  // namespace datalake::lake
