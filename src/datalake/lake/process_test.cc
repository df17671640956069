#include "datalake/lake/process.h"

#include <array>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/assets/asset_store.h"
#include "datalake/base/random.h"
#include "datalake/format/parquet.h"
#include "datalake/format/row_json.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/json/value.h"
#include "datalake/lake/upload.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// A PNG of 1x1 pixels.
const std::string kPng(
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9c"
    "c\0\1\0\0\5\0\1\r\n-\xb4\0\0\0\0IEND\xae"
    "B`\x82",
    67);

std::shared_ptr<arrow::Array> Texts(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  for (const std::string& value : values) {  // "-" is null
    EXPECT_TRUE((value == "-" ? builder.AppendNull() : builder.Append(value)).ok());
  }
  return *builder.Finish();
}

std::shared_ptr<arrow::Array> Blobs(const std::vector<std::string>& values) {
  arrow::BinaryBuilder builder;
  for (const std::string& value : values) {
    EXPECT_TRUE((value == "-" ? builder.AppendNull() : builder.Append(value)).ok());
  }
  return *builder.Finish();
}

// Does something at every event.
class ProgressHook final : public ProgressSink {
 public:
  explicit ProgressHook(std::function<void()> action) : action_(std::move(action)) {}

  void Report(const ProgressEvent&) override { action_(); }

 private:
  const std::function<void()> action_;
};

class ProcessTest : public ::testing::Test {
 protected:
  using Columns = std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>>;

  ProcessTest() {
    EXPECT_THAT(InitLake(fs_, clock_, random_, "/lake"), IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, "/lake");
    EXPECT_THAT(lake, IsOk());
    lake_ = std::move(*lake);
    EXPECT_THAT(fs_.MakeDirectories("/in"), IsOk());
  }

  void WriteRows(const std::string& path, const Columns& columns) {
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (const auto& [name, array] : columns) {
      fields.push_back(arrow::field(name, array->type()));
      arrays.push_back(array);
    }
    const auto batch =
        arrow::RecordBatch::Make(arrow::schema(fields), arrays.front()->length(), arrays);
    auto reader = arrow::RecordBatchReader::Make({batch});
    (void)fs_.Remove(path);
    EXPECT_THAT(format::WriteParquet(fs_, path, **reader), IsOk());
  }

  static UploadRequest Request(const std::string& dataset = "d") {
    UploadRequest request;
    request.provider = "test";
    request.dataset = dataset;
    request.source_path = "/in/rows.parquet";
    return request;
  }

  Result<UploadInfo> Stage(const UploadRequest& request) {
    return Uploads(*lake_).Stage(request, progress_, {});
  }

  ProcessReport Process() {
    auto report = ProcessUploads(*lake_, {.threads = 2}, progress_, {});
    EXPECT_THAT(report, IsOk());
    return report ? *report : ProcessReport{};
  }

  // Rows of a table as JSON, in order.
  std::vector<std::string> Rows(const TableName& name, const std::vector<std::string>& columns) {
    std::vector<std::string> rows;
    auto table = lake_->OpenTable(name);
    EXPECT_THAT(table, IsOk());
    auto reader = table::ReadTable(fs_, *(*table)->Snapshot(), columns);
    EXPECT_THAT(reader, IsOk());
    std::shared_ptr<arrow::RecordBatch> batch;
    while ((*reader)->ReadNext(&batch).ok() && batch != nullptr) {
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        std::string json;
        EXPECT_THAT(format::AppendRowJson(*batch, row, {}, json), IsOk());
        rows.push_back(json);
      }
    }
    return rows;
  }

  // Names in a folder that begin with a dot.
  std::vector<std::string> DotFiles(const std::string& folder) {
    std::vector<std::string> names;
    const auto entries = fs_.List(folder);
    EXPECT_THAT(entries, IsOk());
    for (const io::DirectoryEntry& entry : *entries) {
      if (entry.name.starts_with('.')) {
        names.push_back(entry.name);
      }
    }
    return names;
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{5};
  NullProgress progress_;
  std::unique_ptr<Lake> lake_;
};

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

TEST_F(ProcessTest, FailedUploadIsSetAsideAndCanBeRetried) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto good = Stage(Request("good"));
  const auto bad = Stage(Request("bad"));
  ASSERT_THAT(bad, IsOk());
  const std::string rows = "/lake/staging/pending/" + bad->id + "/rows.parquet";
  const std::string bytes = *io::ReadFile(fs_, rows, 1 << 20);
  ASSERT_THAT(io::ReplaceFile(fs_, rows, bytes.substr(0, bytes.size() / 2)), IsOk());
  const ProcessReport report = Process();
  EXPECT_EQ(report.succeeded(), 1U);
  EXPECT_EQ(report.failed(), 1U);
  Uploads uploads(*lake_);
  EXPECT_EQ(uploads.Counts()->failed, 1U);
  const auto failed = uploads.List(UploadState::kFailed);
  ASSERT_THAT(*failed, SizeIs(1));
  ASSERT_TRUE((*failed)[0].error.has_value());
  EXPECT_EQ((*failed)[0].error->code, ErrorCode::kCorruption);
  const std::string json = ProcessReportJson(report);
  EXPECT_THAT(json, HasSubstr(R"("success":1,"failed":1,"total_processed":2)"));
  EXPECT_THAT(json, HasSubstr(R"("success_rate":"50.0%")"));
  EXPECT_THAT(json, HasSubstr(R"("error_type":"corruption")"));

  ASSERT_THAT(io::ReplaceFile(fs_, "/lake/staging/failed/" + bad->id + "/rows.parquet", bytes),
              IsOk());
  ASSERT_THAT(uploads.Retry(bad->id), IsOk());
  EXPECT_EQ(Process().succeeded(), 1U);
  EXPECT_THAT(Rows({"test", "bad", "raw"}, {"n"}), SizeIs(1));
}

TEST_F(ProcessTest, DiscardRemovesPendingAndFailedOnes) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto info = Stage(Request());
  Uploads uploads(*lake_);
  ASSERT_THAT(uploads.Discard(info->id), IsOk());
  EXPECT_THAT(uploads.Discard(info->id), IsError(ErrorCode::kNotFound, info->id));
  EXPECT_THAT(uploads.Discard("../x"), IsError(ErrorCode::kInvalidArgument, "../x"));
  EXPECT_THAT(uploads.Retry("x"), IsError(ErrorCode::kNotFound, "x"));
  EXPECT_EQ(Process().uploads.size(), 0U);
}

TEST_F(ProcessTest, HandMadeUploadWithABadNameFails) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto info = Stage(Request());
  const std::string path = "/lake/staging/pending/" + info->id + "/upload.json";
  std::string text = *io::ReadFile(fs_, path, 1 << 20);
  text.replace(text.find("\"d\""), 3, "\"../../x\"");
  ASSERT_THAT(io::ReplaceFile(fs_, path, text), IsOk());
  const ProcessReport report = Process();
  ASSERT_EQ(report.failed(), 1U);
  EXPECT_EQ(report.uploads[0].error->code, ErrorCode::kInvalidArgument);
}

TEST_F(ProcessTest, DeadOwnersClaimIsTakenOver) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto info = Stage(Request());
  ASSERT_THAT(
      fs_.Rename("/lake/staging/pending/" + info->id, "/lake/staging/processing/" + info->id),
      IsOk());
  {
    const auto owner = fs_.Lock("/lake/staging/processing/" + info->id + "/claim.lock");
    ASSERT_THAT(owner, IsOk());
    EXPECT_THAT(Process().uploads, IsEmpty()) << "its owner lives";
    EXPECT_THAT(Uploads(*lake_).Discard(info->id), IsError(ErrorCode::kConflict, "processed"));
  }
  EXPECT_EQ(Process().succeeded(), 1U);
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

TEST_F(ProcessTest, TwoProcessorsTakeEachUploadOnce) {
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng, kPng})}});
  constexpr int kUploads = 20;
  for (int i = 0; i < kUploads; ++i) {
    UploadRequest request = Request("d" + std::to_string(i % 3));
    request.variant = "v" + std::to_string(i);
    ASSERT_THAT(Stage(request), IsOk());
  }
  std::array<Result<ProcessReport>, 2> reports = {ProcessReport{}, ProcessReport{}};
  {
    std::vector<std::jthread> threads;
    for (auto& report : reports) {
      threads.emplace_back([this, &report] {
        NullProgress progress;
        report = ProcessUploads(*lake_, {.threads = 1}, progress, {});
      });
    }
  }
  ASSERT_THAT(reports[0], IsOk());
  ASSERT_THAT(reports[1], IsOk());
  EXPECT_EQ(reports[0]->failed() + reports[1]->failed(), 0U);
  EXPECT_EQ(reports[0]->succeeded() + reports[1]->succeeded(), std::uint64_t{kUploads});
  std::size_t rows = 0;
  for (const char* dataset : {"d0", "d1", "d2"}) {
    rows += Rows({"test", dataset, "raw"}, {"hash"}).size();
  }
  EXPECT_EQ(rows, 2U * kUploads);
  EXPECT_EQ(Uploads(*lake_).Counts()->failed, 0U);
}

TEST_F(ProcessTest, OverwritingUploadWaitsForAnEarlierOneOfItsVariant) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"old"})}});
  const auto older = Stage(Request());
  ASSERT_THAT(older, IsOk());
  ASSERT_THAT(
      fs_.Rename("/lake/staging/pending/" + older->id, "/lake/staging/processing/" + older->id),
      IsOk());
  auto owner = fs_.Lock("/lake/staging/processing/" + older->id + "/claim.lock");
  ASSERT_THAT(owner, IsOk());
  clock_.Advance(std::chrono::seconds(1));
  WriteRows("/in/rows.parquet", {{"n", Texts({"new"})}});
  UploadRequest request = Request();
  request.overwrite = true;
  ASSERT_THAT(Stage(request), IsOk());
  request.variant = "another";
  ASSERT_THAT(Stage(request), IsOk());

  EXPECT_EQ(Process().succeeded(), 1U) << "only that of the other variant";
  EXPECT_EQ(Uploads(*lake_).Counts()->pending, 1U);

  owner->reset();
  EXPECT_EQ(Process().succeeded(), 2U);
  EXPECT_THAT(Rows({"test", "d", "raw"}, {"n", "variant"}),
              UnorderedElementsAre(R"({"n":"new","variant":"text"})",
                                   R"({"n":"new","variant":"another"})"));
}

TEST_F(ProcessTest, UploadThatAnotherLetsGoMeanwhileIsTaken) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto first = Stage(Request("a"));
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(Stage(Request("b")), IsOk());
  auto other = fs_.Lock("/lake/staging/pending/" + first->id + "/claim.lock");
  ASSERT_THAT(other, IsOk());
  ProgressHook hook([&other] { other->reset(); });
  const auto report = ProcessUploads(*lake_, {.threads = 1}, hook, {});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->succeeded(), 2U);
  EXPECT_EQ(Uploads(*lake_).Counts()->pending, 0U);
}

TEST_F(ProcessTest, RefusedCommitLeavesNoFiles) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  ASSERT_EQ(Process().succeeded(), 1U);
  const std::string root = lake_->context().layout.Table({"test", "d", "raw"});
  const auto before = fs_.List(root + "/variant=text");
  ASSERT_THAT(before, IsOk());
  ASSERT_THAT(*before, SizeIs(1));
  ASSERT_THAT(io::ReplaceFile(fs_, root + "/_delta_log/00000000000000000002.json",
                              R"({"protocol":{"minReaderVersion":1,"minWriterVersion":4}})"
                              "\n"),
              IsOk());
  ASSERT_THAT(Stage(Request()), IsOk());
  const ProcessReport report = Process();
  ASSERT_THAT(report.uploads, SizeIs(1));
  ASSERT_TRUE(report.uploads[0].error.has_value());
  EXPECT_EQ(report.uploads[0].error->code, ErrorCode::kUnsupported);
  EXPECT_THAT(*fs_.List(root + "/variant=text"), SizeIs(1));
}

TEST_F(ProcessTest, RejectsFileIsMadeForTheFirstRejectedRow) {
  WriteRows("/in/rows.parquet", {{"image", Blobs({kPng})}});
  UploadRequest request = Request();
  request.on_bad_asset = OnBadAsset::kReject;
  ASSERT_THAT(Stage(request), IsOk());
  std::vector<std::string> seen;
  ProgressHook hook([this, &seen] {
    const auto names = DotFiles("/lake/staging/failed");
    seen.insert(seen.end(), names.begin(), names.end());
  });
  ASSERT_THAT(ProcessUploads(*lake_, {.threads = 1}, hook, {}), IsOk());
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(ProcessTest, RejectsFileOfADeadProcessorIsRemoved) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  const auto info = Stage(Request());
  ASSERT_THAT(info, IsOk());
  ASSERT_THAT(
      fs_.Rename("/lake/staging/pending/" + info->id, "/lake/staging/processing/" + info->id),
      IsOk());
  const std::string name = "." + info->id + "_rejects.jsonl.1.1.tmp";
  ASSERT_THAT(fs_.Create("/lake/staging/failed/" + name), IsOk());
  ASSERT_THAT(fs_.Create("/lake/staging/failed/.gone_rejects.jsonl.1.2.tmp"), IsOk());
  {
    const auto owner = fs_.Lock("/lake/staging/processing/" + info->id + "/claim.lock");
    ASSERT_THAT(owner, IsOk());
    Process();
    EXPECT_THAT(DotFiles("/lake/staging/failed"), ElementsAre(name)) << "its owner lives";
  }
  Process();
  EXPECT_THAT(DotFiles("/lake/staging/failed"), IsEmpty());
}

TEST_F(ProcessTest, StopPutsTheUploadBack) {
  WriteRows("/in/rows.parquet", {{"n", Texts({"1"})}});
  ASSERT_THAT(Stage(Request()), IsOk());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(ProcessUploads(*lake_, {}, progress_, stop.get_token()),
              IsError(ErrorCode::kCancelled, "stopped"));
  EXPECT_EQ(Uploads(*lake_).Counts()->pending, 1U);
}

}  // namespace
}  // namespace datalake::lake
