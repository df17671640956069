#include "datalake/curate/dedupe.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/output_file.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/writer.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

std::string Line(std::string_view id, std::string_view text, std::string_view source = "s") {
  std::string line;
  json::Writer writer(line);
  writer.BeginObject();
  writer.Key("id");
  writer.String(id);
  writer.Key("text");
  writer.String(text);
  writer.Key("source");
  writer.String(source);
  writer.EndObject();
  writer.EndLine();
  return line;
}

void Write(io::FileSystem& fs, std::string_view path, std::string_view text) {
  Result<OutputFile> file = OutputFile::Make(fs, path);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(file->Write(text), IsOk());
  ASSERT_THAT(file->Publish(), IsOk());
}

std::string ReadPlain(io::FileSystem& fs, std::string_view path) {
  const Result<std::string> text = io::ReadFile(fs, path, 1 << 30);
  return text ? *text : ToString(text.error());
}

class DedupeTest : public ::testing::Test {
 protected:
  Result<DedupeReport> Run(const DedupeOptions& options, std::size_t threads = 2) {
    return RunDedupe(options, {fs_, clock_, progress_, threads, {}});
  }

  static DedupeOptions Options() {
    DedupeOptions options;
    options.documents = {"/c/documents/*"};
    options.attribute_name = "dup";
    return options;
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  NullProgress progress_;
};

TEST_F(DedupeTest, MarksLaterCopiesInTheToolkitsForm) {
  Write(fs_, "/c/documents/a.jsonl",
        Line("1", "h\xc3\xa9") + Line("2", "x") + Line("3", "h\xc3\xa9"));
  Write(fs_, "/c/documents/b.jsonl",
        Line("4\"", "x", "t") + Line("5", "", "t") + Line("6", "", "t"));
  const Result<DedupeReport> report = Run(Options());
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(ReadPlain(fs_, "/c/attributes/dup/a.jsonl"),
            "{\"attributes\":{},\"id\":\"1\"}\n{\"attributes\":{},\"id\":\"2\"}\n"
            "{\"attributes\":{\"dup\":[[0,3,1]]},\"id\":\"3\"}\n");
  EXPECT_EQ(
      ReadPlain(fs_, "/c/attributes/dup/b.jsonl"),
      "{\"attributes\":{\"dup\":[[0,1,1]]},\"id\":\"4\\\"\"}\n{\"attributes\":{},\"id\":\"5\"}\n"
      "{\"attributes\":{\"dup\":[[0,0,1]]},\"id\":\"6\"}\n");
  EXPECT_EQ(report->files, 2U);
  EXPECT_EQ(report->all.documents, 6U);
  EXPECT_EQ(report->all.duplicates, 3U);
  EXPECT_EQ(report->sources.at("s").duplicates, 1U);
  EXPECT_EQ(report->sources.at("t").duplicates, 2U);
  EXPECT_EQ(report->sources.at("t").documents, 3U);
  EXPECT_EQ(report->all.spans, 3U);
  EXPECT_GT(report->key_bytes, 0U);
}

TEST_F(DedupeTest, TellsWhereTheTimeWent) {
  std::string lines;
  for (int i = 0; i < 5000; ++i) {
    lines += Line(std::to_string(i), std::string(200, 'x') + std::to_string(i));
  }
  Write(fs_, "/c/documents/a.jsonl", lines);
  DedupeOptions options = Options();
  options.state_file = "/c/state";
  const Result<DedupeReport> report = Run(options, 1);
  ASSERT_THAT(report, IsOk());
  std::vector<std::string> names;
  for (const RunCost& cost : report->costs) {
    names.push_back(cost.name);
    EXPECT_GT(cost.nanos, 0) << cost.name;
  }
  EXPECT_THAT(names, ::testing::ElementsAre("read", "parse", "hash", "look up", "write", "save"));
}

TEST_F(DedupeTest, LeavesShortAndBlankKeysAlone) {
  Write(fs_, "/c/documents/a.jsonl",
        Line("1", "ab") + Line("2", "ab") + Line("3", " \xe3\x80\x80 \n   ") +
            Line("4", "one two three") + Line("5", "one two three") + Line("6", "abcdef"));
  DedupeOptions options = Options();
  options.min_length = 3;
  options.skip_empty = true;
  const Result<DedupeReport> report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->all.left_alone, 3U);
  EXPECT_EQ(report->all.duplicates, 1U);
  EXPECT_EQ(
      ReadPlain(fs_, "/c/attributes/dup/a.jsonl"),
      "{\"attributes\":{\"dup\":[]},\"id\":\"1\"}\n{\"attributes\":{\"dup\":[]},\"id\":\"2\"}\n"
      "{\"attributes\":{\"dup\":[]},\"id\":\"3\"}\n{\"attributes\":{},\"id\":\"4\"}\n"
      "{\"attributes\":{\"dup\":[[0,13,1]]},\"id\":\"5\"}\n"
      "{\"attributes\":{},\"id\":\"6\"}\n");
}

TEST_F(DedupeTest, KeyIsAnyPathAndMustBeThere) {
  Write(fs_, "/c/documents/a.jsonl",
        R"({"id":"1","text":"a","metadata":{"url":"u\u0031"}})"
        "\n"
        R"({"id":"2","text":"b","metadata":{"url":"u1"}})"
        "\n");
  DedupeOptions options = Options();
  options.key = "$.metadata.url";
  options.name = "urls";
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_EQ(
      ReadPlain(fs_, "/c/attributes/urls/a.jsonl"),
      "{\"attributes\":{},\"id\":\"1\"}\n{\"attributes\":{\"dup\":[[0,2,1]]},\"id\":\"2\"}\n");

  Write(fs_, "/c/documents/b.jsonl",
        R"({"id":"3","text":"a","metadata":{"url":"u3"}})"
        "\n"
        R"({"id":"4","text":"b"})"
        "\n");
  EXPECT_THAT(Run(options),
              IsError(ErrorCode::kInvalidArgument,
                      "document has no string at the key $.metadata.url: /c/documents/b.jsonl:2"));
  EXPECT_THAT(fs_.Exists("/c/attributes/urls/b.jsonl"), testing::IsOkAndHolds(false));
}

TEST_F(DedupeTest, BadLineNamesFileAndLineAndPublishesNothing) {
  Write(fs_, "/c/documents/a.jsonl", Line("1", "a") + "{\"id\":\"2\",\n" + Line("3", "c"));
  EXPECT_THAT(Run(Options()), IsError(ErrorCode::kInvalidArgument, "/c/documents/a.jsonl:2"));
  Result<std::vector<io::DirectoryEntry>> left = fs_.List("/c/attributes/dup");
  EXPECT_TRUE(!left || left->empty());
}

TEST_F(DedupeTest, WritesWithTheWantedCompression) {
  Write(fs_, "/c/documents/a.jsonl.gz", Line("1", "a"));
  DedupeOptions options = Options();
  options.compression = "zst";
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_EQ(ReadPlain(fs_, "/c/attributes/dup/a.jsonl.zst").substr(0, 4), "\x28\xb5\x2f\xfd");
}

TEST_F(DedupeTest, AFileMatchedTwiceIsAnError) {
  Write(fs_, "/c/documents/a.jsonl", Line("1", "a"));
  DedupeOptions options = Options();
  options.documents.push_back("/c/documents/a.jsonl");
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "matched twice"));
  options.documents = {"/c/none/*"};
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "no documents found: /c/none/*"));
}

// Check 39: the kept copy is the first by file, then by line.
TEST_F(DedupeTest, ThreadsDoNotChangeOneByte) {
  std::mt19937_64 random(11);
  for (int file = 0; file < 9; ++file) {
    std::string text;
    for (int row = 0; row < 3000; ++row) {
      const std::string body = fmt::format("text {} {}", random() % 9000, std::string(600, 'x'));
      text += Line(fmt::format("{}-{}", file, row), body, file % 2 == 0 ? "even" : "odd");
    }
    Write(fs_, fmt::format("/c/documents/{}.jsonl", file), text);
  }
  DedupeOptions options = Options();
  options.name = "one";
  const Result<DedupeReport> one = Run(options, 1);
  options.name = "four";
  const Result<DedupeReport> four = Run(options, 4);
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(four, IsOk());
  options.name = "sixteen";  // more than files: blocks are made by helpers too
  ASSERT_THAT(Run(options, 16), IsOk());
  EXPECT_GT(one->all.duplicates, 10000U);
  EXPECT_EQ(one->all.duplicates, four->all.duplicates);
  for (int file = 0; file < 9; ++file) {
    ASSERT_EQ(ReadPlain(fs_, fmt::format("/c/attributes/one/{}.jsonl", file)),
              ReadPlain(fs_, fmt::format("/c/attributes/four/{}.jsonl", file)));
    ASSERT_EQ(ReadPlain(fs_, fmt::format("/c/attributes/one/{}.jsonl", file)),
              ReadPlain(fs_, fmt::format("/c/attributes/sixteen/{}.jsonl", file)));
  }
}

// More units than a block holds: rows and n-grams go on from block to block.
TEST_F(DedupeTest, RowsOfVeryManyUnitsAreWhole) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) {
    text += fmt::format("{}\n", i);
  }
  Write(fs_, "/c/documents/a.jsonl", Line("1", text) + Line("2", "new") + Line("3", text));
  DedupeOptions options = Options();
  options.unit = DedupeUnitKind::kParagraphs;
  const Result<DedupeReport> report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->all.documents, 3U);
  EXPECT_EQ(report->all.units, 600'001U);
  EXPECT_EQ(report->all.spans, 300'000U);
  const std::string rows = ReadPlain(fs_, "/c/attributes/dup/a.jsonl");
  EXPECT_TRUE(
      rows.starts_with("{\"attributes\":{\"dup\":[]},\"id\":\"1\"}\n"
                       "{\"attributes\":{\"dup\":[]},\"id\":\"2\"}\n"
                       "{\"attributes\":{\"dup\":[[0,2,1],[2,4,1],"));
  EXPECT_TRUE(
      rows.ends_with(fmt::format("[{},{},1]]}},\"id\":\"3\"}}\n", text.size() - 7, text.size())));
  EXPECT_EQ(std::ranges::count(rows, '\n'), 3);
  EXPECT_EQ(std::ranges::count(rows, '['), 300'003);
  options.memory_limit_bytes = 1;
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_TRUE(ReadPlain(fs_, "/c/attributes/dup/a.jsonl") == rows) << "by the spool";

  std::ranges::replace(text, '\n', ' ');
  Write(fs_, "/c/documents/a.jsonl", Line("1", text) + Line("3", text));
  options.unit = DedupeUnitKind::kNgrams;
  options.ngram_length = 3;
  options.overlap_threshold = 0.5;
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_EQ(ReadPlain(fs_, "/c/attributes/dup/a.jsonl"),
            fmt::format("{{\"attributes\":{{\"dup\":[]}},\"id\":\"1\"}}\n"
                        "{{\"attributes\":{{\"dup\":[[0,{},1.0]]}},\"id\":\"3\"}}\n",
                        text.size()));
}

TEST_F(DedupeTest, StopsWhenAsked) {
  Write(fs_, "/c/documents/a.jsonl", Line("1", "a"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(RunDedupe(Options(), {fs_, clock_, progress_, 2, stop.get_token()}),
              IsError(ErrorCode::kCancelled, ""));
}

TEST(DedupeFaultTest, EveryFailureLeavesWholeFilesOrNone) {
  const std::string want =
      "{\"attributes\":{},\"id\":\"1\"}\n{\"attributes\":{\"dup\":[[0,1,1]]},\"id\":\"2\"}\n";
  DedupeOptions options;
  options.documents = {"/c/documents/*"};
  options.attribute_name = "dup";
  const testing::ManualClock clock;
  NullProgress progress;
  const auto run = [&](testing::FaultFileSystem& fs) {
    return RunDedupe(options, {fs, clock, progress, 1, {}});
  };
  testing::ForEachFault(
      [](testing::FaultFileSystem& fs) {
        Write(fs, "/c/documents/a.jsonl", Line("1", "a") + Line("2", "a"));
      },
      [&](testing::FaultFileSystem& fs) { (void)run(fs); },
      [&](testing::FaultFileSystem& fs) {
        const Result<bool> exists = fs.Exists("/c/attributes/dup/a.jsonl");
        ASSERT_THAT(exists, IsOk());
        if (*exists) {
          EXPECT_EQ(ReadPlain(fs, "/c/attributes/dup/a.jsonl"), want);
        }
        ASSERT_THAT(run(fs), IsOk()) << "running again completes it";
        EXPECT_EQ(ReadPlain(fs, "/c/attributes/dup/a.jsonl"), want);
      });
}

Result<DedupeOptions> FromJson(std::string_view text,
                               Compatibility compatibility = Compatibility::kNone) {
  const json::Value value = json::ParseValue(text, "test").value_or(json::Value());
  json::ConfigReader reader(value, "d.yaml");
  return ReadDedupeOptions(reader, compatibility);
}

TEST(DedupeOptionsTest, ReadsTheToolkitsConfig) {
  const Result<DedupeOptions> options = FromJson(
      R"({"documents":["a/documents/*"],"dedupe":{"name":"n","documents":{"attribute_name":"d",)"
      R"("key":"$.metadata.url"},"skip_empty":true,"min_length":3,"min_words":0},"bloom_filter":)"
      R"({"file":"f","read_only":false,"estimated_doc_count":1000,"desired_false_positive_rate":)"
      R"(0.01},"processes":2,"compression":{"output":"zst"},"work_dir":{"input":"x"}})");
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->name, "n");
  EXPECT_EQ(options->key, "$.metadata.url");
  EXPECT_EQ(options->min_length, 3U);
  EXPECT_TRUE(options->skip_empty);
  EXPECT_EQ(options->compression, "zst");
  EXPECT_EQ(options->state_file, "f");
  EXPECT_EQ(options->kind, SeenKind::kExact);
}

TEST(DedupeOptionsTest, ReadsParagraphsAndNgrams) {
  const Result<DedupeOptions> options = FromJson(
      R"({"documents":["a"],"dedupe":{"paragraphs":{"attribute_name":"p","paragraph_separator":)"
      R"("\n\n","by_ngram":{"ngram_length":13,"stride":2,"overlap_threshold":0.5,)"
      R"("skip_short_paragraphs":true}},"min_words":4,"num_partitions":3,"partition_index":2},)"
      R"("bloom_filter":{"file":"f","kind":"bloom","size_in_bytes":4096,"estimated_doc_count":9},)"
      R"("memory_limit":"1.5 GiB"})");
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->unit, DedupeUnitKind::kNgrams);
  EXPECT_EQ(options->attribute_name, "p");
  EXPECT_EQ(options->paragraph_separator, "\n\n");
  EXPECT_EQ(options->ngram_length, 13U);
  EXPECT_EQ(options->stride, 2U);
  EXPECT_EQ(options->overlap_threshold, 0.5F);
  EXPECT_TRUE(options->skip_short_paragraphs);
  EXPECT_EQ(options->min_words, 4U);
  EXPECT_EQ(options->partition_index, 2U);
  EXPECT_EQ(options->kind, SeenKind::kBloom);
  EXPECT_EQ(options->memory_limit_bytes, 1'610'612'736U);
}

TEST(DedupeOptionsTest, RefusesWhatMakesNoSense) {
  constexpr std::string_view head =
      R"({"documents":["a"],"dedupe":{"documents":{"attribute_name":"d","key":"$.text"})";
  const auto read = [&](std::string_view rest) {
    return FromJson(std::string(head) + std::string(rest));
  };
  EXPECT_THAT(read(R"(}})"), IsOk());
  EXPECT_THAT(read(R"(,"min_lenght":3}})"),
              IsError(ErrorCode::kInvalidArgument, "min_lenght; did you mean min_length?"));
  EXPECT_THAT(read(R"(,"paragraphs":{"attribute_name":"p"}}})"),
              IsError(ErrorCode::kInvalidArgument, "documents or paragraphs, not both"));
  EXPECT_THAT(read(R"(,"num_partitions":2,"partition_index":2}})"),
              IsError(ErrorCode::kInvalidArgument, "partition_index"));
  EXPECT_THAT(read(R"(},"bloom_filter":{"read_only":true}})"),
              IsError(ErrorCode::kInvalidArgument, "read_only needs bloom_filter.file"));
  EXPECT_THAT(read(R"(},"bloom_filter":{"kind":"cuckoo"}})"),
              IsError(ErrorCode::kInvalidArgument, "unknown kind: cuckoo"));
  EXPECT_THAT(read(R"(},"bloom_filter":{"kind":"bloom"}})"),
              IsError(ErrorCode::kInvalidArgument, "estimated_doc_count"));
  EXPECT_THAT(read(R"(},"memory_limit":"lots"})"),
              IsError(ErrorCode::kInvalidArgument, "memory_limit must be a number of bytes"));
  EXPECT_THAT(read(R"(,"name":".."}})"), IsError(ErrorCode::kInvalidArgument, "one folder name"));
  EXPECT_THAT(FromJson(R"({"documents":["a"]})"),
              IsError(ErrorCode::kInvalidArgument, "missing key: dedupe"));
  EXPECT_THAT(FromJson(R"({"documents":["a"],"dedupe":{}})"),
              IsError(ErrorCode::kInvalidArgument, "documents or paragraphs"));
}

// As the toolkit does.
TEST(DedupeOptionsTest, DocumentsWinOverParagraphsWithCompatibility) {
  const auto options =
      FromJson(R"({"documents":["a"],"dedupe":{"documents":{"attribute_name":"d","key":"$.text"},)"
               R"("paragraphs":{"attribute_name":"p"}}})",
               Compatibility::kDolma);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->unit, DedupeUnitKind::kDocuments);
  EXPECT_EQ(options->attribute_name, "d");
}

}  // namespace
}  // namespace datalake::curate
