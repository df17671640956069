#include "datalake/json/document.h"

#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

// A line with its padding, the room for its strings, and what the parser made of it.
class Parsed {
 public:
  explicit Parsed(std::string line)
      : size_(line.size()), line_(std::move(line)), room_(size_ + DocumentParser::kPadding) {
    line_.append(DocumentParser::kPadding, '~');
    char* out = room_.data();
    status = parser_.Parse(std::string_view(line_).substr(0, size_), out, fields);
    written = static_cast<std::size_t>(out - room_.data());
  }

  Status status;
  DocumentFields fields;
  std::size_t written = 0;

 private:
  DocumentParser parser_;
  std::size_t size_;
  std::string line_;
  std::vector<char> room_;
};

TEST(DocumentParserTest, ReadsFieldsWithoutCopy) {
  const Parsed parsed(
      R"( {"id": "a", "x":[1,{"y":null}], "text":"some text", "source":"s","metadata": {"k": [1, 2]} } )");
  ASSERT_THAT(parsed.status, IsOk());
  EXPECT_EQ(parsed.fields.id, "a");
  EXPECT_EQ(parsed.fields.text, "some text");
  EXPECT_EQ(parsed.fields.source, "s");
  EXPECT_EQ(parsed.fields.metadata_raw, R"({"k": [1, 2]})");
  EXPECT_EQ(parsed.written, 0U);
}

TEST(DocumentParserTest, UnescapesStrings) {
  const Parsed parsed(R"({"text":"a\nb \"q\" \u00e9 \ud83d\ude0a","id":"\\"})");
  ASSERT_THAT(parsed.status, IsOk());
  EXPECT_EQ(parsed.fields.text, "a\nb \"q\" \u00e9 \U0001F60A");
  EXPECT_EQ(parsed.fields.id, "\\");
  EXPECT_EQ(parsed.fields.source, "");
  EXPECT_EQ(parsed.written, parsed.fields.text.size() + 1);
}

TEST(DocumentParserTest, TakesLastOfRepeatedKeysAndUnescapesKeys) {
  const Parsed parsed(R"({"id":"a","text":"x","id":"b","t\u0065xt":"y"})");
  ASSERT_THAT(parsed.status, IsOk());
  EXPECT_EQ(parsed.fields.id, "b");
  EXPECT_EQ(parsed.fields.text, "y");
}

TEST(DocumentParserTest, TakesNumbersOfAnySizeInUnwantedFields) {
  EXPECT_THAT(Parsed(R"({"id":"a","text":"x","z":[1e999,-0.5e-3,12345678901234567890123]})").status,
              IsOk());
}

TEST(DocumentParserTest, TakesNullVersionAndMetadata) {
  const Parsed parsed(R"({"id":"a","text":"","version":null,"metadata":null})");
  ASSERT_THAT(parsed.status, IsOk());
  EXPECT_EQ(parsed.fields.metadata_raw, "");
}

struct BadLine {
  std::string line;
  std::string reason;
};

class BadLineTest : public ::testing::TestWithParam<BadLine> {};

TEST_P(BadLineTest, IsRejected) {
  EXPECT_THAT(Parsed(GetParam().line).status,
              IsError(ErrorCode::kInvalidArgument, GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    DocumentParser, BadLineTest,
    ::testing::Values(BadLine{"", "empty line"}, BadLine{"  ", "empty line"},
                      BadLine{"[1]", "not an object"}, BadLine{"\"a\"", "not an object"},
                      BadLine{"12", "not an object"}, BadLine{R"({"id":"a"})", "no `text`"},
                      BadLine{R"({"text":"a"})", "no `id`"},
                      BadLine{R"({"id":7,"text":"a"})", "`id` is not a string: byte 6"},
                      BadLine{R"({"id":"a","text":null})", "`text` is not a string"},
                      BadLine{R"({"id":"a","text":"x","source":null})", "`source` is not a string"},
                      BadLine{R"({"id":"a","text":"x","created":null})",
                              "`created` is not a string"},
                      BadLine{R"({"id":"a","text":"x","added":1})", "`added` is not a string"},
                      BadLine{R"({"id":"a","text":"x","version":1})", "`version` is not a string"},
                      BadLine{R"({"id":"a","text":"x"}})", "more after the object"},
                      BadLine{R"({"id":"a","text":"x"} {})", "more after the object"},
                      BadLine{R"({"id":"a","text":"x)", "string without end"},
                      BadLine{R"({"id":"a","text":"x")", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"\x"})", "bad escape in `text`"},
                      BadLine{R"({"id":"a","text":"\ud800"})", "bad escape in `text`"},
                      BadLine{R"({"id":"a","text":"x","z":"\ud800"})", "bad value"},
                      BadLine{R"({"id":"a","text":"x","z":[tru]})", "bad value: byte 26"},
                      BadLine{R"({"id":"a","text":"x","z":01})", "bad value"},
                      BadLine{R"({"id":"a","text":"x","z":1.})", "bad value"},
                      BadLine{R"({"id":"a","text":"x","z":[1,]})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x","z":[1 2]})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x","z":{"a" 1}})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x","z":{"\q":1}})", "bad key"},
                      BadLine{R"({"id":"a","text":"x","z":"a"b})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x",})", "invalid JSON"},
                      BadLine{R"({"id":"a" "text":"x"})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x","metadata":{"a":[}]})", "invalid JSON"},
                      BadLine{R"({id:"a","text":"x"})", "invalid JSON"},
                      BadLine{"{\"id\":\"a\",\"text\":\"a\tb\"}", "control character"},
                      BadLine{"{\"id\":\"a\",\"text\":\"x\",\"z\":1\f}", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x":"k":[1]})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x","z":1:2})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x","z":null:2})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x","z":["q":true]})", "invalid JSON"},
                      BadLine{R"({"id":"a","text":"x","z":[true "b"]})", "invalid JSON"},
                      BadLine{"{\"id\":\"a\",\"text\":\"\xFF\"}", "invalid UTF-8"},
                      BadLine{"{\"id\":\"a\",\"text\":\"x\",\"z\":" + std::string(300, '[') +
                                  std::string(300, ']') + "}",
                              "nested too deeply"}));

TEST(DocumentParserTest, ParsesAgainAfterBadLine) {
  DocumentParser parser;
  for (int round = 0; round < 3; ++round) {
    std::string bad = R"({"id":"a","text":"\u00e9","z":[})";
    std::string good = R"({"id":"a","text":"\u00e9"})";
    std::vector<char> room(200);
    for (std::string* line : {&bad, &good}) {
      const std::size_t size = line->size();
      line->append(DocumentParser::kPadding, ' ');
      char* out = room.data();
      DocumentFields fields;
      const Status status = parser.Parse(std::string_view(*line).substr(0, size), out, fields);
      EXPECT_EQ(status.has_value(), line == &good);
      EXPECT_EQ(out - room.data(), line == &good ? 2 : 0);
    }
  }
}

TEST(DocumentParserTest, TakesAnyTypeWhenLoose) {
  DocumentParser parser(FieldTypes::kLoose);
  std::vector<char> room(400);
  const auto parse = [&](std::string line) {
    const std::size_t size = line.size();
    line.append(DocumentParser::kPadding, ' ');
    char* out = room.data();
    DocumentFields fields;
    EXPECT_THAT(parser.Parse(std::string_view(line).substr(0, size), out, fields), IsOk()) << line;
    return std::make_tuple(std::string(fields.id), std::string(fields.id_raw),
                           std::string(fields.source), fields.has_text);
  };
  EXPECT_EQ(parse(R"({"id":"a","text":"x","source":null,"created":null,"version":1})"),
            std::make_tuple("a", "", "", true));
  EXPECT_EQ(parse(R"({"id":7 ,"text":null,"source":"s"})"), std::make_tuple("", "7", "s", false));
  EXPECT_EQ(parse(R"({"added":{}})"), std::make_tuple("", "null", "", false));
  EXPECT_EQ(parse(R"({"id":[1, {}],"id":null,"text":1,"text":"y"})"),
            std::make_tuple("", "null", "", true));
  EXPECT_EQ(parse(R"({"id":{"a":1},"id":"b","text":"y"})"), std::make_tuple("b", "", "", true));
}

}  // namespace
}  // namespace datalake::json
