#include "datalake/lake/catalog_summary.h"

#include <memory>
#include <string>
#include <string_view>

#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/table/snapshot.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CatalogSummaryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(InitLake(fs_, clock_, random_, folder_ / "lake"), IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, folder_ / "lake");
    ASSERT_THAT(lake, IsOk());
    lake_ = std::move(lake).value();
    Append({"aihub", "2024", "raw"}, "01", R"([{"id": 1}, {"id": 2}])");
    Append({"aihub", "2024", "raw"}, "b", R"([{"id": 3}])");
    Append({"inhouse", "2024", "ocr"}, "01", R"([{"id": 4}])");
  }

  void Append(const TableName& name, const std::string& variant, const std::string& rows) {
    const table::TableEnvironment environment{fs_, clock_, random_};
    const std::string root = lake_->layout().Table(name);
    arrow::FieldVector fields = {arrow::field("id", arrow::int64())};
    const auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), rows).ValueOrDie();
    for (const char* level : {"provider", "dataset", "task", "variant"}) {
      fields.push_back(arrow::field(level, arrow::utf8()));
    }
    const table::TableSpec spec{.schema = arrow::schema(fields),
                                .partition_columns = {"provider", "dataset", "task", "variant"}};
    auto table = table::Table::Exists(fs_, root).value_or(false)
                     ? table::Table::Open(environment, root)
                     : table::Table::Create(environment, root, spec, {});
    ASSERT_THAT(table, IsOk());
    auto reader =
        arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()})
            .ValueOrDie();
    ASSERT_THAT((*table)->Append(*reader,
                                 {{"provider", name.provider},
                                  {"dataset", name.dataset},
                                  {"task", name.task},
                                  {"variant", variant}},
                                 {}),
                IsOk());
  }

  std::string FirstFile(const TableName& name) {
    return lake_->OpenTable(name).value()->Snapshot().value()->files().front()->os_path;
  }

  CatalogSummary Summarize(CatalogCheck check = CatalogCheck::kFiles) {
    auto summary = SummarizeCatalog(*lake_, check, progress_, {});
    EXPECT_THAT(summary, IsOk());
    return std::move(summary).value();
  }

  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  testing::ManualClock clock_;
  SystemRandom random_;
  NullProgress progress_;
  std::unique_ptr<Lake> lake_;
};

TEST_F(CatalogSummaryTest, CountsEveryLevel) {
  const CatalogSummary summary = Summarize();
  EXPECT_EQ(summary.tables, 2);
  EXPECT_EQ(summary.all.partitions, 3);
  EXPECT_EQ(summary.all.rows, 4);
  EXPECT_EQ(summary.all.files, 3);
  EXPECT_EQ(summary.providers.at("aihub").rows, 3);
  EXPECT_EQ(summary.datasets.at("2024").partitions, 3);
  EXPECT_EQ(summary.tasks.at("ocr").rows, 1);
  EXPECT_EQ(summary.variants.at("01").rows, 3);
  EXPECT_GT(summary.all.bytes, 0U);
  EXPECT_THAT(summary.problems, IsEmpty());
}

TEST_F(CatalogSummaryTest, KdlCheck24ABadFileIsNamedAndTheRestCounted) {
  const std::string path = FirstFile({"inhouse", "2024", "ocr"});
  ASSERT_THAT(io::ReplaceFile(fs_, path, "PAR1"), IsOk());
  const CatalogSummary summary = Summarize();
  EXPECT_EQ(summary.all.rows, 4);  // what the log says
  ASSERT_THAT(summary.problems, SizeIs(1));
  EXPECT_EQ(summary.problems[0].file, path);
  EXPECT_EQ(summary.problems[0].error.code, ErrorCode::kCorruption);
  EXPECT_THAT(summary.problems[0].error.message, HasSubstr("4 bytes"));
  EXPECT_THAT(Summarize(CatalogCheck::kLogs).problems, IsEmpty());
}

TEST_F(CatalogSummaryTest, AFileOfTheRightSizeWithoutParquetsEndsIsAProblem) {
  const std::string path = FirstFile({"inhouse", "2024", "ocr"});
  const std::uint64_t size = fs_.Stat(path).value().size_bytes;
  ASSERT_THAT(io::ReplaceFile(fs_, path, "PAR1" + std::string(size - 4, 'x')), IsOk());
  const CatalogSummary summary = Summarize();
  ASSERT_THAT(summary.problems, SizeIs(1));
  EXPECT_THAT(summary.problems[0].error.message, HasSubstr("Parquet"));
}

TEST_F(CatalogSummaryTest, ATableThatCannotBeOpenedIsAProblem) {
  const std::string log =
      lake_->layout().Table({"inhouse", "2024", "ocr"}) + "/_delta_log/00000000000000000001.json";
  ASSERT_THAT(io::ReplaceFile(fs_, log, "no JSON\n"), IsOk());
  const CatalogSummary summary = Summarize();
  EXPECT_EQ(summary.tables, 1);
  EXPECT_EQ(summary.all.rows, 3);
  ASSERT_THAT(summary.problems, SizeIs(1));
  EXPECT_EQ(summary.problems[0].file, "");
  EXPECT_EQ(summary.problems[0].table.provider, "inhouse");
}

TEST_F(CatalogSummaryTest, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(SummarizeCatalog(*lake_, CatalogCheck::kFiles, progress_, stop.get_token()),
              IsError(ErrorCode::kCancelled, ""));
}

}  // namespace
}  // namespace datalake::lake
