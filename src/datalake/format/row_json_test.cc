#include "datalake/format/row_json.h"

#include <limits>
#include <string>
#include <vector>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::format {
namespace {

using ::datalake::testing::IsOk;

std::string JsonOf(const arrow::Array& column, std::int64_t row, RowJsonOptions options = {}) {
  std::string out;
  EXPECT_THAT(AppendValueJson(column, row, options, out), IsOk());
  return out;
}

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> ArrayOf(Builder builder, const std::vector<Value>& values) {
  for (const Value& value : values) {
    EXPECT_TRUE(builder.Append(value).ok());
  }
  EXPECT_TRUE(builder.AppendNull().ok());
  return *builder.Finish();
}

TEST(RowJsonTest, WritesNumbersExactly) {
  const auto ints =
      ArrayOf(arrow::Int64Builder(), std::vector<std::int64_t>{1, (std::int64_t{1} << 53) + 1});
  EXPECT_EQ(JsonOf(*ints, 0), "1");
  EXPECT_EQ(JsonOf(*ints, 1), "9007199254740993");
  EXPECT_EQ(JsonOf(*ints, 1, {.big_integers_as_text = true}), "\"9007199254740993\"");
  EXPECT_EQ(JsonOf(*ints, 2), "null");
  const auto doubles = ArrayOf(
      arrow::DoubleBuilder(), std::vector<double>{1, 0.1, std::numeric_limits<double>::infinity()});
  EXPECT_EQ(JsonOf(*doubles, 0), "1.0");
  EXPECT_EQ(JsonOf(*doubles, 1), "0.1");
  EXPECT_EQ(JsonOf(*doubles, 2), "\"Infinity\"");
  const auto floats = ArrayOf(arrow::FloatBuilder(), std::vector<float>{0.1F, 3});
  EXPECT_EQ(JsonOf(*floats, 0), "0.1");
  EXPECT_EQ(JsonOf(*floats, 1), "3.0");
}

TEST(RowJsonTest, WritesTextBytesAndTimes) {
  EXPECT_EQ(JsonOf(*ArrayOf(arrow::StringBuilder(), std::vector<std::string>{"a\"\n\xff"}), 0),
            "\"a\\\"\\n\xEF\xBF\xBD\"");
  const auto bytes =
      ArrayOf(arrow::BinaryBuilder(), std::vector<std::string>{"", "f", "fo", "foo", "foob"});
  EXPECT_EQ(JsonOf(*bytes, 0), "\"\"");
  EXPECT_EQ(JsonOf(*bytes, 1), "\"Zg==\"");
  EXPECT_EQ(JsonOf(*bytes, 2), "\"Zm8=\"");
  EXPECT_EQ(JsonOf(*bytes, 3), "\"Zm9v\"");
  EXPECT_EQ(JsonOf(*bytes, 4), "\"Zm9vYg==\"");
  const auto times = ArrayOf(arrow::TimestampBuilder(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"),
                                                     arrow::default_memory_pool()),
                             std::vector<std::int64_t>{1'500, -1});
  EXPECT_EQ(JsonOf(*times, 0), "\"1970-01-01T00:00:00.000001Z\"");
  EXPECT_EQ(JsonOf(*times, 1), "\"1969-12-31T23:59:59.999999Z\"");
  EXPECT_EQ(JsonOf(*ArrayOf(arrow::Date32Builder(), std::vector<std::int32_t>{20'000}), 0),
            "\"2024-10-04\"");
}

TEST(RowJsonTest, WritesNestedValuesOfSlices) {
  const auto type = arrow::struct_(
      {arrow::field("a", arrow::int32()), arrow::field("b", arrow::list(arrow::utf8()))});
  auto a = std::make_shared<arrow::Int32Builder>();
  auto text = std::make_shared<arrow::StringBuilder>();
  auto b = std::make_shared<arrow::ListBuilder>(arrow::default_memory_pool(), text);
  arrow::StructBuilder builder(type, arrow::default_memory_pool(), {a, b});
  for (int row = 0; row < 3; ++row) {
    ASSERT_TRUE(builder.Append().ok());
    ASSERT_TRUE((row == 1 ? a->AppendNull() : a->Append(row)).ok());
    ASSERT_TRUE(b->Append().ok());
    ASSERT_TRUE(text->Append(std::to_string(row)).ok());
  }
  const std::shared_ptr<arrow::Array> column = *builder.Finish();
  const auto sliced = column->Slice(1);
  EXPECT_EQ(JsonOf(*sliced, 0), R"({"a":null,"b":["1"]})");
  EXPECT_EQ(JsonOf(*sliced, 0, {.skip_null_members = true}), R"({"b":["1"]})");
  EXPECT_EQ(JsonOf(*sliced, 1), R"({"a":2,"b":["2"]})");
  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("s", type)}), 2, {sliced});
  std::string out;
  ASSERT_THAT(AppendRowJson(*batch, 1, {}, out), IsOk());
  EXPECT_EQ(out, R"({"s":{"a":2,"b":["2"]}})");
}

}  // namespace
}  // namespace datalake::format
