#include "datalake/curate/attribute_reader.h"

#include <memory>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/output_file.h"
#include "datalake/format/parquet.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;

class AttributeReaderTest : public ::testing::Test {
 protected:
  void WriteLines(std::string_view path, std::string_view text) {
    auto file = OutputFile::Make(fs_, path);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT(file->Write(text), IsOk());
    ASSERT_THAT(file->Publish(), IsOk());
  }

  void WriteRows(const arrow::FieldVector& fields, const std::string& json) {
    const auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), json).ValueOrDie();
    const auto rows =
        arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()},
                                       arrow::schema(fields))
            .ValueOrDie();
    ASSERT_THAT(format::WriteParquet(fs_, "/a.parquet", *rows), IsOk());
  }

  // All rows, read in pieces of `max_rows`.
  Result<std::vector<std::string>> ReadAll(std::string_view path, std::uint64_t max_rows) {
    DATALAKE_TRY_ASSIGN(const auto reader, AttributeReader::Open(fs_, path));
    std::vector<std::string> rows;
    AttributeBatch batch;
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::uint64_t count, reader->Read(max_rows, batch));
      EXPECT_EQ(batch.num_rows(), count);
      EXPECT_EQ(batch.first_row(), rows.size() + 1);
      if (count == 0) {
        return rows;
      }
      DATALAKE_TRY(reader->Decode(batch));
      EXPECT_EQ(batch.rows().size(), count);
      rows.insert(rows.end(), batch.rows().begin(), batch.rows().end());
    }
  }

  static std::shared_ptr<arrow::DataType> Spans() {
    return arrow::list(
        arrow::struct_({arrow::field("start", arrow::int64()), arrow::field("end", arrow::int64()),
                        arrow::field("score", arrow::float64())}));
  }

  io::MemoryFileSystem fs_;
};

TEST_F(AttributeReaderTest, GivesLinesAsTheyAre) {
  for (const std::string path : {"/a.jsonl", "/a.jsonl.gz", "/a.json.zst", "/a.jsonl.zstd"}) {
    WriteLines(path, "{\"id\":\"1\",\"attributes\":{}}\n\n{\"id\": 3}");
    for (const std::uint64_t max_rows : {1, 2, 100}) {
      const auto rows = ReadAll(path, max_rows);
      ASSERT_THAT(rows, IsOk());
      EXPECT_THAT(*rows, ElementsAre("{\"id\":\"1\",\"attributes\":{}}", "", "{\"id\": 3}"));
    }
  }
}

TEST_F(AttributeReaderTest, CrossesBlocksOfLines) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) {
    text += "{\"id\":\"" + std::to_string(i) + "\",\"attributes\":{\"k\":[[0,1,0.5]]}}\n";
  }
  WriteLines("/a.jsonl.zst", text);
  for (const std::uint64_t max_rows : {7, 9'999, 100'000}) {
    const auto rows = ReadAll("/a.jsonl.zst", max_rows);
    ASSERT_THAT(rows, IsOk());
    std::string joined;
    for (const std::string& row : *rows) {
      joined += row + "\n";
    }
    EXPECT_EQ(joined, text);
  }
}

TEST_F(AttributeReaderTest, RendersParquetRows) {
  WriteRows(
      {arrow::field("id", arrow::utf8()), arrow::field("source", arrow::utf8()),
       arrow::field("e__t__a", Spans()), arrow::field("e__t__b", Spans())},
      R"([{"id":"x\"","source":"s","e__t__a":[[0,9007199254740993,0.33333],[5,6,1.0]],"e__t__b":[]},
                {"id":null,"source":null,"e__t__a":null,"e__t__b":null},
                {"id":"z","source":"s","e__t__a":null,"e__t__b":[[0,1,1e-5],[0,1,1.2345678]]}])");
  for (const std::uint64_t max_rows : {1, 2, 100}) {
    const auto rows = ReadAll("/a.parquet", max_rows);
    ASSERT_THAT(rows, IsOk());
    EXPECT_THAT(
        *rows,
        ElementsAre("{\"id\":\"x\\\"\",\"attributes\":{\"e__t__a\":"
                    "[[0,9007199254740993,0.33333],[5,6,1.0]],\"e__t__b\":[]},"
                    "\"source\":\"s\"}",
                    "{\"id\":null,\"attributes\":{},\"source\":null}",
                    "{\"id\":\"z\",\"attributes\":{\"e__t__b\":[[0,1,0.00001],[0,1,1.2345678]]},"
                    "\"source\":\"s\"}"));
  }
}

TEST_F(AttributeReaderTest, RefusesOtherColumns) {
  WriteRows({arrow::field("id", arrow::utf8()), arrow::field("n", arrow::int64())},
            R"([{"id":"x","n":1}])");
  EXPECT_THAT(ReadAll("/a.parquet", 1),
              IsError(ErrorCode::kInvalidArgument, "/a.parquet: n int64"));
}

TEST_F(AttributeReaderTest, RefusesParquetWithoutIds) {
  WriteRows({arrow::field("k", Spans())}, R"([{"k":[]}])");
  EXPECT_THAT(ReadAll("/a.parquet", 1), IsError(ErrorCode::kInvalidArgument, "column `id`"));
}

TEST_F(AttributeReaderTest, NamesMissingFile) {
  EXPECT_THAT(ReadAll("/no.jsonl.gz", 1), IsError(ErrorCode::kNotFound, "/no.jsonl.gz"));
  EXPECT_THAT(ReadAll("/no.parquet", 1), IsError(ErrorCode::kNotFound, "/no.parquet"));
}

}  // namespace
}  // namespace datalake::curate
