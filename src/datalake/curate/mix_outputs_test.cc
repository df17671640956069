#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/mix.h"
#include "datalake/curate/mix_test_support.h"
#include "datalake/io/atomic_file.h"
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

using MixOutputsTest = MixFixture;

TEST_F(MixOutputsTest, Check9To11AttributeFilesMustFitTheirDocuments) {
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

TEST_F(MixOutputsTest, OtherOutputsAreMadeBeforeTheErrorIsReturned) {
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
TEST_F(MixOutputsTest, Check19CutsOutputsBySizeOfTheInputs) {
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

TEST_F(MixOutputsTest, Check20MirrorsTheInputs) {
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
TEST_F(MixOutputsTest, Check48NamesThatOccurNowhere) {
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
TEST_F(MixOutputsTest, Check10And11OnMissing) {
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

TEST_F(MixOutputsTest, BadRowsAreBorneAndWrittenToTheRejects) {
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

TEST_F(MixOutputsTest, OutputsAreCutByTheirOwnSize) {
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

TEST_F(MixOutputsTest, CompressedSizesAreThoseOfTheFiles) {
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

TEST_F(MixOutputsTest, RemotePathsAreRefused) {
  MixStream stream = Stream();
  stream.documents = {"s3://b/documents/*", "/c/documents/*"};
  stream.output_path = "s3://b/out";
  EXPECT_THAT(Run(stream), IsError(ErrorCode::kInvalidArgument, "local and remote paths"));
  stream.documents = {"s3://b/documents/*"};
  EXPECT_THAT(Run(stream), IsError(ErrorCode::kUnsupported, "remote paths"));
}

TEST_F(MixOutputsTest, ThreadsDoNotChangeOneByte) {
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

TEST_F(MixOutputsTest, DoneOutputsAreLeftAndSayTheSame) {
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

}  // namespace
}  // namespace datalake::curate
