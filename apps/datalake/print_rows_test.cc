#include "apps/datalake/print_rows.h"

#include <string>

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/local_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::apps {
namespace {

using ::datalake::testing::IsOkAndHolds;

std::string Cell(const std::shared_ptr<arrow::DataType>& type, const std::string& json,
                 std::size_t max_chars = 60) {
  const auto array = arrow::json::ArrayFromJSONString(type, "[" + json + "]").ValueOrDie();
  const auto text = CellText(*array, 0, max_chars);
  return text ? *text : ToString(text.error());
}

TEST(CellTextTest, ShowsValuesOnOneLine) {
  EXPECT_EQ(Cell(arrow::utf8(), "\"a\\nb\\u0001\""), "a\\nb\\x01");
  EXPECT_EQ(Cell(arrow::utf8(), "null"), "null");
  EXPECT_EQ(Cell(arrow::int64(), "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(Cell(arrow::list(arrow::utf8()), R"(["x", null])"), R"(["x",null])");
  EXPECT_EQ(Cell(arrow::struct_({arrow::field("a", arrow::int32())}), R"({"a": 1})"), R"({"a":1})");
  EXPECT_EQ(Cell(arrow::date32(), "1"), "1970-01-02");
}

TEST(CellTextTest, CutsByCodePoints) {
  EXPECT_EQ(Cell(arrow::utf8(), "\"ééééé\"", 5), "ééééé");
  EXPECT_EQ(Cell(arrow::utf8(), "\"éééééé\"", 5), "éééé…");
}

TEST(PrintRowsTest, PrintsATableForPeople) {
  const GlobalOptions options;
  io::LocalFileSystem fs;
  testing::ManualClock clock;
  SystemRandom random;
  NullProgress progress;
  const Context context{options, fs, clock, random, progress, {}};
  const auto type =
      arrow::struct_({arrow::field("name", arrow::utf8()), arrow::field("n", arrow::int64())});
  const auto array = arrow::json::ArrayFromJSONString(
                         type, R"([{"name": "é", "n": 5}, {"name": "long", "n": 10}])")
                         .ValueOrDie();
  const auto reader =
      arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()})
          .ValueOrDie();
  ::testing::internal::CaptureStdout();
  EXPECT_THAT(PrintRows(context, *reader), IsOkAndHolds(2));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "name   n\n----  --\né      5\nlong  10\n");
}

TEST(PrintRowsTest, PrintsJsonLinesForMachines) {
  GlobalOptions options;
  options.json = true;
  io::LocalFileSystem fs;
  testing::ManualClock clock;
  SystemRandom random;
  NullProgress progress;
  const Context context{options, fs, clock, random, progress, {}};
  const auto type =
      arrow::struct_({arrow::field("a", arrow::utf8()), arrow::field("big", arrow::int64()),
                      arrow::field("d", arrow::decimal128(5, 2))});
  const auto array = arrow::json::ArrayFromJSONString(
                         type, R"([{"a": "x\ty", "big": 9007199254740993, "d": "1.50"}])")
                         .ValueOrDie();
  const auto reader =
      arrow::RecordBatchReader::Make({arrow::RecordBatch::FromStructArray(array).ValueOrDie()})
          .ValueOrDie();
  ::testing::internal::CaptureStdout();
  EXPECT_THAT(PrintRows(context, *reader), IsOkAndHolds(1));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "{\"a\":\"x\\ty\",\"big\":\"9007199254740993\",\"d\":\"1.50\"}\n");
}

}  // namespace
}  // namespace datalake::apps
