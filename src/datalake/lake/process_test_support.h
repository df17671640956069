#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/format/parquet.h"
#include "datalake/format/row_json.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/process.h"
#include "datalake/lake/upload.h"
#include "datalake/table/read.h"
#include "datalake/table/table.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

// What the tests of uploads and their processing share.
namespace datalake::lake {

// A PNG of 1x1 pixels.
inline const std::string kPng(
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9c"
    "c\0\1\0\0\5\0\1\r\n-\xb4\0\0\0\0IEND\xae"
    "B`\x82",
    67);

inline std::shared_ptr<arrow::Array> Texts(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  for (const std::string& value : values) {  // "-" is null
    EXPECT_TRUE((value == "-" ? builder.AppendNull() : builder.Append(value)).ok());
  }
  return *builder.Finish();
}

inline std::shared_ptr<arrow::Array> Blobs(const std::vector<std::string>& values) {
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
    EXPECT_THAT(InitLake(fs_, clock_, random_, "/lake"), datalake::testing::IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, "/lake");
    EXPECT_THAT(lake, datalake::testing::IsOk());
    lake_ = std::move(*lake);
    EXPECT_THAT(fs_.MakeDirectories("/in"), datalake::testing::IsOk());
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
    EXPECT_THAT(format::WriteParquet(fs_, path, **reader), datalake::testing::IsOk());
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
    EXPECT_THAT(report, datalake::testing::IsOk());
    return report ? *report : ProcessReport{};
  }

  // Rows of a table as JSON, in order.
  std::vector<std::string> Rows(const TableName& name, const std::vector<std::string>& columns) {
    std::vector<std::string> rows;
    auto table = lake_->OpenTable(name);
    EXPECT_THAT(table, datalake::testing::IsOk());
    auto reader = table::ReadTable(fs_, *(*table)->Snapshot(), columns);
    EXPECT_THAT(reader, datalake::testing::IsOk());
    std::shared_ptr<arrow::RecordBatch> batch;
    while ((*reader)->ReadNext(&batch).ok() && batch != nullptr) {
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        std::string json;
        EXPECT_THAT(format::AppendRowJson(*batch, row, {}, json), datalake::testing::IsOk());
        rows.push_back(json);
      }
    }
    return rows;
  }

  // Names in a folder that begin with a dot.
  std::vector<std::string> DotFiles(const std::string& folder) {
    std::vector<std::string> names;
    const auto entries = fs_.List(folder);
    EXPECT_THAT(entries, datalake::testing::IsOk());
    for (const io::DirectoryEntry& entry : *entries) {
      if (entry.name.starts_with('.')) {
        names.push_back(entry.name);
      }
    }
    return names;
  }

  io::MemoryFileSystem fs_;
  datalake::testing::ManualClock clock_;
  SeededRandom random_{5};
  NullProgress progress_;
  std::unique_ptr<Lake> lake_;
};

}  // namespace datalake::lake
