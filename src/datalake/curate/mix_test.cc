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
using ::testing::Not;

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
    MixOptions options = Options(stream, compatibility);
    options.is_sharded = is_sharded;
    return RunMix(options, {fs_, clock_, progress_, threads, {}});
  }

  static MixOptions Options(const MixStream& stream,
                            Compatibility compatibility = Compatibility::kNone) {
    MixOptions options;
    options.streams = {stream};
    options.compatibility = compatibility;
    return options;
  }

  Result<MixReport> Run(const MixOptions& options) {
    return RunMix(options, {fs_, clock_, progress_, 2, {}});
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

TEST_F(MixTest, Check9To11AttributeFilesMustFitTheirDocuments) {
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

// By name only: the sizes are those of plain files.
TEST_F(MixTest, Check19CutsOutputsBySizeOfTheInputs) {
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

TEST_F(MixTest, Check20MirrorsTheInputs) {
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

// Where every row has the same names, one that is not among them is an error; where rows differ, it
// may come later.
TEST_F(MixTest, Check48NamesThatOccurNowhere) {
  const auto write = [&](int rows, std::string_view last_attributes) {
    std::string documents;
    std::string attributes;
    for (int i = 0; i < rows; ++i) {
      documents += fmt::format("{{\"id\":\"{}\",\"text\":\"a\"}}\n", i);
      attributes +=
          fmt::format("{{\"id\":\"{}\",\"attributes\":{}}}\n", i,
                      i + 1 < rows ? R"({"there":[[0,1,1]],"inline":1})" : last_attributes);
    }
    Write(fs_, "/c/documents/a.jsonl", documents);
    Write(fs_, "/c/attributes/x/a.jsonl", attributes);
  };
  MixStream stream = Stream();
  stream.attributes = {"x"};
  stream.exclude = {"$.attributes[?(@.there[0][2] > 2 || @.their || @.inline == 5)]"};
  write(100, R"({"inline":2,"there":[]})");
  EXPECT_THAT(Run(stream), IsError(ErrorCode::kInvalidArgument,
                                   "occurs in none of the first rows of stream s: their"));
  MixOptions options = Options(stream);
  options.on_missing = OnMissing::kIgnore;
  EXPECT_THAT(Run(options)->warnings, ElementsAre(HasSubstr("stream s: their")));
  write(99, R"({"inline":2,"there":[]})");
  EXPECT_THAT(Run(stream)->warnings, ElementsAre(HasSubstr("stream s: their")));
  write(200, "{}");
  EXPECT_THAT(Run(stream)->warnings, ElementsAre(HasSubstr("stream s: their")));
  stream.exclude = {".attributes.their > 1", ".attributes.inline == 5"};
  stream.include = {};
  stream.filter_syntax = SelectorSyntax::kJq;
  EXPECT_THAT(Run(stream)->warnings, ElementsAre(HasSubstr("s: their: .attributes.their > 1")));
}

// Checks 14 and 15 as `mix` has them.
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
TEST_F(MixTest, Check10And11OnMissing) {
  Write(fs_, "/c/documents/a.jsonl",
        "{\"id\":\"1\",\"text\":\"a\"}\n{\"id\":\"2\",\"text\":\"b\"}\n"
        "{\"id\":\"3\",\"text\":\"c\"}\n");
  Write(fs_, "/c/documents/b.jsonl", "{\"id\":\"4\",\"text\":\"d\"}\n");
  Write(fs_, "/c/attributes/x/a.jsonl",
        "{\"id\":\"1\",\"attributes\":{\"q\":1}}\n{\"id\":\"2\",\"attributes\":{\"q\":2}}\n");
  Write(fs_, "/c/attributes/y/a.jsonl",
        "{\"id\":\"1\",\"attributes\":{}}\n{\"id\":\"2\",\"attributes\":{}}\n"
        "{\"id\":\"3\",\"attributes\":{\"z\":7}}\n");
  Write(fs_, "/c/attributes/y/b.jsonl", "{\"id\":\"4\",\"attributes\":{}}\n");
  MixStream stream = Stream();
  stream.attributes = {"x", "y"};
  stream.include = {};
  stream.exclude = {"$.attributes[?(@.q == 1)]"};
  MixOptions options = Options(stream);
  EXPECT_THAT(Run(options), IsError(ErrorCode::kNotFound, "/c/attributes/x/b.jsonl"));
  EXPECT_THAT(fs_.Exists("/out"), testing::IsOkAndHolds(false));

  options.on_missing = OnMissing::kSkip;
  const Result<MixReport> skipped = Run(options);
  ASSERT_THAT(skipped, IsOk());
  EXPECT_EQ(skipped->streams[0].missing, 2U);
  EXPECT_EQ(skipped->streams[0].written, 1U);
  EXPECT_THAT(skipped->warnings,
              ElementsAre(HasSubstr("attribute file not found: /c/attributes/x/b.jsonl"),
                          HasSubstr("ends before its documents: /c/attributes/x/a.jsonl: 2 rows")));

  options.on_missing = OnMissing::kIgnore;
  const Result<MixReport> ignored = Run(options);
  EXPECT_EQ(ignored->streams[0].missing, 0U);
  EXPECT_EQ(ignored->streams[0].written, 3U);
  EXPECT_THAT(Read(fs_, "/out/s-0000.jsonl"), HasSubstr("\"z\":7"));
  // In the toolkit the files behind one that ends early are silent too.
  options.compatibility = Compatibility::kDolma;
  EXPECT_EQ(Run(options)->streams[0].written, 3U);
  EXPECT_EQ(Read(fs_, "/out/s-0000.json").find("\"z\":7"), std::string::npos);
}

TEST_F(MixTest, BadRowsAreBorneAndWrittenToTheRejects) {
  Write(fs_, "/c/documents/a.jsonl",
        "{\"id\":\"1\",\"text\":\"a\"}\nbro\xffken\n{\"id\":\"3\"}\n{\"id\":\"4\",\"text\":\"d\"}\n"
        "{\"id\":5,\"text\":\"e\"}\n");
  Write(fs_, "/c/attributes/x/a.jsonl",
        "{\"id\":\"1\",\"attributes\":{\"q\":1}}\n"
        "{\"id\":null,\"attributes\":{},\"source\":null}\n"
        "{\"id\":\"3\",\"attributes\":{\"q\":1}}\n{\"id\":\"4\",\"attributes\":{\"q\":1}}\n"
        "{\"id\":null,\"attributes\":{},\"source\":null}\n");
  MixStream stream = Stream();
  stream.include = {"$.id"};
  stream.attributes = {"x"};
  MixOptions options = Options(stream);
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "/c/documents/a.jsonl:2"));
  options.max_rejects = 2;
  EXPECT_THAT(Run(options),
              IsError(ErrorCode::kInvalidArgument, "more bad rows than max_rejects (2)"));
  EXPECT_THAT(fs_.Exists("/out/s-0000.jsonl"), testing::IsOkAndHolds(false));
  options.max_rejects = 3;
  const Result<MixReport> report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->streams[0].documents, 5U);
  EXPECT_EQ(report->streams[0].written, 2U);
  EXPECT_EQ(report->streams[0].rejected, 3U);
  const std::string rejects = Read(fs_, "/out/rejects/s-0000.jsonl.jsonl");
  EXPECT_THAT(rejects,
              HasSubstr("{\"file\":\"/c/documents/a.jsonl\",\"line\":2,\"byte_offset\":22,"));
  EXPECT_THAT(rejects, HasSubstr("\"raw\":\"bro\xef\xbf\xbdken\"}\n"));
  EXPECT_THAT(rejects, HasSubstr("no string `text`"));
  EXPECT_THAT(rejects, HasSubstr("rejected when it was tagged"));
  Write(fs_, "/c/documents/a.jsonl", "{\"id\":\"1\",\"text\":\"a\"}\n");
  Write(fs_, "/c/attributes/x/a.jsonl", "{\"id\":\"1\",\"attributes\":{\"q\":1}}\n");
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_THAT(fs_.Exists("/out/rejects/s-0000.jsonl.jsonl"), testing::IsOkAndHolds(false));
}

TEST_F(MixTest, OutputsAreCutByTheirOwnSize) {
  for (const char* name : {"a", "b"}) {
    std::string lines;
    for (int i = 0; i < 40; ++i) {
      lines += fmt::format("{{\"id\":\"{}{}\",\"text\":\"{}\"}}\n", name, i,
                           std::string(i % 7 * 20, 'x'));
    }
    Write(fs_, fmt::format("/c/documents/{}.jsonl", name), lines);
  }
  MixStream stream = Stream();
  const Result<MixReport> whole = Run(stream);
  ASSERT_EQ(whole->outputs.size(), 1U);
  const std::string rows = Read(fs_, whole->outputs[0]);
  stream.max_size_bytes = 1000;
  for (const SizeBy size_by : {SizeBy::kUncompressed, SizeBy::kCompressed}) {
    for (const char* compression : {"none", "zst"}) {
      stream.size_by = size_by;
      stream.compression = compression;
      stream.output_path = fmt::format("/out-{}-{}", static_cast<int>(size_by), compression);
      const Result<MixReport> report = Run(stream);
      ASSERT_THAT(report, IsOk());
      EXPECT_GT(report->outputs.size(), 4U);
      std::string joined;
      for (const std::string& output : report->outputs) {
        const std::string part = Read(fs_, output);
        EXPECT_LE(part.size(), 1000U);
        joined += part;
      }
      EXPECT_EQ(joined, rows);
    }
  }
  stream.max_size_bytes = 10;
  EXPECT_EQ(Run(stream)->outputs.size(), 80U) << "a line is never cut";
}

TEST_F(MixTest, CompressedSizesAreThoseOfTheFiles) {
  std::mt19937 random(3);
  std::string lines;
  for (int i = 0; lines.size() < 24'000'000; ++i) {
    std::string text(2000, 'x');
    for (char& c : text) {
      c = static_cast<char>('a' + random() % 16);
    }
    lines += fmt::format("{{\"id\":\"{}\",\"text\":\"{}\"}}\n", i, text);
  }
  Write(fs_, "/c/documents/a.jsonl.zst", lines);
  MixStream stream = Stream();
  stream.compression = "zst";
  stream.size_by = SizeBy::kCompressed;
  stream.max_size_bytes = 5'000'000;
  std::vector<std::string> first;
  for (const std::size_t threads : {1U, 2U, 8U}) {
    const Result<MixReport> report = Run(stream, Compatibility::kNone, true, threads);
    ASSERT_THAT(report, IsOk());
    EXPECT_LE(report->outputs.size(), 5U);
    std::vector<std::string> files;
    for (const std::string& output : report->outputs) {
      files.push_back(io::ReadFile(fs_, output, 1 << 30).value_or(""));
      EXPECT_LE(files.back().size(), stream.max_size_bytes);
    }
    EXPECT_GT(files.front().size(), 2'000'000U);
    first = first.empty() ? files : first;
    EXPECT_TRUE(files == first) << threads;
  }
}

TEST_F(MixTest, RemotePathsAreRefused) {
  MixStream stream = Stream();
  stream.documents = {"s3://b/documents/*", "/c/documents/*"};
  stream.output_path = "s3://b/out";
  EXPECT_THAT(Run(stream), IsError(ErrorCode::kInvalidArgument, "local and remote paths"));
  stream.documents = {"s3://b/documents/*"};
  EXPECT_THAT(Run(stream), IsError(ErrorCode::kUnsupported, "remote paths"));
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

TEST_F(MixTest, DoneOutputsAreLeftAndSayTheSame) {
  Write(fs_, "/c/documents/a.jsonl",
        "{\"id\":\"1\",\"text\":\"a\"}\nbroken\n{\"id\":\"2\",\"text\":\"b\"}\n");
  MixOptions options = Options(Stream());
  options.max_rejects = 1;
  const Result<MixReport> first = Run(options);
  ASSERT_THAT(first, IsOk());
  const Timestamp made = fs_.Stat("/out/s-0000.jsonl")->modified;

  const Result<MixReport> second = Run(options);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(fs_.Stat("/out/s-0000.jsonl")->modified, made);
  EXPECT_EQ(second->outputs, first->outputs);
  EXPECT_EQ(second->streams[0].documents, first->streams[0].documents);
  EXPECT_EQ(second->streams[0].written, 2U);
  EXPECT_EQ(second->streams[0].rejected, 1U);
  options.max_rejects = 0;
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "max_rejects"));

  options.max_rejects = 1;
  options.streams[0].exclude = {"$[?(@.id == '2')]"};
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_THAT(Read(fs_, "/out/s-0000.jsonl"), Not(HasSubstr("\"id\":\"2\""))) << "other options";

  Write(fs_, "/c/documents/a.jsonl", "{\"id\":\"3\",\"text\":\"c\"}\n");
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_THAT(Read(fs_, "/out/s-0000.jsonl"), HasSubstr("\"id\":\"3\"")) << "another input";

  ASSERT_THAT(io::ReplaceFile(fs_, "/out/s-0000.jsonl", "touched"), IsOk());
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_THAT(Read(fs_, "/out/s-0000.jsonl"), HasSubstr("\"id\":\"3\"")) << "a changed output";
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
