#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/format/document_reader.h"
#include "datalake/format/parquet.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::format {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

class ParquetDocumentsTest : public ::testing::Test {
 protected:
  void Write(const arrow::FieldVector& fields, const std::string& json) {
    const auto schema = arrow::schema(fields);
    const auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), json).ValueOrDie();
    const auto rows = arrow::RecordBatchReader::Make(
                          {arrow::RecordBatch::FromStructArray(array).ValueOrDie()}, schema)
                          .ValueOrDie();
    ASSERT_THAT(WriteParquet(fs_, "/f.parquet", *rows), IsOk());
  }

  io::MemoryFileSystem fs_;
};

TEST_F(ParquetDocumentsTest, GivesTheSameRowsAsLines) {
  Write({arrow::field("n", arrow::int64()), arrow::field("id", arrow::utf8()),
         arrow::field("text", arrow::large_utf8()), arrow::field("metadata", arrow::utf8())},
        R"([{"n":1,"id":"a","text":"caf\u00e9","metadata":"{\"k\":1}"},
            {"n":2,"id":null,"text":"x","metadata":null},
            {"n":3,"id":"c","text":null,"metadata":null},
            {"n":4,"id":"d","text":"","metadata":null}])");
  const auto reader = OpenDocuments(fs_, "/f.parquet", {.block_bytes = 1});
  ASSERT_THAT(reader, IsOk());
  std::vector<std::string> rows;
  DocumentBatch batch;
  while ((*reader)->Next(batch).value_or(false)) {
    for (const Document& document : batch.documents()) {
      rows.push_back(std::string(document.id) + "|" + std::string(document.text) + "|" +
                     std::string(document.metadata_raw) + "|" + batch.Where(document.line));
    }
    for (const RejectedLine& reject : batch.rejects()) {
      rows.push_back(reject.reason + "|" + batch.Where(reject.line));
    }
  }
  EXPECT_THAT(rows, ::testing::UnorderedElementsAre("a|caf\u00e9|{\"k\":1}|/f.parquet:1",
                                                    "no `id`|/f.parquet:2",
                                                    "no `text`|/f.parquet:3", "d|||/f.parquet:4"));
}

TEST_F(ParquetDocumentsTest, RejectsRowsOverLimit) {
  Write({arrow::field("id", arrow::utf8()), arrow::field("text", arrow::utf8())},
        R"([{"id":"1","text":"12345"},{"id":"2","text":"1234"}])");
  const auto reader = OpenDocuments(fs_, "/f.parquet", {.max_line_bytes = 4});
  ASSERT_THAT(reader, IsOk());
  DocumentBatch batch;
  ASSERT_THAT((*reader)->Next(batch), IsOk());
  ASSERT_EQ(batch.rejects().size(), 1U);
  EXPECT_EQ(batch.rejects()[0].reason, "value longer than 4 bytes");
  EXPECT_EQ(batch.documents().size(), 1U);
}

TEST_F(ParquetDocumentsTest, RefusesWrongColumns) {
  Write({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8())},
        R"([{"id":1,"text":"x"}])");
  EXPECT_THAT(OpenDocuments(fs_, "/f.parquet"),
              IsError(ErrorCode::kInvalidArgument, "string column `id`, not int64: /f.parquet"));
}

TEST_F(ParquetDocumentsTest, RefusesMissingColumns) {
  Write({arrow::field("id", arrow::utf8())}, R"([{"id":"1"}])");
  EXPECT_THAT(OpenDocuments(fs_, "/f.parquet"),
              IsError(ErrorCode::kInvalidArgument, "string column `text`"));
}

}  // namespace
}  // namespace datalake::format
