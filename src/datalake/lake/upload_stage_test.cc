#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/hash.h"
#include "datalake/io/atomic_file.h"
#include "datalake/lake/gc.h"
#include "datalake/lake/process_test_support.h"
#include "datalake/lake/upload.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(ProcessTest, BytesThatTheLakeHasAreNotStagedAgain) {
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng, kPng + "2"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  Process();
  const auto again = Stage(Request("again"));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->known_assets, 2U);
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.uploads[0].assets, 2U);
  EXPECT_EQ(report.uploads[0].new_assets, 0U);
  EXPECT_EQ(Rows({"test", "again", "raw"}, {"image", "hash"}),
            Rows({"test", "d", "raw"}, {"image", "hash"}));
}

TEST_F(ProcessTest, StagedAssetsAreInTheStoreAndNotCollectedMeanwhile) {
  const std::string large(std::size_t{3} << 20, 'x');
  ASSERT_THAT(io::ReplaceFile(fs_, "/in/large.bin", large), IsOk());
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng, kPng, kPng + "2"})},
                                 {"file", Texts({"large.bin", "large.bin", "-"})}});
  const auto info = Stage(Request());
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->new_assets, 3U);
  EXPECT_EQ(info->known_assets, 2U);
  EXPECT_THAT(lake_->assets().Contains(Sha256Hex(kPng)), IsOkAndHolds(true));
  EXPECT_THAT(lake_->assets().Contains(Sha256Hex(large)), IsOkAndHolds(true));
  const std::string folder = "/lake/staging/pending/" + info->id;
  EXPECT_LT(fs_.Stat(folder + "/rows.parquet")->size_bytes, 10'000U);
  EXPECT_FALSE(*fs_.Exists(folder + "/assets"));
  for (int run = 0; run < 3; ++run) {
    ASSERT_THAT(CollectGarbage(*lake_, {.apply = true, .grace = {}, .trash = {}}, progress_, {}),
                IsOk());
  }
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.uploads[0].new_assets, 3U);
  EXPECT_EQ(report.uploads[0].problem_assets, 0U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"hash"})[0], HasSubstr(Sha256Hex(kPng)));
}

TEST_F(ProcessTest, AssetsOfADiscardedUploadAreCollected) {
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng})}});
  ASSERT_THAT(Uploads(*lake_).Discard(Stage(Request())->id), IsOk());
  EXPECT_THAT(lake_->assets().Contains(Sha256Hex(kPng)), IsOkAndHolds(true));
  for (int run = 0; run < 3; ++run) {
    ASSERT_THAT(CollectGarbage(*lake_, {.apply = true, .grace = {}, .trash = {}}, progress_, {}),
                IsOk());
  }
  EXPECT_THAT(lake_->assets().Contains(Sha256Hex(kPng)), IsOkAndHolds(false));
}

TEST_F(ProcessTest, BadPicturesStayOutOfTheStoreUnlessTheyAreKept) {
  const std::string cut = kPng.substr(0, 40);
  const std::string text = "no picture";
  WriteRows("/in/rows.parquet", {{"image", Blobs({cut, text, kPng})}});
  for (const OnBadAsset policy : {OnBadAsset::kNull, OnBadAsset::kReject}) {
    UploadRequest request = Request(policy == OnBadAsset::kNull ? "nulls" : "rejects");
    request.on_bad_asset = policy;
    ASSERT_THAT(Stage(request), IsOk());
    const ProcessReport report = Process();
    ASSERT_EQ(report.succeeded(), 1U);
    EXPECT_EQ(report.uploads[0].problem_assets, 2U);
    EXPECT_EQ(report.uploads[0].assets, 1U);
  }
  EXPECT_THAT(lake_->assets().Contains(Sha256Hex(cut)), IsOkAndHolds(false));
  EXPECT_THAT(lake_->assets().Contains(Sha256Hex(text)), IsOkAndHolds(false));
  ASSERT_THAT(Stage(Request("kept")), IsOk());
  EXPECT_EQ(Process().uploads[0].assets, 3U);
  EXPECT_THAT(Rows({"test", "kept", "raw"}, {"image"})[1], HasSubstr("not a picture"));
  EXPECT_THAT(lake_->assets().Contains(Sha256Hex(cut)), IsOkAndHolds(true));
}

TEST_F(ProcessTest, AssetThatIsGonePriorToProcessingIsAProblemOfItsRow) {
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng, kPng + "2"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  ASSERT_THAT(lake_->assets().Remove(Sha256Hex(kPng)), IsOk());
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.uploads[0].problem_assets, 1U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"image"})[0], HasSubstr("asset is not in the lake"));
}

TEST_F(ProcessTest, BrokenFilesAmongGoodOnesAreNamed) {
  ASSERT_THAT(fs_.MakeDirectories("/many"), IsOk());
  WriteRows("/many/a.parquet", {{"n", Texts({"1"})}});
  WriteRows("/many/b.parquet", {{"n", Texts({"2"})}});
  ASSERT_THAT(io::ReplaceFile(fs_, "/many/bad.parquet", "PAR1 no footer"), IsOk());
  UploadRequest request = Request();
  request.source_path = "/many/*.parquet";
  request.strict_files = true;
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kCorruption, "bad.parquet"));
  request.strict_files = false;
  const auto info = Stage(request);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->rows, 2U);
  ASSERT_THAT(info->bad_files, SizeIs(1));
  EXPECT_EQ(info->bad_files[0].path, "/many/bad.parquet");
  EXPECT_THAT((*Uploads(*lake_).List(UploadState::kPending))[0].bad_files, SizeIs(1));
  request = Request("all-bad");
  request.source_path = "/many/bad.parquet";
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kCorruption, "bad.parquet"));
}

TEST_F(ProcessTest, PicturesInFoldersAreRowsWithALabel) {
  ASSERT_THAT(fs_.MakeDirectories("/pictures/cat"), IsOk());
  ASSERT_THAT(fs_.MakeDirectories("/pictures/dog"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/pictures/cat/a.png", kPng), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/pictures/dog/b.PNG", kPng + "2"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/pictures/dog/.hidden.png", kPng + "3"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/pictures/README.md", "no picture"), IsOk());
  UploadRequest request = Request();
  request.source_path = "/pictures";
  const auto info = Stage(request);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->variant, "image");
  ASSERT_EQ(Process().succeeded(), 1U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"label"}),
              ElementsAre(R"({"label":"cat"})", R"({"label":"dog"})"));
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"image"})[1], HasSubstr(R"("bytes":68)"));
  ASSERT_THAT(io::ReplaceFile(fs_, "/pictures/metadata.csv", "file_name,text\ncat/a.png,x\n"),
              IsOk());
  request = Request("described");
  request.source_path = "/pictures";
  ASSERT_THAT(Stage(request), IsOk());
  ASSERT_EQ(Process().succeeded(), 1U);
  EXPECT_THAT(Rows({"test", "described", "raw"}, {"text", "file_name"}),
              ElementsAre(HasSubstr(R"("text":"x","file_name":{"sha256")")));
}

TEST_F(ProcessTest, FilesThatChangeWhileTheyAreReadAreRefused) {
  ASSERT_THAT(io::ReplaceFile(fs_, "/in/rows.jsonl", R"({"n":1})"), IsOk());
  UploadRequest request = Request();
  request.source_path = "/in/rows.jsonl";
  ProgressHook changes([this] {
    ASSERT_THAT(io::ReplaceFile(fs_, "/in/rows.jsonl", R"({"n":1,"more":2})"), IsOk());
  });
  EXPECT_THAT(
      Uploads(*lake_).Stage(request, changes, {}),
      IsError(ErrorCode::kConflict, "changed while it was read, upload it again: /in/rows.jsonl"));
  EXPECT_EQ(Uploads(*lake_).Counts()->pending, 0U);
}

TEST_F(ProcessTest, PicturesOfTooManyPixelsAreAProblemAndNeverDecoded) {
  std::string bomb = kPng;
  bomb.replace(16, 8, std::string("\x00\x00\x7d\x00\x00\x00\x7d\x00", 8));  // 32,000 x 32,000
  WriteRows("/in/rows.parquet", {{"image", Blobs({bomb})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.uploads[0].problem_assets, 1U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"image"})[0],
              HasSubstr("picture of more than 268435456 pixels: 32000 x 32000"));
}

TEST_F(ProcessTest, SecondPendingUploadIsRefusedUnlessItOverwrites) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  EXPECT_THAT(Stage(Request()), IsError(ErrorCode::kAlreadyExists, "test/d/raw"));
  UploadRequest request = Request();
  request.overwrite = true;
  ASSERT_THAT(Stage(request), IsOk());
  EXPECT_THAT(*Uploads(*lake_).List(UploadState::kPending), SizeIs(1));
}

TEST_F(ProcessTest, BadRequestsLeaveNothingInStaging) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  UploadRequest request = Request();
  request.provider = "tset";
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kNotFound, "test"));
  request = Request("a/b");
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kInvalidArgument, "a/b"));
  request = Request("../../x");
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kInvalidArgument, "../../x"));
  request = Request();
  request.provider = "feeds";
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kInvalidArgument, "feeds"));
  request = Request();
  request.source_path = "/in/none.parquet";
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kNotFound, "none"));
  WriteRows("/in/rows.parquet", {{"n", Texts({})}});
  EXPECT_THAT(Stage(Request()), IsError(ErrorCode::kInvalidArgument, "no rows"));
  WriteRows("/in/rows.parquet", {{"image", Texts({"gone.png"})}});
  EXPECT_THAT(Stage(Request()), IsError(ErrorCode::kInvalidArgument, "gone.png"));
  const auto entries = fs_.List("/lake/staging/pending");
  for (const auto& entry : *entries) {
    EXPECT_FALSE(entry.is_directory) << entry.name;
  }
}

}  // namespace
}  // namespace datalake::lake
