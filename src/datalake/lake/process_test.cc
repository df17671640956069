#include "datalake/lake/process.h"

#include <string>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/io/atomic_file.h"
#include "datalake/json/value.h"
#include "datalake/lake/process_test_support.h"
#include "datalake/lake/upload.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(ProcessTest, TextUploadBecomesRowsOfTheTable) {
  WriteRows("/in/rows.parquet", {{"id", Texts({"1", "2"})}, {"variant", Texts({"x", "x"})}});
  const auto info = Stage(Request());
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->variant, "text");
  EXPECT_EQ(info->rows, 2U);
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.uploads[0].rows, 2U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"id", "variant", "provider"}),
              ElementsAre(R"({"id":"1","variant":"text","provider":"test"})",
                          R"({"id":"2","variant":"text","provider":"test"})"));
  EXPECT_EQ(Uploads(*lake_).Counts()->pending, 0U);
  EXPECT_EQ(Uploads(*lake_).Counts()->processing, 0U);
}

TEST_F(ProcessTest, PicturesBecomeOneAssetEachAndLinks) {
  WriteRows("/in/rows.parquet",
            {{"image", Blobs({kPng, "-", kPng})}, {"label", Texts({"a", "b", "c"})}});
  const auto info = Stage(Request());
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->variant, "image");
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.uploads[0].assets, 2U);
  EXPECT_EQ(report.uploads[0].new_assets, 1U);
  const auto rows = Rows({"test", "d", "raw"}, {"label", "hash", "path", "image"});
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[0], HasSubstr(R"("media_type":"image/png","bytes":67,"width":1,"height":1)"));
  EXPECT_THAT(rows[1], HasSubstr(R"("label":"b","hash":null,"path":null,"image":null)"));
  const auto value = json::ParseValue(rows[0], "row");
  ASSERT_THAT(value, IsOk());
  const std::string path = *json::GetString(*value, "path", "row");
  EXPECT_EQ(io::ReadFile(fs_, "/lake/assets/" + path, 1000).value_or(""), kPng);
}

TEST_F(ProcessTest, SameImageInAnotherDatasetIsTheSameAsset) {
  WriteRows("/in/rows.parquet", {{"image_bytes", Blobs({kPng})}});
  ASSERT_THAT(Stage(Request("one")), IsOk());
  ASSERT_THAT(Stage(Request("two")), IsOk());
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 2U);
  EXPECT_EQ(report.uploads[0].new_assets + report.uploads[1].new_assets, 1U);
  EXPECT_EQ(Rows({"test", "one", "raw"}, {"path"}), Rows({"test", "two", "raw"}, {"path"}));
}

TEST_F(ProcessTest, NamedFilesAreCopiedAndBadNamesAreProblems) {
  ASSERT_THAT(fs_.MakeDirectories("/in/sub"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/in/sub/a.png", kPng), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/secret", "s"), IsOk());
  const std::string big(3 << 20, 'x');
  ASSERT_THAT(io::ReplaceFile(fs_, "/in/big.bin", big), IsOk());
  WriteRows("/in/rows.parquet",
            {{"file_path", Texts({"sub/a.png", "/in/sub/a.png", "big.bin", "../secret", "/secret",
                                  "none", "-", "sub"})}});
  const auto info = Stage(Request());
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->variant, "files");
  EXPECT_EQ(info->problem_rows, 4U);
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.uploads[0].problem_assets, 4U);
  const auto rows = Rows({"test", "d", "raw"}, {"hash", "file_path"});
  ASSERT_THAT(rows, SizeIs(8));
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_THAT(rows[2], HasSubstr("\"bytes\":3145728"));
  EXPECT_THAT(rows[3], HasSubstr("path leaves the upload's folder"));
  EXPECT_THAT(rows[4], HasSubstr("absolute path outside"));
  EXPECT_THAT(rows[5], HasSubstr("file not found"));
  EXPECT_THAT(rows[6], HasSubstr("\"file_path\":null"));
  EXPECT_THAT(rows[7], HasSubstr("not a file"));
}

TEST_F(ProcessTest, FileColumnWithoutFilesIsText) {
  WriteRows("/in/rows.parquet", {{"file_path", Texts({"src/a.c", "-"})}});
  EXPECT_EQ(Stage(Request())->variant, "text");
  ASSERT_EQ(Process().succeeded(), 1U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"file_path"}),
              ElementsAre(R"({"file_path":"src/a.c"})", R"({"file_path":null})"));
}

TEST_F(ProcessTest, BrokenPicturesFollowThePolicy) {
  const Columns columns = {{"image", Blobs({kPng, "garbage", kPng})},
                           {"n", Texts({"0", "1", "2"})}};
  WriteRows("/in/rows.parquet", columns);
  for (const OnBadAsset policy : {OnBadAsset::kKeep, OnBadAsset::kNull, OnBadAsset::kReject}) {
    UploadRequest request = Request(std::string(ToString(policy)));
    request.on_bad_asset = policy;
    ASSERT_THAT(Stage(request), IsOk());
  }
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 3U);
  const auto kept = Rows({"test", "keep", "raw"}, {"n", "hash", "image"});
  EXPECT_THAT(kept[1], HasSubstr("not a picture"));
  EXPECT_THAT(kept[1], Not(HasSubstr("\"hash\":null")));
  const auto nulled = Rows({"test", "null", "raw"}, {"n", "hash", "image"});
  EXPECT_THAT(nulled[1], HasSubstr("not a picture"));
  EXPECT_THAT(nulled[1], HasSubstr("\"hash\":null"));
  EXPECT_THAT(Rows({"test", "reject", "raw"}, {"n"}), ElementsAre(R"({"n":"0"})", R"({"n":"2"})"));
  std::string rejects;
  for (const ProcessedUpload& upload : report.uploads) {
    rejects += io::ReadFile(fs_, "/lake/staging/failed/" + upload.id + "_rejects.jsonl", 1 << 20)
                   .value_or("");
  }
  EXPECT_THAT(rejects, HasSubstr(R"({"row":1,"column":"image","reason":"not a picture)"));
  EXPECT_THAT(rejects, HasSubstr(R"("value.n":"1")"));
  EXPECT_EQ(Uploads(*lake_).Counts()->failed, 0U);
}

TEST_F(ProcessTest, TaskFieldsBecomeColumnsAndReplaceOthersOfTheirName) {
  WriteRows("/in/rows.parquet", {{"text", Texts({"t"})}, {"lang", Texts({"old"})}});
  UploadRequest request = Request();
  request.task = "ocr";
  request.variant = "v1";
  request.fields = {{"lang", "ko"}};
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kInvalidArgument, "src"));
  request.fields = {{"lang", "ko"}, {"src", "real"}};
  ASSERT_THAT(Stage(request), IsOk());
  ASSERT_EQ(Process().succeeded(), 1U);
  EXPECT_THAT(Rows({"test", "d", "ocr"}, {"text", "lang", "src", "variant"}),
              ElementsAre(R"({"text":"t","lang":"ko","src":"real","variant":"v1"})"));
}

// null, {"a":3}
std::shared_ptr<arrow::Array> Structs() {
  const auto type = arrow::struct_({arrow::field("a", arrow::int32())});
  auto a = std::make_shared<arrow::Int32Builder>();
  arrow::StructBuilder builder(type, arrow::default_memory_pool(), {a});
  EXPECT_TRUE(builder.AppendNull().ok());
  EXPECT_TRUE(builder.Append().ok());
  EXPECT_TRUE(a->Append(3).ok());
  return *builder.Finish();
}

TEST_F(ProcessTest, NestedColumnsStayAsTheyAre) {
  WriteRows("/in/rows.parquet", {{"label", Structs()}});
  ASSERT_THAT(Stage(Request()), IsOk());
  ASSERT_EQ(Process().succeeded(), 1U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"label"}),
              ElementsAre(R"({"label":null})", R"({"label":{"a":3}})"));
}

TEST_F(ProcessTest, NestedColumnsBecomeJsonTextWhenAskedAndWhereTheTableHasText) {
  WriteRows("/in/rows.parquet", {{"label", Structs()}});
  UploadRequest request = Request();
  for (const NestedValues nested : {NestedValues::kJson, NestedValues::kKeep}) {
    request.nested = nested;
    ASSERT_THAT(Stage(request), IsOk());
    ASSERT_EQ(Process().succeeded(), 1U);
  }
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"label"}),
              ElementsAre(R"({"label":null})", R"({"label":"{\"a\":3}"})", R"({"label":null})",
                          R"({"label":"{\"a\":3}"})"));
}

TEST_F(ProcessTest, ManyAssetColumnsAreALinkEach) {
  const std::string other = kPng + "x";
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng})},
                                 {"left_image", Blobs({other})},
                                 {"scan", Blobs({kPng})},
                                 {"n", Texts({"1"})}});
  UploadRequest request = Request();
  request.image_columns = {"scan"};
  const auto info = Stage(request);
  ASSERT_THAT(info, IsOk());
  EXPECT_THAT(info->asset_columns, SizeIs(3));
  ASSERT_EQ(Process().succeeded(), 1U);
  const auto rows = Rows({"test", "d", "raw"}, {"image", "left_image", "scan"});
  EXPECT_THAT(rows[0], HasSubstr(R"("left_image":{"sha256":")"));
  EXPECT_THAT(rows[0], HasSubstr(R"("bytes":68)"));
  request.image_columns = {"scna"};
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kInvalidArgument, "scna"));
  request.image_columns = {};
  WriteRows("/in/rows.parquet", {{"n", Structs()}});
  request.file_columns = {"n"};
  EXPECT_THAT(Stage(request), IsError(ErrorCode::kInvalidArgument, "neither bytes nor file names"));
}

TEST_F(ProcessTest, ListsOfPicturesAreListsOfLinks) {
  auto bytes = std::make_shared<arrow::BinaryBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), bytes);
  ASSERT_TRUE(lists.Append().ok());
  ASSERT_TRUE(bytes->Append(kPng).ok());
  ASSERT_TRUE(bytes->Append(kPng + "2").ok());
  ASSERT_TRUE(lists.AppendNull().ok());
  ASSERT_TRUE(lists.Append().ok());  // an empty one
  ASSERT_TRUE(lists.Append().ok());
  ASSERT_TRUE(bytes->AppendNull().ok());
  ASSERT_TRUE(bytes->Append("broken").ok());
  WriteRows("/in/rows.parquet", {{"images", *lists.Finish()}, {"n", Texts({"1", "2", "3", "4"})}});
  UploadRequest request = Request();
  ASSERT_THAT(Stage(request), IsOk());
  request = Request("strict");
  request.on_bad_asset = OnBadAsset::kReject;
  ASSERT_THAT(Stage(request), IsOk());
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 2U) << ProcessReportJson(report);
  const auto rows = Rows({"test", "d", "raw"}, {"n", "images", "path"});
  ASSERT_THAT(rows, SizeIs(4));
  EXPECT_THAT(rows[0], HasSubstr(R"("bytes":67)"));
  EXPECT_THAT(rows[0], HasSubstr(R"("bytes":68)"));
  EXPECT_EQ(rows[1], R"({"n":"2","images":null,"path":null})");
  EXPECT_EQ(rows[2], R"({"n":"3","images":[],"path":null})");
  EXPECT_THAT(rows[3], HasSubstr(R"("images":[null,{"sha256")"));
  EXPECT_THAT(rows[3], HasSubstr("not a picture"));
  EXPECT_THAT(Rows({"test", "strict", "raw"}, {"n"}), SizeIs(3));
}

TEST_F(ProcessTest, LaterUploadsAddRowsAndOverwritingOnesReplaceTheirVariant) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  Process();
  WriteRows("/in/rows.parquet", {{"n", Texts({"2"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  Process();
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"n"}), SizeIs(2));
  WriteRows("/in/rows.parquet", {{"n", Texts({"3"})}});
  UploadRequest request = Request();
  request.overwrite = true;
  ASSERT_THAT(Stage(request), IsOk());
  Process();
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"n"}), ElementsAre(R"({"n":"3"})"));
}

TEST_F(ProcessTest, LinksToAssetsOfTheLakeAreKept) {
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  Process();
  auto table = lake_->OpenTable({"test", "d", "raw"});
  auto rows = table::ReadTable(fs_, *(*table)->Snapshot(), {});
  ASSERT_THAT(rows, IsOk());
  UploadRequest request = Request();
  request.task = "vqa";
  request.variant = "b";
  request.fields = {{"lang", "ko"}, {"src", "real"}};
  const auto info = Uploads(*lake_).StageRows(request, **rows, progress_, {});
  ASSERT_THAT(info, IsOk());
  const ProcessReport report = Process();
  ASSERT_EQ(report.succeeded(), 1U) << ProcessReportJson(report);
  EXPECT_EQ(report.uploads[0].assets, 1U);
  EXPECT_EQ(report.uploads[0].new_assets, 0U);
  EXPECT_EQ(Rows({"test", "d", "raw"}, {"image", "path", "hash"}),
            Rows({"test", "d", "vqa"}, {"image", "path", "hash"}));
}

}  // namespace
}  // namespace datalake::lake
