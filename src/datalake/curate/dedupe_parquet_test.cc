// Documents in Parquet.
#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "datalake/curate/dedupe.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

class DedupeParquetTest : public ::testing::Test {
 protected:
  void WriteDocuments(const std::string& rows) {
    const arrow::FieldVector fields = {
        arrow::field("id", arrow::utf8()), arrow::field("text", arrow::utf8()),
        arrow::field("source", arrow::utf8()), arrow::field("metadata", arrow::utf8())};
    const auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), rows).ValueOrDie();
    const auto reader =
        arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()},
                                       arrow::schema(fields))
            .ValueOrDie();
    ASSERT_THAT(format::WriteParquet(fs_, "/c/documents/a.parquet", *reader), IsOk());
  }

  Result<DedupeReport> Run(const std::string& key) {
    DedupeOptions options;
    options.documents = {"/c/documents/*"};
    options.attribute_name = "dup";
    options.key = key;
    options.compression = "none";
    const testing::ManualClock clock;
    NullProgress progress;
    return RunDedupe(options, {fs_, clock, progress, 2, {}});
  }

  io::MemoryFileSystem fs_;
};

TEST_F(DedupeParquetTest, KeyMayBeAnyColumnOrPartOfTheMetadata) {
  WriteDocuments(R"([["1","a","s","{\"url\":\"u\"}"],["2","b","s","{\"url\":\"u\"}"],)"
                 R"(["1","a","t","{\"url\":\"v\"}"]])");
  const auto read = [&] {
    return io::ReadFile(fs_, "/c/attributes/dup/a.jsonl", 1 << 20).value_or("not there");
  };
  ASSERT_THAT(Run("$.text"), IsOk());
  EXPECT_EQ(read(),
            "{\"attributes\":{},\"id\":\"1\"}\n{\"attributes\":{},\"id\":\"2\"}\n"
            "{\"attributes\":{\"dup\":[[0,1,1]]},\"id\":\"1\"}\n");
  ASSERT_THAT(Run("$.metadata.url"), IsOk());
  EXPECT_EQ(read(),
            "{\"attributes\":{},\"id\":\"1\"}\n"
            "{\"attributes\":{\"dup\":[[0,1,1]]},\"id\":\"2\"}\n"
            "{\"attributes\":{},\"id\":\"1\"}\n");
  ASSERT_THAT(Run("$.source"), IsOk());
  EXPECT_EQ(read(),
            "{\"attributes\":{},\"id\":\"1\"}\n"
            "{\"attributes\":{\"dup\":[[0,1,1]]},\"id\":\"2\"}\n"
            "{\"attributes\":{},\"id\":\"1\"}\n");
  EXPECT_THAT(Run("$.metadata.none"),
              IsError(ErrorCode::kInvalidArgument, "no string at the key $.metadata.none"));
}

}  // namespace
}  // namespace datalake::curate
