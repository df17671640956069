#include <string>

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/mix.h"
#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MixParquetTest : public ::testing::Test {
 protected:
  void WriteRows(std::string_view path, const arrow::FieldVector& fields, const std::string& json) {
    const auto array = arrow::json::ArrayFromJSONString(arrow::struct_(fields), json).ValueOrDie();
    const auto rows =
        arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()},
                                       arrow::schema(fields))
            .ValueOrDie();
    ASSERT_THAT(format::WriteParquet(fs_, path, *rows), IsOk());
  }

  void WriteDocuments(const std::string& rows) {
    WriteRows("/c/documents/a.parquet",
              {arrow::field("id", arrow::utf8()), arrow::field("text", arrow::utf8()),
               arrow::field("source", arrow::utf8()), arrow::field("metadata", arrow::utf8())},
              rows);
  }

  Result<MixReport> Run(std::uint64_t max_rejects = 0) {
    MixStream stream;
    stream.name = "s";
    stream.documents = {"/c/documents/*"};
    stream.attributes = {"x"};
    stream.exclude = {"$.attributes[?(@.q[0][2] > 0.5)]"};
    stream.output_path = "/out";
    stream.compression = "none";
    MixOptions options;
    options.streams = {stream};
    options.max_rejects = max_rejects;
    options.is_sharded = is_sharded_;
    const testing::ManualClock clock;
    NullProgress progress;
    return RunMix(options, {fs_, clock, progress, 2, {}});
  }

  std::string Read(std::string_view path) {
    return io::ReadFile(fs_, path, 1 << 20).value_or("not there");
  }

  io::MemoryFileSystem fs_;
  bool is_sharded_ = true;
};

const auto kSpans = [] {
  return arrow::list(
      arrow::struct_({arrow::field("start", arrow::int64()), arrow::field("end", arrow::int64()),
                      arrow::field("score", arrow::float64())}));
};

TEST_F(MixParquetTest, ReadsDocumentsAndAttributes) {
  WriteDocuments(
      R"([{"id":"a","text":"one \"two\"","source":"s","metadata":"{\"k\":\n [1]}"},
          {"id":"b","text":"x","source":null,"metadata":null},
          {"id":"c","text":"y","source":"s","metadata":null}])");
  WriteRows("/c/attributes/x/a.parquet",
            {arrow::field("id", arrow::utf8()), arrow::field("q", kSpans())},
            R"([{"id":"a","q":[[0,1,0.25]]},{"id":"b","q":[[0,1,1.0]]},{"id":"c","q":null}])");
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(Read("/out/s-0000.jsonl"),
            "{\"id\":\"a\",\"text\":\"one \\\"two\\\"\",\"source\":\"s\",\"metadata\":{\"k\":  [1],"
            "\"provenance\":\"a.parquet:1\"},\"attributes\":{\"q\":[[0,1,0.25]]}}\n"
            "{\"id\":\"c\",\"text\":\"y\",\"source\":\"s\",\"attributes\":{},\"metadata\":"
            "{\"provenance\":\"a.parquet:3\"}}\n");
  is_sharded_ = false;
  EXPECT_THAT(Run()->outputs, ElementsAre("/out/documents/a.jsonl"));
}

TEST_F(MixParquetTest, AttributesOfLinesMayBeParquetAndTheOtherWayRound) {
  WriteDocuments(R"([{"id":"a","text":"x","source":null,"metadata":null}])");
  ASSERT_THAT(io::ReplaceFile(fs_, "/c/attributes/x/a.jsonl",
                              "{\"id\":\"a\",\"attributes\":{\"q\":[[0,1,0.5]]}}\n"),
              IsOk());
  EXPECT_EQ(Run()->streams[0].written, 1U);
  ASSERT_THAT(fs_.Remove("/c/documents/a.parquet"), IsOk());
  ASSERT_THAT(fs_.Remove("/c/attributes/x/a.jsonl"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, "/c/documents/a.jsonl", "{\"id\":\"a\",\"text\":\"x\"}\n"),
              IsOk());
  WriteRows("/c/attributes/x/a.parquet",
            {arrow::field("id", arrow::utf8()), arrow::field("q", kSpans())},
            R"([{"id":"a","q":[[0,1,0.75]]}])");
  EXPECT_EQ(Run()->streams[0].filtered, 1U);
}

TEST_F(MixParquetTest, BadRowsAreRejects) {
  WriteDocuments(
      R"([{"id":"a","text":null,"source":null,"metadata":null},
          {"id":"b","text":"x","source":null,"metadata":"{},\"text\":\"other\""},
          {"id":"c","text":"z","source":null,"metadata":"{}"}])");
  WriteRows("/c/attributes/x/a.parquet",
            {arrow::field("id", arrow::utf8()), arrow::field("q", kSpans())},
            R"([{"id":null,"q":null},{"id":"b","q":null},{"id":"c","q":null}])");
  EXPECT_THAT(Run(), IsError(ErrorCode::kInvalidArgument, "/c/documents/a.parquet:1"));
  const Result<MixReport> report = Run(2);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->streams[0].written, 1U);
  EXPECT_EQ(report->streams[0].rejected, 2U);
  EXPECT_THAT(Read("/out/rejects/s-0000.jsonl.jsonl"), HasSubstr("metadata is no JSON"));
}

}  // namespace
}  // namespace datalake::curate
