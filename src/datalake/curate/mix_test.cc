#include "datalake/curate/mix.h"

#include <random>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/output_file.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/compression.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/json/config_reader.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void Write(io::FileSystem& fs, std::string_view path, std::string_view text) {
  Result<OutputFile> file = OutputFile::Make(fs, path);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(file->Write(text), IsOk());
  ASSERT_THAT(file->Publish(), IsOk());
}

std::string Read(io::FileSystem& fs, std::string_view path) {
  auto stream = io::OpenCompressed(fs, path);
  if (!stream) {
    return ToString(stream.error());
  }
  std::string text;
  std::string buffer(1 << 16, 0);
  while (true) {
    const Result<std::size_t> read =
        (*stream)->Read(std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
    if (!read) {
      return ToString(read.error());
    }
    if (*read == 0) {
      return text;
    }
    text.append(buffer, 0, *read);
  }
}

MixStream Stream() {
  MixStream stream;
  stream.name = "s";
  stream.documents = {"/c/documents/*"};
  stream.include = {"$.text"};
  stream.output_path = "/out";
  stream.compression = "none";
  return stream;
}

class MixTest : public ::testing::Test {
 protected:
  Result<MixReport> Run(const MixStream& stream, Compatibility compatibility = Compatibility::kNone,
                        bool is_sharded = true, std::size_t threads = 2) {
    return RunMix({{stream}, is_sharded, compatibility}, {fs_, clock_, progress_, threads, {}});
  }

  // The only output of a run over one document, without its newline.
  std::string MixOne(std::string_view document, const MixStream& stream) {
    Write(fs_, "/c/documents/a.jsonl", fmt::format("{}\n", document));
    const Result<MixReport> report = Run(stream);
    if (!report) {
      return "error: " + report.error().message;
    }
    std::string out = Read(fs_, report->outputs.front());
    return out.empty() ? out : out.substr(0, out.size() - 1);
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  NullProgress progress_;
};

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

// Check 13.
TEST_F(MixTest, IncludesAnyAndExcludesAny) {
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

// Check 17.
TEST_F(MixTest, MinTextLengthCountsBytesOfTheTrimmedText) {
  MixStream stream = Stream();
  stream.min_text_length = 4;
  EXPECT_EQ(MixOne(R"({"id":"1","text":"\n\n\np\n\n\n"})", stream), "");
  EXPECT_THAT(MixOne(R"({"id":"1","text":"ééé"})", stream), HasSubstr("ééé"));
}

// Checks 8 and 21, and spans of two rules.
TEST_F(MixTest, MergesAttributesAndReplacesSpans) {
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

// Checks 9 to 11.
TEST_F(MixTest, AttributeFilesMustFitTheirDocuments) {
  Write(fs_, "/c/documents/a.jsonl",
        R"({"id":"1","text":"a"})"
        "\n"
        R"({"id":"2","text":"b"})"
        "\n");
  MixStream stream = Stream();
  stream.attributes = {"x"};
  EXPECT_THAT(Run(stream), IsError(ErrorCode::kNotFound, "/c/attributes/x/a.jsonl"));
  Write(fs_, "/c/attributes/x/a.jsonl",
        R"({"id":"1","attributes":{}})"
        "\n");
  EXPECT_THAT(Run(stream), IsError(ErrorCode::kCorruption, "ends before its documents"));
  Write(fs_, "/c/attributes/x/a.jsonl",
        R"({"id":"1","attributes":{}})"
        "\n"
        R"({"id":"2","attributes":{}})"
        "\n"
        R"({"id":"3","attributes":{}})"
        "\n");
  EXPECT_THAT(Run(stream), IsError(ErrorCode::kCorruption, "more rows than its documents"));
  Write(fs_, "/c/attributes/x/a.jsonl",
        R"({"id":"1","attributes":{}})"
        "\n"
        R"({"id":"q","attributes":{}})"
        "\n");
  EXPECT_THAT(Run(stream),
              IsError(ErrorCode::kCorruption,
                      R"(ids differ: document "2", attributes "q": /c/attributes/x/a.jsonl:2)"));
  EXPECT_THAT(fs_.Exists("/out/s-0000.jsonl"), testing::IsOkAndHolds(false));
}

TEST_F(MixTest, OtherOutputsAreMadeBeforeTheErrorIsReturned) {
  Write(fs_, "/c/documents/a.jsonl", "{\"id\":\"1\",\"text\":\"a\"}\nbroken\n");
  Write(fs_, "/c/documents/b.jsonl",
        R"({"id":"2","text":"b"})"
        "\n");
  EXPECT_THAT(
      Run(Stream(), Compatibility::kNone, false),
      IsError(ErrorCode::kInvalidArgument, "/c/documents/a.jsonl:2; 1 of 2 outputs failed"));
  EXPECT_THAT(fs_.Exists("/out/documents/a.jsonl"), testing::IsOkAndHolds(false));
  EXPECT_THAT(Read(fs_, "/out/documents/b.jsonl"), HasSubstr("b.jsonl:1"));
}

// Check 19, by name only: the sizes are those of plain files.
TEST_F(MixTest, CutsOutputsBySizeOfTheInputs) {
  for (const char* name : {"a", "b", "c"}) {
    Write(fs_, fmt::format("/c/documents/{}.jsonl", name),
          fmt::format("{{\"id\":\"{}\",\"text\":\"{}\"}}\n", name, std::string(600, 'x')));
  }
  MixStream stream = Stream();
  stream.max_size_bytes = 1000;
  stream.compression = "gz";
  EXPECT_THAT(Run(stream, Compatibility::kDolma)->outputs,
              ElementsAre("/out/s-0000.jsonl.gz", "/out/s-0001.jsonl.gz", "/out/s-0002.json.gz"));
  EXPECT_THAT(Run(stream)->outputs,
              ElementsAre("/out/s-0000.jsonl.gz", "/out/s-0001.jsonl.gz", "/out/s-0002.jsonl.gz"));
  stream.max_size_bytes = 2000;
  const Result<MixReport> two = Run(stream);
  EXPECT_THAT(two->outputs, ElementsAre("/out/s-0000.jsonl.gz"));
  EXPECT_EQ(two->warnings.size(), 3U) << "the outputs of the runs before";
  stream.documents = {"/c/documents/a.jsonl", "/c/documents/a.jsonl"};
  EXPECT_EQ(Run(stream)->streams[0].written, 2U) << "a file listed twice is mixed in twice";
}

// Check 20.
TEST_F(MixTest, MirrorsTheInputs) {
  Write(fs_, "/c/documents/x/a.jsonl.gz",
        R"({"id":"1","text":"a"})"
        "\n");
  Write(fs_, "/c/documents/y/a.jsonl.gz",
        R"({"id":"2","text":"b"})"
        "\n");
  MixStream stream = Stream();
  stream.documents = {"/c/documents/**/*.gz"};
  stream.compression = "zst";
  EXPECT_THAT(Run(stream, Compatibility::kNone, false)->outputs,
              ElementsAre("/out/documents/x/a.jsonl.zst", "/out/documents/y/a.jsonl.zst"));
  EXPECT_THAT(Read(fs_, "/out/documents/y/a.jsonl.zst"), HasSubstr("\"2\""));
}

// Check 48.
TEST_F(MixTest, WarnsOfNamesThatOccurNowhere) {
  Write(fs_, "/c/documents/a.jsonl",
        R"({"id":"1","text":"a","attributes":{"inline":1}})"
        "\n");
  Write(fs_, "/c/attributes/x/a.jsonl",
        R"({"id":"1","attributes":{"there":[[0,1,1]]}})"
        "\n");
  MixStream stream = Stream();
  stream.attributes = {"x"};
  stream.exclude = {"$.attributes[?(@.there[0][2] > 2 || @.their || @.inline == 5)]"};
  const Result<MixReport> report = Run(stream);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->warnings, ElementsAre(HasSubstr("occurs in none of the first rows of stream "
                                                      "s: their")));
}

TEST_F(MixTest, ThreadsDoNotChangeOneByte) {
  std::mt19937 random(5);
  for (int file = 0; file < 3; ++file) {
    std::string documents;
    std::string attributes;
    for (int row = 0; row < 4000; ++row) {
      const std::string id = fmt::format("{}-{}", file, row);
      documents += fmt::format("{{\"id\":\"{}\",\"text\":\"{}\"}}\n", id,
                               std::string(500 + random() % 500, 'x'));
      attributes +=
          fmt::format("{{\"id\":\"{}\",\"attributes\":{{\"q\":[[0,5,{}]]}}}}\n", id, random() % 10);
    }
    Write(fs_, fmt::format("/c/documents/{}.jsonl", file), documents);
    Write(fs_, fmt::format("/c/attributes/x/{}.jsonl", file), attributes);
  }
  MixStream stream = Stream();
  stream.attributes = {"x"};
  stream.include = {"$.attributes[?(@.q[0][2] >= 4)]"};
  stream.span_rules = {{.span = "$.attributes.q", .min_score = 6, .replacement = "-{}-"}};
  stream.compression = "gz";
  stream.output_path = "/one";
  const Result<MixReport> one = Run(stream, Compatibility::kNone, true, 1);
  stream.output_path = "/four";
  const Result<MixReport> four = Run(stream, Compatibility::kNone, true, 4);
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(four, IsOk());
  EXPECT_GT(one->streams[0].written, 5000U);
  EXPECT_LT(one->streams[0].written, 9000U);
  EXPECT_EQ(io::ReadFile(fs_, "/one/s-0000.jsonl.gz", 1 << 30).value_or("a"),
            io::ReadFile(fs_, "/four/s-0000.jsonl.gz", 1 << 30).value_or("b"));
}

TEST(MixFaultTest, EveryFailureLeavesAWholeOutputOrNone) {
  const std::string want =
      "{\"id\":\"1\",\"text\":\"a\",\"metadata\":{\"provenance\":\"a.jsonl:1\"}}\n";
  const testing::ManualClock clock;
  NullProgress progress;
  const auto run = [&](testing::FaultFileSystem& fs) {
    return RunMix({.streams = {Stream()}}, {fs, clock, progress, 1, {}});
  };
  testing::ForEachFault(
      [](testing::FaultFileSystem& fs) {
        Write(fs, "/c/documents/a.jsonl",
              R"({"id":"1","text":"a"})"
              "\n");
      },
      [&](testing::FaultFileSystem& fs) { (void)run(fs); },
      [&](testing::FaultFileSystem& fs) {
        const Result<bool> exists = fs.Exists("/out/s-0000.jsonl");
        ASSERT_THAT(exists, IsOk());
        if (*exists) {
          EXPECT_EQ(Read(fs, "/out/s-0000.jsonl"), want);
        }
        ASSERT_THAT(run(fs), IsOk()) << "running again completes it";
        EXPECT_EQ(Read(fs, "/out/s-0000.jsonl"), want);
      });
}

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
  EXPECT_THAT(read(R"(,"filter":{"include":[".a"],"syntax":"jq"}}]})"),
              IsError(ErrorCode::kUnsupported, "jq"));
  EXPECT_THAT(read(R"(,"filter":{"include":["$.a["]}}]})"),
              IsError(ErrorCode::kInvalidArgument, "bad JSONPath"));
  EXPECT_THAT(read(R"(,"span_replacement":[{"span":"$.a","replacement":"x"}]}]})"),
              IsError(ErrorCode::kInvalidArgument, "needs min_score or max_score"));
  EXPECT_THAT(read(R"(,"span_replacement":[{"span":"$.a","min_score":0,"replacement":"$.x"}]}]})"),
              IsError(ErrorCode::kUnsupported, "jq"));
  EXPECT_THAT(read(R"(,"attributes":["../x"],"filter":{"include":["$.a"]}}]})"),
              IsError(ErrorCode::kInvalidArgument, "bad attribute folder"));
  EXPECT_THAT(FromJson("{}"), IsError(ErrorCode::kInvalidArgument, "missing key: streams"));
}

}  // namespace
}  // namespace datalake::curate
