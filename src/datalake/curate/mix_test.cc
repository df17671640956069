#include "datalake/curate/mix.h"

#include <chrono>
#include <stop_token>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/mix_test_support.h"
#include "datalake/json/config_reader.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::HasSubstr;

using MixTest = MixFixture;

TEST_F(MixTest, KeepsMembersInOrderAndAsTheyAreWritten) {
  EXPECT_EQ(
      MixOne(
          R"({ "text" : "a\u00e9\/" , "z":1.50, "id":"1","metadata":{"k": [1, 2]},"b":18446744073709551616})",
          Stream()),
      R"({"text":"a\u00e9\/","z":1.50,"id":"1","metadata":{"k": [1, 2],"provenance":"a.jsonl:1"},"b":18446744073709551616})");
}

TEST_F(MixTest, MetadataAlwaysGetsTheProvenance) {
  EXPECT_EQ(MixOne(R"({"id":"1","text":"a","metadata":null})", Stream()),
            R"({"id":"1","text":"a","metadata":{"provenance":"a.jsonl:1"}})");
  EXPECT_EQ(MixOne(R"({"id":"1","text":"a","metadata":{ }})", Stream()),
            R"({"id":"1","text":"a","metadata":{"provenance":"a.jsonl:1"}})");
  EXPECT_EQ(
      MixOne(R"({"id":"1","text":"a","metadata":{"x":1,"pro\u0076enance":"old","y":2}})", Stream()),
      R"({"id":"1","text":"a","metadata":{"x":1,"y":2,"provenance":"a.jsonl:1"}})");
  // Check 18.
  MixStream stream = Stream();
  stream.discard_fields = {"metadata", "id"};
  EXPECT_EQ(MixOne(R"({"id":"1","metadata":{"x":1},"text":"a"})", stream),
            R"({"metadata":{"provenance":"a.jsonl:1"},"text":"a"})");
}

TEST_F(MixTest, Check13IncludesAnyAndExcludesAny) {
  Write(fs_, "/c/documents/a.jsonl",
        R"({"id":"1","text":"","a":1})"
        "\n"
        R"({"id":"2","text":"","b":1})"
        "\n"
        R"({"id":"3","text":"","a":1,"b":1})"
        "\n"
        R"({"id":"4","text":""})"
        "\n");
  MixStream stream = Stream();
  stream.include = {"$.a", "$.b"};
  EXPECT_EQ(Run(stream)->streams[0].written, 3U);
  stream.include = {};
  stream.exclude = {"$.a", "$.b"};
  EXPECT_EQ(Run(stream)->streams[0].written, 1U);
  stream.include = {"$.a"};
  stream.exclude = {"$.b"};
  EXPECT_EQ(Run(stream)->streams[0].written, 1U);
}

TEST_F(MixTest, Check17MinTextLengthCountsBytesOfTheTrimmedText) {
  MixStream stream = Stream();
  stream.min_text_length = 4;
  EXPECT_EQ(MixOne(R"({"id":"1","text":"\n\n\np\n\n\n"})", stream), "");
  EXPECT_THAT(MixOne(R"({"id":"1","text":"ééé"})", stream), HasSubstr("ééé"));
}

// And spans of two rules.
TEST_F(MixTest, Check8And21MergesAttributesAndReplacesSpans) {
  Write(fs_, "/c/documents/a.jsonl",
        "{\"id\":\"1\",\"attributes\":{\"x\":1,\"keep\":true},\"text\":\"\xf0\x9f\x98\x8a"
        "bcdef\"}\n");
  Write(fs_, "/c/attributes/one/a.jsonl.zst",
        R"({"id":"1","attributes":{"x":2,"y":[[1,3,0.5],[4,5,0.1]]},"source":"s"})"
        "\n");
  Write(fs_, "/c/attributes/two/a.jsonl",
        R"({"attributes":{"x":3},"id":"\u0031"})"
        "\n");
  MixStream stream = Stream();
  stream.attributes = {"one", "two"};
  stream.span_rules = {{.span = "$.attributes.y", .min_score = 0.2, .replacement = "<{}>"}};
  const Result<MixReport> report = Run(stream);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(Read(fs_, "/out/s-0000.jsonl"),
            "{\"id\":\"1\",\"attributes\":{\"keep\":true,\"y\":[[1,3,0.5],[4,5,0.1]],\"x\":3},"
            "\"text\":\"\xf0\x9f\x98\x8a<bc>def\",\"metadata\":{\"provenance\":\"a.jsonl:1\"}}\n");
  EXPECT_EQ(report->streams[0].replaced, 1U);
}

TEST_F(MixTest, BadSpansAreErrors) {
  MixStream stream = Stream();
  stream.include = {"$.id"};
  stream.span_rules = {{.span = "$.s", .min_score = 0, .replacement = "x"}};
  EXPECT_THAT(MixOne(R"({"id":"1","text":"abc","s":[[0,1]]})", stream),
              HasSubstr("no span [start, end, score] at $.s: [0,1]: /c/documents/a.jsonl:1"));
  EXPECT_THAT(MixOne(R"({"id":"1","text":"abc","s":[[-1,1,1]]})", stream), HasSubstr("no span"));
  EXPECT_THAT(MixOne(R"({"id":"1","text":"abc","s":[[2,1,1]]})", stream),
              HasSubstr("ends before it starts"));
  EXPECT_THAT(MixOne(R"({"id":"1","text":"abc","s":"x"})", stream), HasSubstr("no list of spans"));
  EXPECT_THAT(MixOne(R"({"id":"1","text":"abc","s":null})", stream), HasSubstr("abc"));
  EXPECT_THAT(MixOne(R"({"id":"1","s":null})", stream), HasSubstr("no string `text`"));
}

TEST_F(MixTest, Check14JqOfAMissingKey) {
  Write(fs_, "/c/documents/a.jsonl",
        R"({"id":"1","text":"a","attributes":{"a":[[0,3,1]]}})"
        "\n");
  MixStream stream = Stream();
  stream.filter_syntax = SelectorSyntax::kJq;
  stream.include = {".attributes.b.b != null"};
  EXPECT_EQ(Run(stream)->streams[0].filtered, 1U);
  MixOptions options = Options(stream, Compatibility::kDolma);
  options.on_missing = OnMissing::kIgnore;
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument,
                                    "cannot index null with \"b\": .attributes.b.b != null: "
                                    "/c/documents/a.jsonl:1"));
  options.streams[0].include = {".attributes?.b?.b?"};
  EXPECT_EQ(Run(options)->streams[0].filtered, 1U);
}

TEST_F(MixTest, Check15JqOutputsThatCountAsFalse) {
  const auto kept = [&](std::string_view program, std::string_view value, bool is_exclude) {
    MixStream stream = Stream();
    stream.filter_syntax = SelectorSyntax::kJq;
    stream.include.clear();
    (is_exclude ? stream.exclude : stream.include) = {std::string(program)};
    return !MixOne(fmt::format(R"({{"id":"1","text":"a","v":{}}})", value), stream).empty();
  };
  for (const char* value : {"[]", "{}", "0", "\"\"", "null", "false"}) {
    EXPECT_FALSE(kept(".v", value, false)) << value;
    EXPECT_TRUE(kept(".v", value, true)) << value;
  }
  EXPECT_TRUE(kept(".v[]", "[1,2]", false));
  EXPECT_FALSE(kept(".v[]", "[1,0]", false)) << "all have to count as true";
  EXPECT_FALSE(kept(".v[]", "[1,0]", true)) << "any has to count as true";
  EXPECT_TRUE(kept(".v[]", "[]", true));
  EXPECT_FALSE(kept(".v[]", "[]", false));
  EXPECT_TRUE(kept(".v | tostring | test(\"^4\")", "42", false)) << "by libjq";
}

TEST_F(MixTest, CancelEndsProgramsThatNeverEnd) {
  Write(fs_, "/c/documents/a.jsonl", "{\"id\":\"1\",\"text\":\"a\"}\n");
  MixStream stream = Stream();
  stream.include = {"last(repeat(1))"};
  stream.filter_syntax = SelectorSyntax::kJq;
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  EXPECT_THAT(RunMix(Options(stream), {fs_, clock_, progress_, 2, stop.get_token()}),
              IsError(ErrorCode::kCancelled, "cancelled"));
  EXPECT_THAT(fs_.Stat("/out/s-0000.jsonl"), IsError(ErrorCode::kNotFound, "")) << "no output";
}

TEST_F(MixTest, CountsSpansAndTellsWhereTheTimeWent) {
  std::string lines;
  for (int i = 0; i < 3000; ++i) {
    lines += fmt::format(
        "{{\"id\":\"{}\",\"text\":\"{}\",\"attributes\":{{\"s\":[[1,3,0.5],[4,5,{}]]}}}}\n", i,
        std::string(300, 'x'), i % 2);
  }
  Write(fs_, "/c/documents/a.jsonl", lines);
  MixStream stream = Stream();
  stream.span_rules = {{.span = "$.attributes.s", .min_score = 0.2, .replacement = "-"}};
  const Result<MixReport> report = Run(stream, Compatibility::kNone, true, 1);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->streams[0].replaced, 3000U);
  EXPECT_EQ(report->streams[0].spans, 4500U);
  std::vector<std::string> names;
  for (const RunCost& cost : report->costs) {
    names.push_back(cost.name);
    EXPECT_GT(cost.nanos, 0) << cost.name;
  }
  EXPECT_THAT(names,
              ::testing::ElementsAre("read", "parse", "filter", "replace", "render", "write"));
}

TEST_F(MixTest, NamesTheByteOfInvalidUtf8) {
  EXPECT_THAT(MixOne("{\"id\":\"1\",\"text\":\"caf\xe9\"}", Stream()),
              ::testing::HasSubstr("bad JSON at byte 21: invalid UTF-8: /c/documents/a.jsonl:1"));
}

TEST_F(MixTest, SpansAndReplacementsByJq) {
  constexpr std::string_view document =
      R"({"id":"1","text":"abcdef","attributes":{"s":[[1,3,0.5],[4,5,0.1]]},"m":{"r":"<{}>"}})";
  MixStream stream = Stream();
  stream.discard_fields = {"attributes", "m", "metadata"};
  const auto text = [&](std::string span, std::string replacement) {
    stream.span_rules = {{.span = std::move(span),
                          .min_score = 0,
                          .replacement = std::move(replacement),
                          .syntax = SelectorSyntax::kJq}};
    const std::string out = MixOne(document, stream);
    const std::size_t begin = out.find("\"text\":\"");
    return begin == std::string::npos ? out
                                      : out.substr(begin + 8, out.find('"', begin + 8) - begin - 8);
  };
  EXPECT_EQ(text(".attributes.s", "x"), "axdxf");
  EXPECT_EQ(text(".attributes.s[]", "x"), "axdxf");
  EXPECT_EQ(text(".attributes.s | map(select(.[2] > 0.2))", "x"), "axdef");
  EXPECT_EQ(text("[.attributes.s[1:][] | .[2] = 1]", "x"), "abcdxf") << "by libjq";
  EXPECT_EQ(text(".attributes.none", "x"), "abcdef");
  EXPECT_EQ(text("empty", "x"), "abcdef");
  EXPECT_EQ(text(".attributes.s", "$.m.r"), "a<bc>d<e>f");
  EXPECT_EQ(text(".attributes.s", "$.id + \"!\""), "a1!d1!f");
  EXPECT_EQ(text(".attributes.s", "\\$.m.r"), "a\\\\$.m.rd\\\\$.m.rf");
  EXPECT_THAT(text(".attributes.s", "$.m"),
              HasSubstr("replacement is not one string: .m: {\"r\":"));
  EXPECT_THAT(text(".attributes.s", "$empty"),
              HasSubstr("replacement is not one string: empty: 0"));
  EXPECT_THAT(text(".id", "x"), HasSubstr("no list of spans at .id: \"1\""));
  EXPECT_THAT(text("[[1,2]]", "x"), HasSubstr("no span [start, end, score] at [[1,2]]: [1,2]"));
}

// Checks 10 and 11: what becomes of documents without attributes.
Result<MixOptions> FromJson(std::string_view text) {
  const json::Value value = json::ParseValue(text, "test").value_or(json::Value());
  json::ConfigReader reader(value, "m.yaml");
  return ReadMixOptions(reader, Compatibility::kNone);
}

TEST(MixOptionsTest, ReadsTheToolkitsConfig) {
  const Result<MixOptions> options = FromJson(
      R"({"streams":[{"name":"n","documents":["d"],"attributes":["a"],"output":{"path":"o",)"
      R"("max_size_in_bytes":5,"discard_fields":["x"],"min_text_length":3},"filter":{"include":)"
      R"(["$.a"],"exclude":["$.b"],"syntax":"jsonpath"},"span_replacement":[{"span":"$.s",)"
      R"("min_score":0.5,"replacement":"r"}],"compression":{"output":"zst"}}],"shuffle":false,)"
      R"("processes":4,"work_dir":{"input":"i","output":"o"}})");
  ASSERT_THAT(options, IsOk());
  const MixStream& stream = options->streams.front();
  EXPECT_FALSE(options->is_sharded);
  EXPECT_EQ(stream.max_size_bytes, 5U);
  EXPECT_EQ(stream.min_text_length, 3U);
  EXPECT_EQ(stream.compression, "zst");
  EXPECT_EQ(stream.span_rules.front().min_score, 0.5);
  EXPECT_EQ(stream.span_rules.front().max_score, std::numeric_limits<double>::infinity());
  EXPECT_EQ(options->on_missing, OnMissing::kError);
}

TEST(MixOptionsTest, ReadsOurOwnKeys) {
  const Result<MixOptions> options = FromJson(
      R"({"streams":[{"name":"n","documents":["d"],"output":{"path":"o","size_by":"compressed"},)"
      R"("filter":{"include":[".a"],"syntax":"jq"},"compression":{"output":"zst","level":9}}],)"
      R"("on_missing":"skip","max_rejects":7})");
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->on_missing, OnMissing::kSkip);
  EXPECT_EQ(options->max_rejects, 7U);
  EXPECT_EQ(options->streams[0].size_by, SizeBy::kCompressed);
  EXPECT_EQ(options->streams[0].compression_level, 9);
  EXPECT_EQ(options->streams[0].filter_syntax, SelectorSyntax::kJq);
}

TEST(MixOptionsTest, RefusesWhatIsWrong) {
  constexpr std::string_view head =
      R"({"streams":[{"name":"n","documents":["d"],"output":{"path":"o"})";
  const auto read = [&](std::string_view rest) {
    return FromJson(std::string(head) + std::string(rest));
  };
  EXPECT_THAT(read("}]}"), IsError(ErrorCode::kInvalidArgument, "needs a filter"));
  EXPECT_THAT(read(R"(,"filter":{"include":["$.a"],"sintax":"jq"}}]})"),
              IsError(ErrorCode::kInvalidArgument, "sintax; did you mean syntax?"));
  EXPECT_THAT(read(R"(,"filter":{"include":[".a["],"syntax":"jq"}}]})"),
              IsError(ErrorCode::kInvalidArgument, "bad jq program"));
  EXPECT_THAT(read(R"(,"filter":{"include":[".a"],"syntax":"xpath"}}]})"),
              IsError(ErrorCode::kInvalidArgument, "unknown syntax: xpath; known: jsonpath, jq"));
  EXPECT_THAT(read(R"(,"filter":{"include":["$.a["]}}]})"),
              IsError(ErrorCode::kInvalidArgument, "bad JSONPath"));
  EXPECT_THAT(read(R"(,"span_replacement":[{"span":"$.a","replacement":"x"}]}]})"),
              IsError(ErrorCode::kInvalidArgument, "needs min_score or max_score"));
  EXPECT_THAT(read(R"(,"span_replacement":[{"span":"$.a","min_score":0,"replacement":"$.x["}]}]})"),
              IsError(ErrorCode::kInvalidArgument, "bad jq program"));
  EXPECT_THAT(
      read(R"(,"filter":{"include":["$.a"]}}],"on_missing":"no"})"),
      IsError(ErrorCode::kInvalidArgument, "unknown on_missing: no; known: error, skip, ignore"));
  EXPECT_THAT(read(R"(,"attributes":["../x"],"filter":{"include":["$.a"]}}]})"),
              IsError(ErrorCode::kInvalidArgument, "bad attribute folder"));
  EXPECT_THAT(FromJson("{}"), IsError(ErrorCode::kInvalidArgument, "missing key: streams"));
}

}  // namespace
}  // namespace datalake::curate
