#include "datalake/curate/tag.h"

#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/attribute_reader.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/io/stream.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kMaxFileBytes = 1 << 30;

void WriteFile(io::FileSystem& fs, const std::string& path, std::string_view text) {
  ASSERT_THAT(fs.MakeDirectories(io::ParentPath(path)), IsOk());
  auto file = fs.Create(path);
  ASSERT_THAT(file, IsOk());
  auto stream = io::MakeCompressor(*std::move(file), io::CompressionOfPath(path));
  ASSERT_THAT(stream, IsOk());
  ASSERT_THAT((*stream)->Write(text), IsOk());
  ASSERT_THAT((*stream)->Close(), IsOk());
}

std::string ReadText(io::FileSystem& fs, const std::string& path) {
  auto stream = io::OpenCompressed(fs, path);
  if (!stream) {
    return "error: " + stream.error().message;
  }
  std::string text;
  std::string piece(1 << 16, '\0');
  while (true) {
    const auto read = (*stream)->Read(std::as_writable_bytes(std::span(piece)));
    if (!read || *read == 0) {
      return read ? text : "error: " + read.error().message;
    }
    text.append(piece, 0, *read);
  }
}

std::string Line(int id, std::string_view text) {
  return fmt::format("{{\"id\":\"{}\",\"text\":\"{}\",\"source\":\"s\"}}\n", id, text);
}

// Many lines of random words.
std::string ManyLines(int count, unsigned seed) {
  std::mt19937 random(seed);
  std::string lines;
  for (int id = 0; id < count; ++id) {
    std::string text;
    for (unsigned words = random() % 200; words > 0; --words) {
      text += fmt::format("w{}{}", random() % 50, random() % 7 == 0 ? "\\n" : " ");
    }
    lines += Line(id, text);
  }
  return lines;
}

class TagTest : public ::testing::Test {
 protected:
  TagTest() { EXPECT_THAT(AddBuiltinTaggers(registry_), IsOk()); }

  Result<TagReport> Run(io::FileSystem& fs, const TagOptions& options, std::size_t threads = 2) {
    ThreadPool pool(threads);
    return RunTag(options, registry_, {fs, clock_, pool, progress_, {}});
  }

  Result<TagReport> Run(const TagOptions& options) { return Run(fs_, options); }

  bool Exists(const std::string& path) { return fs_.Exists(path).value_or(false); }

  static TagOptions Options(std::string documents) {
    return {
        .documents = {std::move(documents)}, .taggers = {"char_length_v1"}, .experiment = "exp"};
  }

  io::MemoryFileSystem fs_;
  TaggerRegistry registry_;
  testing::ManualClock clock_;
  NullProgress progress_;
};

TEST_F(TagTest, WritesAttributesBesideDocuments) {
  WriteFile(fs_, "/d/documents/a/1.jsonl.gz", Line(1, "abc") + Line(2, ""));
  const auto report = Run(Options("/d/documents/*/*.gz"));  // check 32: the folder `a` stays
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->documents, 2U);
  EXPECT_EQ(report->spans, 2U);
  EXPECT_EQ(report->files_tagged, 1U);
  EXPECT_EQ(ReadText(fs_, "/d/attributes/exp/a/1.jsonl.gz"),
            "{\"id\":\"1\",\"attributes\":{\"exp__char_length_v1__length\":[[0,3,3.0]]},"
            "\"source\":\"s\"}\n"
            "{\"id\":\"2\",\"attributes\":{\"exp__char_length_v1__length\":[[0,0,0.0]]},"
            "\"source\":\"s\"}\n");
}

TEST_F(TagTest, TakesPathsOfTheToolkitWhenAsked) {
  WriteFile(fs_, "/d/documents/a/1.jsonl", Line(1, "abc"));
  WriteFile(fs_, "/d/documents/b/c/2.jsonl", Line(1, "abc"));
  TagOptions options = Options("/d/documents/a/*");
  options.documents = {"/d/documents/*/*", "/d/documents/b/**"};
  options.paths = TagPaths::kToolkit;
  const auto plan = PlanTag(fs_, options, registry_);
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->units.size(), 2U);
  EXPECT_EQ(plan->units[0].outputs[0].path, "/d/attributes/exp/1.jsonl");
  EXPECT_EQ(plan->units[1].outputs[0].path, "/d/attributes/exp/b/2.jsonl");
}

TEST_F(TagTest, GivesEachTaggerItsFolderWithoutExperiment) {
  WriteFile(fs_, "/d/documents/1.jsonl", Line(1, "a b"));
  TagOptions options = Options("/d/documents");
  options.experiment.reset();
  options.taggers = {"char_length_v1", "gopher_v2"};
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_THAT(ReadText(fs_, "/d/attributes/char_length_v1/1.jsonl"),
              HasSubstr("\"char_length_v1__char_length_v1__length\":[[0,3,3.0]]"));
  EXPECT_THAT(ReadText(fs_, "/d/attributes/gopher_v2/1.jsonl"),
              HasSubstr("\"gopher_v2__gopher_v2__word_count\":[[0,3,2.0]]"));
}

TEST_F(TagTest, WritesToDestinationInOtherCompression) {
  WriteFile(fs_, "/in/x/1.jsonl.gz", Line(1, "abc"));
  TagOptions options = Options("/in/**/*.gz");
  options.destination = {"/out"};
  options.compression = "zst";
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_THAT(ReadText(fs_, "/out/x/1.jsonl.zst"), HasSubstr("[[0,3,3.0]]"));
}

TEST_F(TagTest, SkipsExistingOutputsUnlessTold) {
  WriteFile(fs_, "/d/documents/1.jsonl", Line(1, "abc"));
  WriteFile(fs_, "/d/attributes/exp/1.jsonl", "old\n");
  TagOptions options = Options("/d/documents/*");
  auto report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->files_skipped, 1U);
  EXPECT_EQ(ReadText(fs_, "/d/attributes/exp/1.jsonl"), "old\n");
  options.existing = ExistingOutputs::kReplace;
  report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->files_tagged, 1U);
  EXPECT_THAT(ReadText(fs_, "/d/attributes/exp/1.jsonl"), HasSubstr("[[0,3,3.0]]"));
}

TEST_F(TagTest, MakesOutputsOfOtherOptionsOrInputsAnew) {
  WriteFile(fs_, "/d/documents/1.jsonl", Line(1, "abc"));
  TagOptions options = Options("/d/documents/*");
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_EQ(Run(options)->files_skipped, 1U);
  options.taggers = {"char_length_v1", "gopher_v2"};
  EXPECT_EQ(Run(options)->files_tagged, 1U);
  EXPECT_THAT(ReadText(fs_, "/d/attributes/exp/1.jsonl"), HasSubstr("gopher_v2__word_count"));
  EXPECT_EQ(Run(options)->files_skipped, 1U);
  ASSERT_THAT(io::ReplaceFile(fs_, "/d/documents/1.jsonl", Line(1, "xyz")), IsOk());
  EXPECT_EQ(Run(options)->files_tagged, 1U);
}

TEST_F(TagTest, SaysWhatItKeepsOfOtherPrograms) {
  WriteFile(fs_, "/d/documents/1.jsonl", Line(1, "abc"));
  WriteFile(fs_, "/d/attributes/exp/1.jsonl", "old\n");
  const auto report = Run(Options("/d/documents/*"));
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->warnings, ElementsAre(HasSubstr("/d/attributes/exp/1.jsonl")));
}

TEST_F(TagTest, RejectsOfFilesThatAreDoneCountAgain) {
  WriteFile(fs_, "/d/documents/1.jsonl", "{}\n" + Line(1, "abc"));
  TagOptions options = Options("/d/documents/*");
  options.max_rejects = 1;
  ASSERT_THAT(Run(options), IsOk());
  const auto again = Run(options);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->files_skipped, 1U);
  EXPECT_EQ(again->rejects, 1U);
  options.max_rejects = 0;
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "/d/rejects/1.jsonl.jsonl"));
}

struct BadInput {
  std::string line;
  std::string message;
};

void PrintTo(const BadInput& input, std::ostream* out) {
  *out << input.message;
}

class TagBadInputTest : public TagTest, public ::testing::WithParamInterface<BadInput> {};

TEST_P(TagBadInputTest, NamesFileAndLineAndLeavesNothing) {
  WriteFile(fs_, "/d/documents/1.jsonl.gz", Line(1, "a") + GetParam().line + "\n" + Line(3, "c"));
  const auto report = Run(Options("/d/documents/*"));
  EXPECT_THAT(report, IsError(ErrorCode::kInvalidArgument, GetParam().message));
  EXPECT_THAT(report, IsError(ErrorCode::kInvalidArgument,
                              "/d/documents/1.jsonl.gz:2, byte 35 of the file"));
  const auto left = fs_.List("/d/attributes/exp");
  ASSERT_THAT(left, IsOk());
  EXPECT_TRUE(left->empty());
  EXPECT_FALSE(Exists("/d/rejects/1.jsonl.gz.jsonl"));
}

INSTANTIATE_TEST_SUITE_P(Tag, TagBadInputTest,
                         ::testing::Values(BadInput{"{\"id\":\"2\",\"text\":\"b\"", "invalid JSON"},
                                           BadInput{"", "empty line"},
                                           BadInput{"{\"id\":2,\"text\":\"b\"}",
                                                    "`id` is not a string"},
                                           BadInput{"{\"text\":\"b\"}", "no `id`"},
                                           BadInput{"{\"id\":\"2\"}", "no `text`"},
                                           BadInput{"{\"id\":\"2\",\"text\":\"\xFF\"}",
                                                    "invalid UTF-8: byte 18 of the line"}));

TEST_F(TagTest, BearsRejectsAndKeepsLinesAligned) {
  WriteFile(fs_, "/d/documents/1.jsonl", "bad\xFF\n" + Line(2, "b") + "{}\n");
  TagOptions options = Options("/d/documents/*");
  options.max_rejects = 2;
  const auto report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->rejects, 2U);
  EXPECT_EQ(report->documents, 1U);
  EXPECT_EQ(ReadText(fs_, "/d/attributes/exp/1.jsonl"),
            "{\"id\":null,\"attributes\":{},\"source\":null}\n"
            "{\"id\":\"2\",\"attributes\":{\"exp__char_length_v1__length\":[[0,1,1.0]]},"
            "\"source\":\"s\"}\n"
            "{\"id\":null,\"attributes\":{},\"source\":null}\n");
  EXPECT_EQ(ReadText(fs_, "/d/rejects/1.jsonl.jsonl"),
            "{\"line\":1,\"byte_offset\":0,\"reason\":\"invalid UTF-8: byte 3 of the line\","
            "\"raw\":\"bad\uFFFD\"}\n"
            "{\"line\":3,\"byte_offset\":40,\"reason\":\"no `id`\",\"raw\":\"{}\"}\n");
  options.max_rejects = 1;
  options.existing = ExistingOutputs::kReplace;
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "no `id`"));
}

TEST_F(TagTest, BearsDocumentsThatATaggerRejects) {
  WriteFile(fs_, "/d/documents/1.jsonl", "bad\n" + Line(2, " ") + Line(3, "c"));
  TagOptions options = Options("/d/documents/*");
  options.taggers = {"pii_regex_v1"};
  options.compatibility = Compatibility::kDolma;
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "invalid JSON"));
  options.max_rejects = 1;
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "text without a word"));
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "/d/documents/1.jsonl:2, byte 4"));
  options.max_rejects = 2;
  const auto report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->rejects, 2U);
  EXPECT_EQ(report->documents, 1U);
  EXPECT_EQ(ReadText(fs_, "/d/attributes/exp/1.jsonl"),
            "{\"id\":null,\"attributes\":{},\"source\":null}\n"
            "{\"id\":null,\"attributes\":{},\"source\":null}\n"
            "{\"id\":\"3\",\"attributes\":{\"exp__pii_regex_v1__doc\":[[0,1,0.0]]},"
            "\"source\":\"s\"}\n");
  EXPECT_THAT(ReadText(fs_, "/d/rejects/1.jsonl.jsonl"),
              HasSubstr("{\"line\":2,\"byte_offset\":4,\"reason\":\"text without a word"));
}

TEST_F(TagTest, RejectsCountOverAllFiles) {
  WriteFile(fs_, "/d/documents/1.jsonl", "{}\n");
  WriteFile(fs_, "/d/documents/2.jsonl", "{}\n");
  TagOptions options = Options("/d/documents/*");
  options.max_rejects = 1;
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "max_rejects (1)"));
}

TEST_F(TagTest, ReportsTruncatedFile) {
  WriteFile(fs_, "/whole.jsonl.gz", ManyLines(5000, 1));
  const std::string whole = io::ReadFile(fs_, "/whole.jsonl.gz", kMaxFileBytes).value();
  ASSERT_THAT(fs_.MakeDirectories("/d/documents"), IsOk());
  ASSERT_THAT(io::PutIfAbsent(fs_, "/d/documents/1.jsonl.gz",
                              std::string_view(whole).substr(0, whole.size() / 2)),
              IsOk());
  const auto report = Run(Options("/d/documents/*"));
  EXPECT_THAT(report, IsError(ErrorCode::kCorruption, "/d/documents/1.jsonl.gz"));
  EXPECT_THAT(report, IsError(ErrorCode::kCorruption, "; in line "));
  EXPECT_FALSE(Exists("/d/attributes/exp/1.jsonl.gz"));
}

TEST_F(TagTest, BytesDoNotDependOnThreads) {
  WriteFile(fs_, "/d/documents/1.jsonl.gz", ManyLines(8000, 2));
  WriteFile(fs_, "/d/documents/2.jsonl.zst", ManyLines(3000, 3));
  std::vector<std::string> outputs;
  for (const std::size_t threads : {1, 2, 4}) {
    TagOptions options = Options("/d/documents/*");
    options.taggers = {"gopher_v2", "char_length_v1"};
    options.existing = ExistingOutputs::kReplace;
    ASSERT_THAT(Run(fs_, options, threads), IsOk());
    outputs.push_back(io::ReadFile(fs_, "/d/attributes/exp/1.jsonl.gz", kMaxFileBytes).value() +
                      io::ReadFile(fs_, "/d/attributes/exp/2.jsonl.zst", kMaxFileBytes).value());
  }
  EXPECT_GT(outputs[0].size(), 100'000U);
  EXPECT_EQ(outputs[0], outputs[1]);
  EXPECT_EQ(outputs[0], outputs[2]);
}

std::string ReadRows(io::FileSystem& fs, const std::string& path) {
  auto reader = AttributeReader::Open(fs, path);
  if (!reader) {
    return "error: " + reader.error().message;
  }
  std::string rows;
  AttributeBatch batch;
  while ((*reader)->Read(1000, batch).value_or(0) > 0) {
    EXPECT_THAT((*reader)->Decode(batch), IsOk());
    for (const std::string_view row : batch.rows()) {
      rows += fmt::format("{}\n", row);
    }
  }
  return rows;
}

TEST_F(TagTest, WritesTheSameRowsAsParquet) {
  WriteFile(fs_, "/d/documents/1.jsonl.gz", ManyLines(9000, 2) + "bad\n" + ManyLines(8000, 4));
  WriteFile(fs_, "/d/documents/2.jsonl", "{}\n");
  TagOptions options = Options("/d/documents/*");
  options.taggers = {"gopher_v2", "char_length_v1"};
  options.max_rejects = 2;
  ASSERT_THAT(Run(options), IsOk());
  options.format = AttributesFormat::kParquet;
  std::vector<std::string> files;
  for (const std::size_t threads : {1, 2, 8}) {
    options.existing = ExistingOutputs::kReplace;
    ASSERT_THAT(Run(fs_, options, threads), IsOk());
    files.push_back(io::ReadFile(fs_, "/d/attributes/exp/1.parquet", kMaxFileBytes).value());
  }
  EXPECT_EQ(files[0], files[1]);
  EXPECT_EQ(files[0], files[2]);
  const std::string rows = ReadRows(fs_, "/d/attributes/exp/1.parquet");
  EXPECT_GT(rows.size(), 1'000'000U);
  EXPECT_TRUE(rows == ReadText(fs_, "/d/attributes/exp/1.jsonl.gz"));
  EXPECT_EQ(ReadRows(fs_, "/d/attributes/exp/2.parquet"),
            "{\"id\":null,\"attributes\":{},\"source\":null}\n");
}

TEST_F(TagTest, RefusesUnknownTagger) {
  WriteFile(fs_, "/d/documents/1.jsonl", Line(1, "abc"));
  TagOptions options = Options("/d/documents/*");
  options.taggers = {"gopher_v3"};
  EXPECT_THAT(Run(options), IsError(ErrorCode::kNotFound, "did you mean gopher_v"));
}

TEST_F(TagTest, RefusesBadOptions) {
  WriteFile(fs_, "/d/documents/1.jsonl", Line(1, "abc"));
  TagOptions options = Options("/d/documents/*");
  options.experiment = "../up";
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "experiment"));
  options = Options("/d/documents/*");
  options.experiment = "1st";
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "digit"));
  options = Options("/d/documents/*");
  options.destination = {"/a", "/b"};
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "destinations"));
  options = Options("/d/documents/*");
  options.destination = {"/d/documents"};
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "replace their document"));
  options = Options("/d/documents/*");
  options.taggers = {"gopher_v2", "gopher_v2"};
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "twice"));
  EXPECT_THAT(Run(Options("/d/other/*")), IsError(ErrorCode::kInvalidArgument, "no documents"));
}

TEST_F(TagTest, RefusesPathWithoutDocumentsFolder) {
  WriteFile(fs_, "/d/texts/1.jsonl", Line(1, "abc"));
  EXPECT_THAT(Run(Options("/d/texts/1.jsonl")),
              IsError(ErrorCode::kInvalidArgument, "give a destination"));
}

TEST_F(TagTest, RefusesTwoDocumentsForOneOutput) {
  WriteFile(fs_, "/a/1.jsonl", Line(1, "abc"));
  WriteFile(fs_, "/b/1.jsonl", Line(1, "abc"));
  TagOptions options = Options("/a/*");
  options.documents.push_back("/b/*");
  options.destination = {"/out", "/out"};
  EXPECT_THAT(Run(options), IsError(ErrorCode::kInvalidArgument, "same attributes file"));
}

TEST_F(TagTest, TagsAFileOnceAndWarnsOfEmptyPatterns) {
  WriteFile(fs_, "/d/documents/1.jsonl", Line(1, "abc"));
  WriteFile(fs_, "/d/documents/.hidden.jsonl", "no json");
  TagOptions options = Options("/d/documents/*");
  options.documents = {"/d/documents/*", "/d/documents/1.jsonl", "/d/documents", "/none/*"};
  const auto report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->files_tagged, 1U);
  EXPECT_THAT(report->warnings, ElementsAre("no documents found: /none/*"));
}

TEST_F(TagTest, PlansUnitsOfAllFiles) {
  WriteFile(fs_, "/d/documents/b/2.jsonl", "");
  WriteFile(fs_, "/d/documents/a/1.parquet", "");
  const auto plan = PlanTag(fs_, Options("/d/documents/**"), registry_);
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->units.size(), 2U);
  EXPECT_EQ(plan->units[0].input, "/d/documents/a/1.parquet");
  EXPECT_EQ(plan->units[0].outputs[0].path, "/d/attributes/exp/a/1.jsonl.zst");
  EXPECT_EQ(plan->units[1].outputs[0].path, "/d/attributes/exp/b/2.jsonl");
  EXPECT_EQ(plan->units[1].rejects_path, "/d/rejects/b/2.jsonl.jsonl");
}

TEST_F(TagTest, GivesEmptyOutputForEmptyFile) {
  WriteFile(fs_, "/d/documents/1.jsonl", "");
  ASSERT_THAT(Run(Options("/d/documents/*")), IsOk());
  EXPECT_EQ(ReadText(fs_, "/d/attributes/exp/1.jsonl"), "");
  EXPECT_TRUE(Exists("/d/attributes/exp/1.jsonl"));
}

// Whatever call fails and wherever the machine dies: the output is whole or not there, and the next
// run makes it.
TEST_F(TagTest, OutputIsWholeOrAbsentAtEveryFault) {
  const std::string documents = ManyLines(20, 4);
  std::string expected;
  testing::ForEachFault(
      [&](testing::FaultFileSystem& fs) {
        ASSERT_THAT(fs.MakeDirectories("/d/documents"), IsOk());
        ASSERT_THAT(io::ReplaceFile(fs, "/d/documents/1.jsonl", documents), IsOk());
      },
      [&](testing::FaultFileSystem& fs) {
        (void)Run(fs, Options("/d/documents/*"), 1).has_value();
      },
      [&](testing::FaultFileSystem& fs) {
        const std::string path = "/d/attributes/exp/1.jsonl";
        if (expected.empty()) {
          expected = ReadText(fs, path);
          ASSERT_THAT(expected, HasSubstr("exp__char_length_v1__length"));
        }
        if (fs.Exists(path).value_or(false)) {
          EXPECT_EQ(ReadText(fs, path), expected);
        }
        ASSERT_THAT(Run(fs, Options("/d/documents/*"), 1), IsOk());  // goes on
        EXPECT_EQ(ReadText(fs, path), expected);
        EXPECT_EQ(Run(fs, Options("/d/documents/*"), 1)->files_skipped, 1U);
      });
}

}  // namespace
}  // namespace datalake::curate
