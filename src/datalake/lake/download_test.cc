#include "datalake/lake/download.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/assets/asset_store.h"
#include "datalake/format/hf_dataset.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/link_columns.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// The smallest gif there is; its header says 1 x 1.
constexpr std::string_view kGif =
    "GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00"
    "\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02"
    "D\x01\x00;";

class DownloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(InitLake(fs_, clock_, random_, folder_ / "lake"), IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, folder_ / "lake");
    ASSERT_THAT(lake, IsOk());
    lake_ = std::move(lake).value();
    auto put = lake_->assets().PutBytes(std::string_view(kGif.data(), 43));
    ASSERT_THAT(put, IsOk());
    gif_ = put->info;
  }

  // Three rows: a picture, one whose file is gone, one without.
  std::shared_ptr<arrow::RecordBatchReader> Rows() const {
    const std::string gone(64, 'a');
    const auto link = [](const std::string& hash, const std::string& path) {
      return fmt::format(R"({{"sha256": "{}", "path": "{}", "media_type": "image/gif"}})", hash,
                         path);
    };
    const std::string path = assets::AssetPath(gif_);
    const std::string lost = "aa/aa/" + gone + ".gif";
    const auto links =
        arrow::struct_({arrow::field("sha256", arrow::utf8()), arrow::field("path", arrow::utf8()),
                        arrow::field("media_type", arrow::utf8())});
    const auto type =
        arrow::struct_({arrow::field("id", arrow::int64()), arrow::field("image", links),
                        arrow::field("path", arrow::utf8()), arrow::field("hash", arrow::utf8())});
    const std::string json = fmt::format(
        R"([{{"id": 1, "image": {}, "path": "{}", "hash": "{}"}},
            {{"id": 2, "image": {}, "path": "{}", "hash": "{}"}},
            {{"id": 3, "image": null, "path": null, "hash": null}}])",
        link(gif_.sha256, path), path, gif_.sha256, link(gone, lost), lost, gone);
    const auto array = arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
    return arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()})
        .ValueOrDie();
  }

  Result<DownloadReport> Get(const std::string& output, DownloadOptions options = {},
                             std::stop_token stop = {}) {
    options.output = folder_ / output;
    return Download(*lake_, Rows(), options, progress_, std::move(stop));
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  testing::ManualClock clock_;
  SystemRandom random_;
  NullProgress progress_;
  std::unique_ptr<Lake> lake_;
  assets::AssetInfo gif_;
};

TEST_F(DownloadTest, KdlCheck30ParquetByNameHasAbsolutePaths) {
  const auto report = Get("x.parquet");
  ASSERT_THAT(report, IsOk());
  const auto rows = format::ReadParquet(fs_, folder_ / "x.parquet");
  ASSERT_THAT(rows, IsOk());
  const auto table = (*rows)->ToTable().ValueOrDie();
  const std::string path = table->GetColumnByName("path")->GetScalar(0).ValueOrDie()->ToString();
  EXPECT_EQ(path, folder_ / "lake/assets/" + assets::AssetPath(gif_));
  EXPECT_THAT(table->GetColumnByName("image")->GetScalar(0).ValueOrDie()->ToString(),
              HasSubstr("path:string = " + path));
}

TEST_F(DownloadTest, KdlCheck30RelativePathsStayAsTheyAre) {
  ASSERT_THAT(
      Get("x", {.format = DownloadFormat::kParquet, .rows = {.paths = PathForm::kRelative}}),
      IsOk());
  const auto table = (*format::ReadParquet(fs_, folder_ / "x.parquet"))->ToTable().ValueOrDie();
  EXPECT_EQ(table->GetColumnByName("path")->GetScalar(0).ValueOrDie()->ToString(),
            assets::AssetPath(gif_));
}

TEST_F(DownloadTest, KdlCheck30DatasetKeepsANameWithADot) {
  ASSERT_THAT(Get("a.b", {.format = DownloadFormat::kDataset}), IsOk());
  EXPECT_THAT(format::OpenHfDataset(fs_, folder_ / "a.b"), IsOk());
}

TEST_F(DownloadTest, KdlCheck31ReportsMissingFilesByCountAndList) {
  const auto report = Get("set");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->rows.rows_out, 3);
  EXPECT_EQ(report->rows.missing_files, 2);  // named by two columns of one row
  ASSERT_THAT(report->rows.missing, SizeIs(2));
  EXPECT_EQ(report->rows.missing[0].row, 1);
  const auto list = io::ReadFile(fs_, report->missing_list, 10'000);
  ASSERT_THAT(list, IsOk());
  EXPECT_THAT(*list, HasSubstr(R"("row":1,"column":"image")"));
}

TEST_F(DownloadTest, DropsRowsOnRequestButNotThoseWithoutFile) {
  const auto report = Get("set", {.rows = {.on_missing = OnMissingFile::kDrop}});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->rows.rows_out, 2);
  EXPECT_EQ(report->rows.dropped_rows, 1);
}

TEST_F(DownloadTest, KdlCheck32GivesPicturesAndReportsThoseItCannot) {
  const auto report = Get("set", {.rows = {.pictures = PictureForm::kBytes}});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->rows.missing_files, 2);
  const auto table = (*format::OpenHfDataset(fs_, folder_ / "set"))->ToTable().ValueOrDie();
  const auto image = table->GetColumnByName("image");
  EXPECT_EQ(image->type()->ToString(), "struct<bytes: binary, path: string>");
  EXPECT_TRUE(image->GetScalar(0).ValueOrDie()->is_valid);
  EXPECT_FALSE(image->GetScalar(1).ValueOrDie()->is_valid);
  EXPECT_THAT(io::ReadFile(fs_, folder_ / "set/dataset_info.json", 10'000).value(),
              HasSubstr("\"Image\""));
}

TEST_F(DownloadTest, FailsOnRequestAndLeavesNothing) {
  const auto before = Names();
  EXPECT_THAT(Get("set", {.rows = {.on_missing = OnMissingFile::kFail}}),
              IsError(ErrorCode::kNotFound, "row 1"));
  EXPECT_EQ(Names(), before);
}

TEST_F(DownloadTest, ACancelLeavesNothing) {
  std::stop_source source;
  source.request_stop();
  const auto before = Names();
  for (const char* name : {"a.parquet", "a.jsonl", "a"}) {
    EXPECT_THAT(Get(name, {}, source.get_token()), IsError(ErrorCode::kCancelled, "")) << name;
  }
  EXPECT_THAT(Get("w", {.format = DownloadFormat::kWebDataset}, source.get_token()),
              IsError(ErrorCode::kCancelled, ""));
  EXPECT_EQ(Names(), before);
}

TEST_F(DownloadTest, LeavesWhatIsThereAlone) {
  ASSERT_THAT(io::ReplaceFile(fs_, folder_ / "a.jsonl", "mine"), IsOk());
  EXPECT_THAT(Get("a.jsonl"), IsError(ErrorCode::kAlreadyExists, "a.jsonl"));
  EXPECT_EQ(io::ReadFile(fs_, folder_ / "a.jsonl", 10).value(), "mine");
}

TEST_F(DownloadTest, WritesLinesOfJson) {
  ASSERT_THAT(Get("a.jsonl", {.rows = {.paths = PathForm::kRelative}}), IsOk());
  const std::string text = io::ReadFile(fs_, folder_ / "a.jsonl", 100'000).value();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_THAT(text, HasSubstr("\"path\":\"" + assets::AssetPath(gif_) + "\""));
}

TEST_F(DownloadTest, WritesTarShardsThatDependOnTheRowsAlone) {
  const DownloadOptions options{.format = DownloadFormat::kWebDataset,
                                .rows = {.pictures = PictureForm::kBytes},
                                .shard_bytes = 1024};
  ASSERT_THAT(Get("a", options), IsOk());
  ASSERT_THAT(Get("b", options), IsOk());
  const auto first = io::ReadFile(fs_, folder_ / "a/000000.tar", 100'000);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->substr(0, 14), "000000000.json");
  EXPECT_THAT(*first, HasSubstr("000000000.gif"));
  EXPECT_EQ(*first, io::ReadFile(fs_, folder_ / "b/000000.tar", 100'000).value());
  EXPECT_THAT(fs_.Exists(folder_ / "a/000001.tar").value(), true);
}

TEST(AssetPathTest, IsAHashWithASuffix) {
  const std::string hash(64, '0');
  EXPECT_TRUE(IsAssetPath("00/00/" + hash + ".jpg"));
  EXPECT_TRUE(IsAssetPath("provider=a/dataset=b/" + hash + ".jpg"));
  EXPECT_FALSE(IsAssetPath("../" + hash + ".jpg"));
  EXPECT_FALSE(IsAssetPath("a/../" + hash + ".jpg"));
  EXPECT_FALSE(IsAssetPath(hash));
  EXPECT_FALSE(IsAssetPath("docs/readme.md"));
}

}  // namespace
}  // namespace datalake::lake
