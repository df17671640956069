#include "datalake/format/hf_dataset.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/format/arrow_rows.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/rows.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::format {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::HasSubstr;

std::shared_ptr<arrow::RecordBatchReader> Rows(const std::shared_ptr<arrow::Schema>& schema,
                                               const std::string& json) {
  auto array =
      arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json).ValueOrDie();
  auto batch = arrow::RecordBatch::FromStructArray(array).ValueOrDie();
  return arrow::RecordBatchReader::Make({batch->ReplaceSchemaMetadata(schema->metadata())}, schema)
      .ValueOrDie();
}

class HfDatasetTest : public ::testing::Test {
 protected:
  io::MemoryFileSystem fs_;
  SeededRandom random_{1};
  std::shared_ptr<arrow::Schema> schema_ = arrow::schema(
      {arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8()),
       arrow::field("tags", arrow::list(arrow::utf8())),
       arrow::field("turns", arrow::list(arrow::struct_({arrow::field("who", arrow::utf8())})))});
  const std::string json_ = R"([
    {"id": 1, "text": "a", "tags": ["x"], "turns": [{"who": "me"}]},
    {"id": 2, "text": null, "tags": [], "turns": null},
    {"id": 3, "text": "c", "tags": null, "turns": [{"who": null}, {"who": "you"}]}])";
};

TEST_F(HfDatasetTest, ReadsBackWhatWasWritten) {
  auto written = WriteHfDataset(fs_, random_, "/c/v1", *Rows(schema_, json_),
                                {.shard_bytes = 1, .batch_rows = 1});

  ASSERT_THAT(written, IsOk());
  EXPECT_EQ(written->num_rows, 3);
  EXPECT_THAT(written->files,
              ::testing::ElementsAre("data-00000-of-00003.arrow", "data-00001-of-00003.arrow",
                                     "data-00002-of-00003.arrow"));
  auto reader = OpenHfDataset(fs_, "/c/v1");
  ASSERT_THAT(reader, IsOk());
  auto table = (*reader)->ToTable().ValueOrDie();
  auto expected = Rows(schema_, json_)->ToTable().ValueOrDie();
  EXPECT_TRUE(table->CombineChunks().ValueOrDie()->Equals(*expected)) << table->ToString();
}

TEST_F(HfDatasetTest, WritesWhatDatasetsWrites) {
  ASSERT_THAT(WriteHfDataset(fs_, random_, "/c/v1", *Rows(schema_, json_),
                             {.split = "train", .extra_files = {{"metadata.json", "{}"}}}),
              IsOk());
  const auto info = io::ReadFile(fs_, "/c/v1/dataset_info.json", 10'000);
  ASSERT_THAT(info, IsOk());
  EXPECT_THAT(*info, HasSubstr(R"("dtype": "int64")"));
  const auto state = io::ReadFile(fs_, "/c/v1/state.json", 10'000);
  ASSERT_THAT(state, IsOk());
  EXPECT_THAT(*state, HasSubstr(R"("filename": "data-00000-of-00001.arrow")"));
  EXPECT_THAT(*state, HasSubstr(R"("_split": "train")"));
  EXPECT_THAT(fs_.Exists("/c/v1/metadata.json"), IsOkAndHolds(true));
  EXPECT_EQ(fs_.List("/c")->size(), 1U);
}

TEST_F(HfDatasetTest, WritesADatasetWithoutRows) {
  ASSERT_THAT(WriteHfDataset(fs_, random_, "/c", *Rows(schema_, "[]")), IsOk());
  auto reader = OpenHfDataset(fs_, "/c");
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->ToTable().ValueOrDie()->num_rows(), 0);
}

TEST_F(HfDatasetTest, LeavesAnExistingFolderAlone) {
  ASSERT_THAT(WriteHfDataset(fs_, random_, "/c", *Rows(schema_, json_)), IsOk());
  EXPECT_THAT(WriteHfDataset(fs_, random_, "/c", *Rows(schema_, "[]")),
              IsError(ErrorCode::kAlreadyExists, "/c"));
}

TEST_F(HfDatasetTest, GivesTheSameFingerprintToTheSameRows) {
  auto a = WriteHfDataset(fs_, random_, "/a", *Rows(schema_, json_));
  auto b = WriteHfDataset(fs_, random_, "/b", *Rows(schema_, json_));
  auto c = WriteHfDataset(fs_, random_, "/c", *Rows(schema_, "[]"));
  EXPECT_EQ(a->fingerprint, b->fingerprint);
  EXPECT_NE(a->fingerprint, c->fingerprint);
  EXPECT_EQ(a->fingerprint.size(), 16U);
}

TEST_F(HfDatasetTest, DecodesDictionariesAndMaps) {
  auto schema = arrow::schema({arrow::field("d", arrow::dictionary(arrow::int32(), arrow::utf8())),
                               arrow::field("m", arrow::map(arrow::utf8(), arrow::int64()))});
  ASSERT_THAT(WriteHfDataset(fs_, random_, "/c", *Rows(schema, R"([{"d": "x", "m": [["k", 1]]}])")),
              IsOk());
  auto table = (*OpenHfDataset(fs_, "/c"))->ToTable().ValueOrDie();
  EXPECT_EQ(table->schema()->field(0)->type()->ToString(), "string");
  EXPECT_EQ(table->column(1)->GetScalar(0).ValueOrDie()->ToString(),
            "list<entries: struct<key: string, value: int64>>[{key:string = k, value:int64 = 1}]");
}

TEST_F(HfDatasetTest, KeepsFeaturesOfItsSource) {
  const std::string features =
      R"({"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}})";
  auto schema = arrow::schema({arrow::field("label", arrow::int64())},
                              arrow::key_value_metadata({"huggingface"}, {features}));
  ASSERT_THAT(WriteHfDataset(fs_, random_, "/c", *Rows(schema, R"([{"label": 1}])")), IsOk());
  EXPECT_THAT(io::ReadFile(fs_, "/c/dataset_info.json", 10'000),
              IsOkAndHolds(HasSubstr("ClassLabel")));
}

TEST_F(HfDatasetTest, NamesAColumnWithoutFeature) {
  auto schema = arrow::schema({arrow::field("x", arrow::month_interval())});
  EXPECT_THAT(WriteHfDataset(fs_, random_, "/c", *Rows(schema, "[]")),
              IsError(ErrorCode::kUnsupported, "x: "));
  EXPECT_THAT(fs_.Exists("/c"), IsOkAndHolds(false));
}

TEST_F(HfDatasetTest, RefusesFilesOutsideOfItsFolder) {
  ASSERT_THAT(WriteHfDataset(fs_, random_, "/c", *Rows(schema_, json_)), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/c/state.json",
                              R"({"_data_files": [{"filename": "../../etc/passwd"}]})"),
              IsOk());
  EXPECT_THAT(OpenHfDataset(fs_, "/c"), IsError(ErrorCode::kCorruption, "/c/state.json"));
  EXPECT_THAT(OpenHfDataset(fs_, "/none"), IsError(ErrorCode::kNotFound, "/none"));
}

TEST_F(HfDatasetTest, ListsSplitsOfADatasetDict) {
  ASSERT_THAT(fs_.MakeDirectories("/dict"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/dict/dataset_dict.json", R"({"splits": ["train", "test"]})"),
              IsOk());
  EXPECT_THAT(HfDatasetSplits(fs_, "/dict"), IsOkAndHolds(::testing::ElementsAre("train", "test")));
  EXPECT_THAT(OpenRows(fs_, "/dict"), IsError(ErrorCode::kInvalidArgument, "train, test"));
}

TEST_F(HfDatasetTest, SurvivesDamagedDataFiles) {
  ASSERT_THAT(WriteHfDataset(fs_, random_, "/c", *Rows(schema_, json_)), IsOk());
  const std::string path = "/c/data-00000-of-00001.arrow";
  const std::string bytes = *io::ReadFile(fs_, path, 1 << 20);
  int errors = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xFF);
    ASSERT_THAT(io::ReplaceFile(fs_, path, damaged), IsOk());
    auto reader = OpenArrowRows(fs_, path);
    errors += reader && (*reader)->ToTable().ok() ? 0 : 1;
  }
  EXPECT_GT(errors, 100);
}

// A folder is there whole or not at all, whichever call fails or is the last.
TEST_F(HfDatasetTest, AppearsWholeOrNotAtAll) {
  testing::FaultFileSystem probe;
  ASSERT_THAT(WriteHfDataset(probe, random_, "/c/v1", *Rows(schema_, json_)), IsOk());
  const std::uint64_t calls = probe.calls();
  ASSERT_GT(calls, 10U);
  for (std::uint64_t k = 0; k < calls; ++k) {
    testing::FaultFileSystem fs;
    fs.CrashAtCall(k);
    const bool is_written = WriteHfDataset(fs, random_, "/c/v1", *Rows(schema_, json_)).has_value();
    fs.PowerLoss(k);
    const bool exists = *fs.Exists("/c/v1");
    if (exists) {
      auto reader = OpenHfDataset(fs, "/c/v1");
      ASSERT_THAT(reader, IsOk()) << "call " << k << ": " << fs.failed_call();
      ASSERT_EQ((*reader)->ToTable().ValueOrDie()->num_rows(), 3);
    }
    ASSERT_TRUE(exists || !is_written) << "call " << k;
  }
}

}  // namespace
}  // namespace datalake::format
