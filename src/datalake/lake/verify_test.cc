#include "datalake/lake/verify.h"

#include <memory>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/hash.h"
#include "datalake/base/random.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/asset_mentions.h"
#include "datalake/lake/process.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::HasSubstr;

constexpr int kRows = 1000;

class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(InitLake(fs_, clock_, random_, "/lake"), IsOk());
    lake_ = *Lake::Open(fs_, clock_, random_, "/lake");
    arrow::BinaryBuilder builder;
    for (int i = 0; i < kRows; ++i) {
      ASSERT_TRUE(builder.Append("picture " + std::to_string(i)).ok());
    }
    const std::shared_ptr<arrow::Array> column = *builder.Finish();
    const auto rows = *arrow::RecordBatchReader::Make({arrow::RecordBatch::Make(
        arrow::schema({arrow::field("image", column->type())}), kRows, {column})});
    UploadRequest request;
    request.provider = "test";
    request.dataset = "d";
    ASSERT_THAT(Uploads(*lake_).StageRows(request, *rows, progress_, {}), IsOk());
    ASSERT_THAT(ProcessUploads(*lake_, {}, progress_, {}), IsOk());
  }

  std::string PathOf(int i) {
    const std::string sha256 = Sha256Hex("picture " + std::to_string(i));
    return lake_->assets().root() + "/" + *lake_->assets().FindPath(sha256);
  }

  Result<VerifyReport> Verify(const VerifyOptions& options) {
    return VerifyLake(*lake_, options, progress_, {});
  }

  io::MemoryFileSystem fs_;
  SeededRandom random_{9};
  datalake::testing::ManualClock clock_;
  NullProgress progress_;
  std::unique_ptr<Lake> lake_;
};

TEST_F(VerifyTest, KdlCheck40CountsMissingFilesAndSamplesOnce) {
  for (const int i : {3, 500, 999}) {
    ASSERT_THAT(fs_.Remove(PathOf(i)), IsOk());
  }
  const auto report = Verify({});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->total_items, 1000U);
  EXPECT_EQ(report->checked_items, 1000U);
  EXPECT_EQ(report->missing_count, 3U);
  EXPECT_DOUBLE_EQ(report->integrity_rate(), 99.7);
  ASSERT_EQ(report->missing_files.size(), 3U);
  EXPECT_EQ(report->missing_files[1].row, 500);
  EXPECT_EQ(report->missing_files[1].where, "test/d/raw/image");
  EXPECT_TRUE(report->has_findings());
  const auto sampled = Verify({.sample = 0.1});
  ASSERT_THAT(sampled, IsOk());
  EXPECT_EQ(sampled->checked_items, 100U);
  EXPECT_EQ(sampled->checked_rows, 100U);
  EXPECT_EQ(sampled->rows, 1000U);
  const auto deep = Verify({.deep = true});
  ASSERT_THAT(deep, IsOk());
  EXPECT_EQ(deep->missing_count, 3U);
}

TEST_F(VerifyTest, KdlCheck41ReportsMismatchedBytesWhenDeep) {
  const std::string path = PathOf(7);
  ASSERT_THAT(io::ReplaceFile(fs_, path, "other by"), IsOk());
  EXPECT_FALSE(Verify({})->has_findings());
  const auto deep = Verify({.deep = true});
  ASSERT_THAT(deep, IsOk());
  EXPECT_EQ(deep->mismatched_count, 1U);
  EXPECT_EQ(deep->missing_count, 0U);
  ASSERT_EQ(deep->missing_files.size(), 1U);
  EXPECT_EQ(deep->missing_files[0].problem, "mismatched");
  EXPECT_EQ(deep->missing_files[0].row, 7);
  EXPECT_EQ(deep->checked_assets, 1000U);
}

TEST_F(VerifyTest, AnyPartOfTheRowsIsSampledExactly) {
  for (const double part : {0.5, 0.25, 0.3, 0.01, 0.999}) {
    const auto report = Verify({.sample = part});
    ASSERT_THAT(report, IsOk());
    EXPECT_NEAR(static_cast<double>(report->checked_rows), kRows * part, 1) << part;
  }
  EXPECT_THAT(Verify({.sample = 0}), IsError(ErrorCode::kInvalidArgument, "sample"));
  EXPECT_THAT(Verify({.sample = 1.5}), IsError(ErrorCode::kInvalidArgument, "sample"));
}

TEST_F(VerifyTest, LooksOnlyAtTheScopeAndCountsOrphans) {
  ASSERT_THAT(lake_->assets().PutBytes("nobody's"), IsOk());
  const auto all = Verify({});
  EXPECT_EQ(all->orphan_count, 1U);
  EXPECT_EQ(all->orphan_bytes, 8U);
  EXPECT_FALSE(all->has_findings());
  EXPECT_EQ(Verify({.scope = {.variants = {"text"}}})->rows, 0U);
  EXPECT_EQ(Verify({.scope = {.providers = {"te*"}}})->rows, 1000U);
}

TEST_F(VerifyTest, NamesFilesOfRowsThatCannotBeReadAndGoesOn) {
  const auto files = fs_.List("/lake/catalog/provider=test/dataset=d/task=raw/variant=image");
  const std::string path =
      "/lake/catalog/provider=test/dataset=d/task=raw/variant=image/" + (*files)[0].name;
  ASSERT_THAT(io::ReplaceFile(fs_, path, "broken"), IsOk());
  const auto report = Verify({});
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->has_findings());
  ASSERT_FALSE(report->problems.empty());
  EXPECT_THAT(report->problems[1], HasSubstr((*files)[0].name));
}

TEST_F(VerifyTest, PairsOfTheSeedAreCheckedByPath) {
  const std::string sha256 = Sha256Hex("picture 1");
  const std::string path = *lake_->assets().FindPath(sha256);
  const auto result =
      ValidateAssetPairs(*lake_, {{sha256, path}, {sha256, "ab/cd/none.jpg"}, {sha256, ""}},
                         {.user_id = "ada"}, progress_, {});
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(*result, HasSubstr(R"("total_items":3,"checked_items":3)"));
  EXPECT_THAT(*result, HasSubstr(R"("missing_count":1)"));
  EXPECT_THAT(*result, HasSubstr(R"("integrity_rate":66.66)"));
  for (const std::string bad : {"../lake.json", "a/../../x", "/etc/passwd", "./a"}) {
    EXPECT_THAT(ValidateAssetPairs(*lake_, {{sha256, bad}}, {}, progress_, {}),
                IsError(ErrorCode::kInvalidArgument, "below assets/"));
  }
}

TEST(AssetMentionsTest, TellsTheHashThatNamesAFile) {
  const std::string sha256(64, 'a');
  EXPECT_EQ(MentionedSha256(sha256), sha256);
  EXPECT_EQ(MentionedSha256("x/aa/" + sha256 + ".jpg"), sha256);
  EXPECT_EQ(MentionedSha256("x/" + sha256 + "b"), "");
  EXPECT_EQ(MentionedSha256("the " + sha256), "");
}

}  // namespace
}  // namespace datalake::lake
