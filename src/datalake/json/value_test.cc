#include "datalake/json/value.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOkAndHolds;

Value Parsed(std::string_view text) {
  Result<Value> value = ParseValue(text, "test");
  EXPECT_TRUE(value.has_value());
  return value ? *value : Value();
}

TEST(ParseValueTest, RefusesZeroByte) {
  EXPECT_THAT(ParseValue(std::string_view("{}\0garbage", 10), "w"),
              IsError(ErrorCode::kInvalidArgument, "w: bad JSON at byte 2: zero byte"));
}

TEST(ValueTest, ParseKeepsTheOrderOfKeys) {
  EXPECT_EQ(DumpValue(Parsed(R"( {"z":1,"a":[1.5,"é",null]} )")), R"({"z":1,"a":[1.5,"é",null]})");
}

TEST(ValueTest, ParseErrorNamesPlaceAndOffset) {
  EXPECT_THAT(ParseValue(R"({"a":)", "job.json"),
              IsError(ErrorCode::kInvalidArgument, "job.json: bad JSON at byte 5"));
  EXPECT_THAT(ParseValue("", "body"), IsError(ErrorCode::kInvalidArgument, "body: bad JSON"));
  EXPECT_THAT(ParseValue("\"\xff\"", "body"),
              IsError(ErrorCode::kInvalidArgument, "body: bad JSON at byte 1"));
  EXPECT_THAT(ParseValue("1e999", "body"), IsError(ErrorCode::kInvalidArgument, "body: bad JSON"));
}

TEST(ValueTest, ParseRefusesDeepNesting) {
  const std::string deep = std::string(kMaxDepth + 1, '[') + std::string(kMaxDepth + 1, ']');
  EXPECT_THAT(ParseValue(deep, "body"), IsError(ErrorCode::kInvalidArgument, "nested deeper"));
  const std::string ok = std::string(kMaxDepth, '[') + std::string(kMaxDepth, ']');
  EXPECT_TRUE(ParseValue(ok, "body").has_value());
  EXPECT_TRUE(ParseValue("\"" + std::string(kMaxDepth + 1, '[') + "\"", "body").has_value());
}

TEST(ValueTest, GettersCheckTypesAndRanges) {
  const Value object =
      Parsed(R"({"s":"x","i":-3,"big":18446744073709551615,"d":1.0,"b":true,"n":null})");
  EXPECT_THAT(GetString(object, "s", "w"), IsOkAndHolds(std::string("x")));
  EXPECT_THAT(GetInt(object, "i", "w"), IsOkAndHolds(-3));
  EXPECT_THAT(GetUint(object, "big", "w"), IsOkAndHolds(18446744073709551615ULL));
  EXPECT_THAT(GetDouble(object, "i", "w"), IsOkAndHolds(-3.0));
  EXPECT_THAT(GetBool(object, "b", "w"), IsOkAndHolds(true));
  EXPECT_THAT(GetInt(object, "big", "w"),
              IsError(ErrorCode::kInvalidArgument, "w: big is out of range"));
  EXPECT_THAT(GetUint(object, "i", "w"),
              IsError(ErrorCode::kInvalidArgument, "w: i is out of range: -3"));
  EXPECT_THAT(GetInt(object, "d", "w"),
              IsError(ErrorCode::kInvalidArgument, "w: d must be an integer, not number"));
  EXPECT_THAT(GetString(object, "n", "w"),
              IsError(ErrorCode::kInvalidArgument, "w: missing key: n"));
}

TEST(ValueTest, FindersGiveNothingForAbsentOrNull) {
  const Value object = Parsed(R"({"n":null,"s":"x"})");
  EXPECT_THAT(FindString(object, "n", "w"), IsOkAndHolds(std::optional<std::string>()));
  EXPECT_THAT(FindString(object, "q", "w"), IsOkAndHolds(std::optional<std::string>()));
  EXPECT_THAT(FindBool(object, "s", "w"),
              IsError(ErrorCode::kInvalidArgument, "w: s must be true or false, not string"));
  EXPECT_THAT(FindBool(Parsed("[1]"), "s", "w"),
              IsError(ErrorCode::kInvalidArgument, "w: must be an object, not array"));
}

TEST(ValueTest, DumpReplacesInvalidUtf8) {
  Value value;
  value["k"] = std::string("a\xff");
  EXPECT_EQ(DumpValue(value), "{\"k\":\"a\xef\xbf\xbd\"}");
}

TEST(ParseValueTest, MessageNeverQuotesTheInput) {
  for (const std::string text : {"\xff", "{\"secret word\": tru}", "\"\xc3"}) {
    const auto value = ParseValue(text, "here");
    ASSERT_FALSE(value.has_value());
    EXPECT_EQ(value.error().message.find("last read"), std::string::npos) << value.error().message;
    EXPECT_EQ(value.error().message.find("secret"), std::string::npos) << value.error().message;
    EXPECT_EQ(value.error().message.find('\xff'), std::string::npos);
  }
}

}  // namespace
}  // namespace datalake::json
