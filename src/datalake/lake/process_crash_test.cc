// The promise of uploads under every fault: once staged, the rows are in the table exactly once
// after a later run, with their assets, whatever failed or crashed when; nothing is half there.
#include <set>
#include <string>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/log.h"
#include "datalake/base/random.h"
#include "datalake/lake/process.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::FaultFileSystem;
using ::datalake::testing::ForEachFault;
using ::datalake::testing::IsOk;

constexpr std::int64_t kRows = 3;

class ProcessCrashTest : public ::testing::Test {
 protected:
  // Two rows of one file, and one of another.
  static std::shared_ptr<arrow::RecordBatchReader> Source() {
    arrow::BinaryBuilder builder;
    for (const char* bytes : {"one", "two", "one"}) {
      EXPECT_TRUE(builder.Append(bytes).ok());
    }
    const std::shared_ptr<arrow::Array> column = *builder.Finish();
    const auto batch = arrow::RecordBatch::Make(
        arrow::schema({arrow::field("image", column->type())}), kRows, {column});
    return *arrow::RecordBatchReader::Make({batch});
  }

  Result<UploadInfo> Stage(Lake& lake) {
    UploadRequest request;
    request.provider = "test";
    request.dataset = "d";
    return Uploads(lake).StageRows(request, *Source(), progress_, {});
  }

  void Work(FaultFileSystem& fs) {
    acknowledged_ = 0;
    auto lake = Lake::Open(fs, clock_, random_, "/lake");
    if (!lake) {
      return;
    }
    acknowledged_ += Stage(**lake) ? 1 : 0;
    (void)ProcessUploads(**lake, {.threads = 1}, progress_, {});
    acknowledged_ += Stage(**lake) ? 1 : 0;
    (void)ProcessUploads(**lake, {.threads = 1}, progress_, {});
  }

  void Check(FaultFileSystem& fs) {
    auto lake = Lake::Open(fs, clock_, random_, "/lake");
    ASSERT_THAT(lake, IsOk());
    Uploads uploads(**lake);
    ASSERT_THAT(ProcessUploads(**lake, {.threads = 1}, progress_, {}), IsOk());
    const auto failed = uploads.List(UploadState::kFailed);
    ASSERT_THAT(failed, IsOk());
    for (const UploadInfo& info : *failed) {
      ASSERT_THAT(uploads.Retry(info.id), IsOk());
    }
    const auto report = ProcessUploads(**lake, {.threads = 1}, progress_, {});
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->failed(), 0U) << ProcessReportJson(*report);
    const auto counts = uploads.Counts();
    ASSERT_THAT(counts, IsOk());
    EXPECT_EQ(counts->pending + counts->processing + counts->failed, 0U);
    CheckRows(fs, **lake);
  }

  void CheckRows(FaultFileSystem& fs, Lake& lake) {
    std::int64_t rows = 0;
    if (acknowledged_ > 0 || *table::Table::Exists(fs,
                                                   "/lake/catalog/provider=test/dataset=d/"
                                                   "task=raw")) {
      auto table = lake.OpenTable({"test", "d", "raw"});
      ASSERT_THAT(table, IsOk());
      const std::vector<std::string> columns = {"hash"};
      auto reader = table::ReadTable(fs, *(*table)->Snapshot(), columns);
      ASSERT_THAT(reader, IsOk());
      std::shared_ptr<arrow::RecordBatch> batch;
      while ((*reader)->ReadNext(&batch).ok() && batch != nullptr) {
        const auto& hashes = static_cast<const arrow::StringArray&>(*batch->column(0));
        for (std::int64_t row = 0; row < batch->num_rows(); ++row, ++rows) {
          EXPECT_THAT(lake.assets().Verify(hashes.GetView(row)), IsOk());
        }
      }
    }
    EXPECT_EQ(rows % kRows, 0) << "half an upload is visible";
    EXPECT_GE(rows, acknowledged_ * kRows) << "an upload is lost";
    EXPECT_LE(rows, 2 * kRows) << "an upload is there twice";
  }

  testing::ManualClock clock_;
  SeededRandom random_{3};
  NullProgress progress_;
  std::int64_t acknowledged_ = 0;
};

TEST_F(ProcessCrashTest, StagedUploadsAreInTheTableExactlyOnce) {
  SetLogLevel(LogLevel::kOff);
  ForEachFault(
      [this](FaultFileSystem& fs) { ASSERT_THAT(InitLake(fs, clock_, random_, "/lake"), IsOk()); },
      [this](FaultFileSystem& fs) { Work(fs); }, [this](FaultFileSystem& fs) { Check(fs); }, 1);
}

}  // namespace
}  // namespace datalake::lake
