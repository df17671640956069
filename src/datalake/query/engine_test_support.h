#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/parquet.h"
#include "datalake/io/local_file_system.h"
#include "datalake/query/engine.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

// What the tests of the query engine share.
namespace datalake::query {

inline std::shared_ptr<arrow::RecordBatch> Batch(const arrow::FieldVector& fields,
                                                 const std::string& json) {
  const auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), json).ValueOrDie();
  return arrow::RecordBatch::FromStructArray(array).ValueOrDie();
}

// The rows of a reader as text: "1|x|null".
inline Result<std::vector<std::string>> Rows(
    Result<std::shared_ptr<arrow::RecordBatchReader>> reader) {
  if (!reader) {
    return reader.error();
  }
  const auto table = (*reader)->ToTable();
  if (!table.ok()) {
    return format::ArrowError(table.status(), "rows");
  }
  EXPECT_TRUE((*table)->ValidateFull().ok());
  std::vector<std::string> rows;
  for (std::int64_t i = 0; i < (*table)->num_rows(); ++i) {
    std::string row;
    for (const auto& column : (*table)->columns()) {
      row += (row.empty() ? "" : "|") + column->GetScalar(i).ValueOrDie()->ToString();
    }
    rows.push_back(row);
  }
  return rows;
}

class TestViews final : public ViewSource {
 public:
  Result<View> Find(const ViewRequest& request) override {
    last = request;
    const auto found = views.find(request.name);
    if (found == views.end()) {
      return Error{ErrorCode::kNotFound, "no such view: " + request.name.name};
    }
    return found->second;
  }

  Result<std::vector<ViewName>> List() override {
    std::vector<ViewName> names;
    for (const auto& [name, view] : views) {
      names.push_back(name);
    }
    return names;
  }

  std::map<ViewName, View> views;
  ViewRequest last;
};

// A lake folder with one table of three partitions, whose files have older schemas.
class QueryEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.threads = 2;
    options.readable_folders = {folder_.path() + "/catalog"};
    auto engine = QueryEngine::Open(options);
    ASSERT_THAT(engine, datalake::testing::IsOk());
    engine_ = std::move(engine).value();
    ASSERT_THAT(fs_.MakeDirectories(folder_ / "catalog"), datalake::testing::IsOk());
    FileGroup group{
        .schema = arrow::schema(
            {arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8()),
             arrow::field("labels", arrow::utf8()), arrow::field("variant", arrow::utf8())}),
        .partition_columns = {"variant"}};
    group.files.push_back(
        File("a", arrow::int64(),
             R"([{"id": 1, "text": "tissue", "labels": "{\"w\":{\"c\":[\"tissue\", \"x\"]}}"},
                 {"id": 2, "text": "100%", "labels": "not json"}])"));
    group.files.push_back(File("01", arrow::int32(), R"([{"id": 3, "text": "issue", "labels":
                               "{\"w\":{\"c\":\"scalar iss\"}}"}])"));
    views_.views[{"data", "p/d/raw"}] = MakeView(Relation{.files = {group}});
  }

  DataFile File(const std::string& variant, const std::shared_ptr<arrow::DataType>& id_type,
                const std::string& json) {
    const auto batch = Batch({arrow::field("id", id_type), arrow::field("text", arrow::utf8()),
                              arrow::field("labels", arrow::utf8())},
                             json);
    return Write(variant, batch);
  }

  DataFile Write(const std::string& variant, const std::shared_ptr<arrow::RecordBatch>& batch) {
    const std::string path = folder_ / fmt::format("catalog/{}.parquet", count_++);
    auto reader = arrow::RecordBatchReader::Make({batch}).ValueOrDie();
    EXPECT_THAT(format::WriteParquet(fs_, path, *reader), datalake::testing::IsOk());
    return DataFile{.path = path, .partition_values = {variant}};
  }

  Result<std::vector<std::string>> Sql(std::string_view sql, const QueryLimits& limits = {}) {
    return Rows(engine_->Sql(sql, views_, limits));
  }

  Result<std::vector<std::string>> Select(const RowFilter& filter) {
    return Rows(engine_->Select(views_.views[{"data", "p/d/raw"}], filter));
  }

  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  std::unique_ptr<QueryEngine> engine_;
  TestViews views_;
  int count_ = 0;
};

}  // namespace datalake::query
