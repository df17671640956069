#include "datalake/table/schema_json.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/table/column_cast.h"
#include "datalake/table/schema_json_internal.h"
#include "datalake/table/schema_merge.h"
#include "datalake/testing/matchers.h"

namespace datalake::table {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::HasSubstr;

std::string DeltaType(const std::shared_ptr<arrow::DataType>& type) {
  auto schema = ToDeltaSchema(*arrow::schema({arrow::field("c", type)}));
  return schema ? (*schema)->field(0)->type()->ToString() : schema.error().message;
}

TEST(SchemaJsonTest, MapsTypesThatDeltaLacks) {
  EXPECT_EQ(DeltaType(arrow::uint8()), "int16");
  EXPECT_EQ(DeltaType(arrow::uint16()), "int32");
  EXPECT_EQ(DeltaType(arrow::uint32()), "int64");
  EXPECT_EQ(DeltaType(arrow::uint64()), "decimal128(20, 0)");
  EXPECT_EQ(DeltaType(arrow::float16()), "float");
  EXPECT_EQ(DeltaType(arrow::large_utf8()), "string");
  EXPECT_EQ(DeltaType(arrow::fixed_size_binary(3)), "binary");
  EXPECT_EQ(DeltaType(arrow::date64()), "date32[day]");
  EXPECT_EQ(DeltaType(arrow::timestamp(arrow::TimeUnit::NANO)), "timestamp[us, tz=UTC]");
  EXPECT_EQ(DeltaType(arrow::dictionary(arrow::int8(), arrow::large_utf8())), "string");
  EXPECT_EQ(DeltaType(arrow::fixed_size_list(arrow::uint8(), 4)), "list<element: int16>");
  EXPECT_EQ(DeltaType(arrow::null()), "string");
}

TEST(SchemaJsonTest, NamesColumnsOfTypesThatHaveNoPlace) {
  for (const auto& type :
       {arrow::time32(arrow::TimeUnit::SECOND), arrow::duration(arrow::TimeUnit::MICRO),
        arrow::month_interval(), arrow::decimal256(40, 2)}) {
    const auto nested =
        arrow::schema({arrow::field("a", arrow::struct_({arrow::field("b", arrow::list(type))}))});
    EXPECT_THAT(ToDeltaSchema(*nested), IsError(ErrorCode::kUnsupported, "a.b"));
  }
}

TEST(SchemaJsonTest, NotesTheTypeThatWasChanged) {
  auto schema = *ToDeltaSchema(*arrow::schema({arrow::field("c", arrow::uint8())}));
  EXPECT_THAT(*SchemaToJson(*schema), HasSubstr(R"("datalake.arrow_type":"uint8")"));
  auto plain = *ToDeltaSchema(*arrow::schema({arrow::field("c", arrow::int64())}));
  EXPECT_THAT(*SchemaToJson(*plain), HasSubstr(R"("metadata":{})"));
}

TEST(SchemaJsonTest, ComesBackFromJson) {
  const auto schema = arrow::schema(
      {arrow::field("i", arrow::int64(), false), arrow::field("d", arrow::decimal128(12, 3)),
       arrow::field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       arrow::field("s", arrow::struct_({arrow::field("b", arrow::int8())}), true,
                    arrow::key_value_metadata({"note"}, {"kept"})),
       arrow::field("l", arrow::list(arrow::field("element", arrow::utf8(), false))),
       arrow::field("m", arrow::map(arrow::utf8(),
                                    arrow::list(arrow::field("element", arrow::float64()))))});
  auto json = SchemaToJson(*schema);
  ASSERT_THAT(json, IsOk());
  auto back = SchemaFromJson(*json, "test");
  ASSERT_THAT(back, IsOk());
  EXPECT_TRUE((*back)->Equals(*schema, /*check_metadata=*/true)) << (*back)->ToString(true);
}

TEST(SchemaJsonTest, ReadsWhatSparkWrites) {
  auto schema = SchemaFromJson(
      R"json({"type":"struct","fields":[{"name":"a b","type":"decimal(38, 18)","nullable":false,"metadata":{"comment":"x","n":7}},{"name":"v","type":"timestamp_ntz","nullable":true,"metadata":{}}]
})json",
      "spark");
  ASSERT_THAT(schema, IsOk());
  EXPECT_EQ((*schema)->field(0)->type()->ToString(), "decimal128(38, 18)");
  EXPECT_EQ(*(*schema)->field(0)->metadata()->Get("n"), "7");
  EXPECT_EQ((*schema)->field(1)->type()->ToString(), "timestamp[us]");
}

TEST(SchemaJsonTest, RefusesBrokenSchemas) {
  EXPECT_THAT(SchemaFromJson("{", "f"), IsError(ErrorCode::kCorruption, "f"));
  EXPECT_THAT(SchemaFromJson(R"({"type":"struct"})", "f"), IsError(ErrorCode::kCorruption, "f"));
  EXPECT_THAT(SchemaFromJson(R"({"fields":[{"name":"c","type":"variant"}]})", "f"),
              IsError(ErrorCode::kUnsupported, "c"));
  EXPECT_THAT(SchemaFromJson(R"json({"fields":[{"name":"c","type":"decimal(99,1)"}]})json", "f"),
              IsError(ErrorCode::kCorruption, "c"));
}

TEST(SchemaJsonTest, AppendsColumnsAndKeepsTheRest) {
  const std::string json =
      R"({"type":"struct","fields":[{"name":"a","type":"long","nullable":true,"metadata":{"n":7}}]})";
  const auto wider = ChangeSchemaJson(
      json, {.added = {arrow::field("b", arrow::utf8(), false)}, .widened = {}}, "t");
  ASSERT_THAT(wider, IsOk());
  EXPECT_THAT(*wider, HasSubstr(R"("metadata":{"n":7})"));
  EXPECT_THAT(*wider, HasSubstr(R"({"name":"b","type":"string","nullable":true)"));
}

TEST(SchemaJsonTest, ChecksNamesOfNestedFields) {
  const auto bad = arrow::schema(
      {arrow::field("a", arrow::list(arrow::struct_({arrow::field("x y", arrow::int64())})))});
  EXPECT_THAT(CheckColumnNames(*bad), IsError(ErrorCode::kInvalidArgument, "x y"));
  const auto twice =
      arrow::schema({arrow::field("a", arrow::struct_({arrow::field("x", arrow::int64()),
                                                       arrow::field("X", arrow::int64())}))});
  EXPECT_THAT(CheckColumnNames(*twice), IsError(ErrorCode::kInvalidArgument, "a.X"));
}

TEST(ColumnCastTest, WidensOnlyWithoutLoss) {
  EXPECT_TRUE(CanWiden(*arrow::int16(), *arrow::int64()));
  EXPECT_FALSE(CanWiden(*arrow::int64(), *arrow::int16()));
  EXPECT_FALSE(CanWiden(*arrow::int64(), *arrow::float64()));
  EXPECT_TRUE(CanWiden(*arrow::null(), *arrow::utf8()));
  EXPECT_TRUE(CanWiden(*arrow::list(arrow::int8()), *arrow::list(arrow::int32())));
  EXPECT_FALSE(CanWiden(*arrow::struct_({arrow::field("a", arrow::int8())}),
                        *arrow::struct_({arrow::field("b", arrow::int8())})));
}

}  // namespace
}  // namespace datalake::table
