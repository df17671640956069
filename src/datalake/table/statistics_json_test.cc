#include "datalake/table/statistics_json.h"

#include <limits>

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace datalake::table {
namespace {

using format::ColumnStatistics;
using format::WrittenFile;

constexpr char kGreatest[] = "\xF4\x8F\xBF\xBF";

std::string Json(const std::shared_ptr<arrow::Scalar>& min,
                 const std::shared_ptr<arrow::Scalar>& max) {
  return StatisticsToJson({.num_rows = 2, .columns = {{.path = {"c"}, .min = min, .max = max}}});
}

std::string Expected(const std::string& min, const std::string& max) {
  const auto object = [](const std::string& value) {
    return value.empty() ? std::string("{}") : "{\"c\":" + value + "}";
  };
  return "{\"numRecords\":2,\"minValues\":" + object(min) + ",\"maxValues\":" + object(max) +
         ",\"nullCount\":{\"c\":0}}";
}

std::string TextBounds(const std::string& min, const std::string& max) {
  return Json(std::make_shared<arrow::StringScalar>(min),
              std::make_shared<arrow::StringScalar>(max));
}

TEST(StatisticsJsonTest, CutsLongTextAndRaisesItsMaximum) {
  const std::string x(32, 'x');
  EXPECT_EQ(TextBounds(x, x), Expected('"' + x + '"', '"' + x + '"'));
  EXPECT_EQ(TextBounds(x + "y", x + "y"), Expected('"' + x + '"', '"' + x + kGreatest + '"'));
}

TEST(StatisticsJsonTest, CutsAtACodePoint) {
  std::string umlauts;
  for (int i = 0; i < 33; ++i) {
    umlauts += "ü";
  }
  const std::string cut = umlauts.substr(0, 64);
  EXPECT_EQ(TextBounds(umlauts, umlauts), Expected('"' + cut + '"', '"' + cut + kGreatest + '"'));
}

TEST(StatisticsJsonTest, LeavesOutAMaximumThatCannotBeRaised) {
  const std::string x(32, 'x');
  EXPECT_EQ(TextBounds(x, x + kGreatest + "z"), Expected('"' + x + '"', ""));
}

TEST(StatisticsJsonTest, LeavesOutTextThatIsNoUtf8) {
  EXPECT_EQ(TextBounds("a", "\xFF"), Expected("\"a\"", ""));
}

TEST(StatisticsJsonTest, WritesDecimalsAsNumbers) {
  const auto type = arrow::decimal128(10, 2);
  EXPECT_EQ(Json(std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128(-150), type),
                 std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128(9999999999), type)),
            Expected("-1.50", "99999999.99"));
}

TEST(StatisticsJsonTest, WritesTimesAsText) {
  const auto type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  EXPECT_EQ(Json(std::make_shared<arrow::TimestampScalar>(-1, type),
                 std::make_shared<arrow::TimestampScalar>(1'767'225'600'000'001, type)),
            Expected("\"1969-12-31T23:59:59.999999Z\"", "\"2026-01-01T00:00:00.000001Z\""));
  EXPECT_EQ(
      Json(std::make_shared<arrow::Date32Scalar>(0), std::make_shared<arrow::Date32Scalar>(31)),
      Expected("\"1970-01-01\"", "\"1970-02-01\""));
}

TEST(StatisticsJsonTest, LeavesOutWhatReadersCannotParse) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Json(std::make_shared<arrow::DoubleScalar>(0.5),
                 std::make_shared<arrow::DoubleScalar>(infinity)),
            Expected("0.5", ""));
  const auto type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  EXPECT_EQ(
      Json(
          std::make_shared<arrow::TimestampScalar>(std::numeric_limits<std::int64_t>::min(), type),
          std::make_shared<arrow::TimestampScalar>(std::numeric_limits<std::int64_t>::max(), type)),
      Expected("", ""));
}

TEST(StatisticsJsonTest, NestsStructs) {
  const auto one = std::make_shared<arrow::Int64Scalar>(1);
  const WrittenFile file{.num_rows = 1,
                         .columns = {{.path = {"a", "x"}, .min = one, .max = one},
                                     {.path = {"a", "y", "z"}, .null_count = 1},
                                     {.path = {"b"}, .null_count = 1}}};
  EXPECT_EQ(StatisticsToJson(file),
            R"({"numRecords":1,"minValues":{"a":{"x":1}},"maxValues":{"a":{"x":1}},)"
            R"("nullCount":{"a":{"x":0,"y":{"z":1}},"b":1}})");
}

TEST(StatisticsJsonTest, CoversTheFirst32Columns) {
  WrittenFile file{.num_rows = 1};
  for (int i = 0; i < 40; ++i) {
    file.columns.push_back({.path = {"c" + std::to_string(i)}});
  }
  const std::string json = StatisticsToJson(file);
  EXPECT_NE(json.find("\"c31\""), std::string::npos);
  EXPECT_EQ(json.find("\"c32\""), std::string::npos);
}

TEST(StatisticsJsonTest, FindsTheRowCountOfAnyWriter) {
  EXPECT_EQ(NumRecordsOf(R"({"numRecords":17,"minValues":{}})"), 17);
  EXPECT_EQ(NumRecordsOf(R"({"minValues":{}, "numRecords": 5})"), 5);
  EXPECT_EQ(NumRecordsOf(R"({"numRecords":1.5})"), -1);
  EXPECT_EQ(NumRecordsOf(R"({"numRecords":-3})"), -1);
  EXPECT_EQ(NumRecordsOf(""), -1);
  EXPECT_EQ(NumRecordsOf("[1"), -1);
}

}  // namespace
}  // namespace datalake::table
