// Runs of dedupe over paragraphs and n-grams, with saved state, little memory, partitions.
#include <map>
#include <random>
#include <unordered_set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/dedupe.h"
#include "datalake/curate/output_file.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/json/writer.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::FaultFileSystem;
using datalake::testing::ForEachFault;
using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using Files = std::map<std::string, std::string>;

std::string Line(std::string_view id, std::string_view text) {
  std::string line;
  json::Writer writer(line);
  writer.BeginObject();
  writer.Key("id");
  writer.String(id);
  writer.Key("text");
  writer.String(text);
  writer.EndObject();
  writer.EndLine();
  return line;
}

void Put(io::FileSystem& fs, std::string_view path, std::string_view text) {
  ASSERT_THAT(io::ReplaceFile(fs, path, text), IsOk());
}

std::string Get(io::FileSystem& fs, std::string_view path) {
  const Result<std::string> text = io::ReadFile(fs, path, 1 << 30);
  return text ? *text : ToString(text.error());
}

// Everything in the folder of attributes, temporary files too.
Files AllIn(io::FileSystem& fs, const std::string& folder) {
  Files files;
  const auto entries = fs.List(folder);
  if (entries) {
    for (const io::DirectoryEntry& entry : *entries) {
      files[entry.name] = entry.is_directory ? "(folder)" : Get(fs, folder + "/" + entry.name);
    }
  }
  return files;
}

DedupeOptions OptionsOf(DedupeUnitKind unit) {
  DedupeOptions options;
  options.documents = {"/c/documents/*"};
  options.attribute_name = "dup";
  options.unit = unit;
  if (unit == DedupeUnitKind::kNgrams) {
    options.ngram_length = 3;
    options.overlap_threshold = 0.5F;
  }
  return options;
}

Result<DedupeReport> RunOn(io::FileSystem& fs, const DedupeOptions& options,
                           std::size_t threads = 2) {
  const testing::ManualClock clock;
  NullProgress progress;
  return RunDedupe(options, {fs, clock, progress, threads, {}});
}

// Texts of few words, so that documents, paragraphs and n-grams come again.
void MakeCorpus(io::FileSystem& fs, int files, int rows, std::uint64_t seed = 5) {
  std::mt19937_64 random(seed);
  for (int file = 0; file < files; ++file) {
    std::string lines;
    for (int row = 0; row < rows; ++row) {
      std::string text;
      for (std::uint64_t paragraph = random() % 4; paragraph > 0; --paragraph) {
        for (std::uint64_t word = random() % 7; word > 0; --word) {
          text += fmt::format("w{} ", random() % 12);
        }
        text += random() % 5 == 0 ? "\u00e9\n\n" : "\n";
      }
      lines += Line(fmt::format("{}-{}", file, row), text);
    }
    Put(fs, fmt::format("/c/documents/{}.jsonl", file), lines);
  }
}

TEST(DedupeParagraphsTest, MarksLaterOnesInCodePoints) {
  io::MemoryFileSystem fs;
  Put(fs, "/c/documents/a.jsonl",
      Line("1", "h\u00e9\nb\nh\u00e9") + Line("2", "") + Line("3", "new") + Line("4", "b\n"));
  const auto report = RunOn(fs, OptionsOf(DedupeUnitKind::kParagraphs));
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(Get(fs, "/c/attributes/dup/a.jsonl"),
            "{\"attributes\":{\"dup\":[[5,7,1]]},\"id\":\"1\"}\n{\"attributes\":{},\"id\":\"2\"}\n"
            "{\"attributes\":{\"dup\":[]},\"id\":\"3\"}\n"
            "{\"attributes\":{\"dup\":[[0,2,1]]},\"id\":\"4\"}\n");
  EXPECT_EQ(report->all.units, 5U);
  EXPECT_EQ(report->all.duplicates, 2U);
  EXPECT_EQ(report->all.duplicate_chars, 4U);
  EXPECT_EQ(report->all.left_alone, 1U);
}

TEST(DedupeNgramsTest, ScoreIsTheShareOfKnownOnes) {
  io::MemoryFileSystem fs;
  DedupeOptions options = OptionsOf(DedupeUnitKind::kNgrams);
  options.overlap_threshold = 0.3F;
  Put(fs, "/c/documents/a.jsonl",
      Line("1", "a b c d e") + Line("2", "a b c d x") + Line("3", "a, b c\nshort") +
          Line("4", "short\nx x x x x"));
  ASSERT_THAT(RunOn(fs, options), IsOk());
  EXPECT_EQ(Get(fs, "/c/attributes/dup/a.jsonl"),
            "{\"attributes\":{\"dup\":[]},\"id\":\"1\"}\n"
            "{\"attributes\":{\"dup\":[[0,9,0.6666666865348816]]},\"id\":\"2\"}\n"
            "{\"attributes\":{\"dup\":[]},\"id\":\"3\"}\n"
            "{\"attributes\":{\"dup\":[[0,6,1.0],[6,15,0.6666666865348816]]},\"id\":\"4\"}\n");
}

TEST(DedupeNgramsTest, ThresholdZeroGivesEveryParagraph) {
  io::MemoryFileSystem fs;
  DedupeOptions options = OptionsOf(DedupeUnitKind::kNgrams);
  options.overlap_threshold = 0;
  Put(fs, "/c/documents/a.jsonl", Line("1", "a b c d e\nf"));
  ASSERT_THAT(RunOn(fs, options), IsOk());
  EXPECT_EQ(Get(fs, "/c/attributes/dup/a.jsonl"),
            "{\"attributes\":{\"dup\":[[0,10,0.0],[10,11,0.0]]},\"id\":\"1\"}\n");
}

class DedupeModesTest : public ::testing::TestWithParam<DedupeUnitKind> {};

INSTANTIATE_TEST_SUITE_P(Modes, DedupeModesTest,
                         ::testing::Values(DedupeUnitKind::kDocuments, DedupeUnitKind::kParagraphs,
                                           DedupeUnitKind::kNgrams));

// Check 39, and the same with keys on disk: every limit of memory gives the same bytes.
TEST_P(DedupeModesTest, Check39ThreadsAndMemoryDoNotChangeOneByte) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 5, 3000);
  DedupeOptions options = OptionsOf(GetParam());
  const auto whole = RunOn(fs, options, 1);
  ASSERT_THAT(whole, IsOk());
  EXPECT_GT(whole->all.duplicates, 1000U);
  EXPECT_EQ(whole->spilled_keys, 0U);
  const Files want = AllIn(fs, "/c/attributes/dup");
  EXPECT_EQ(want.size(), 5U);
  for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{300'000}}) {
    for (const std::size_t threads : {1, 2, 8}) {
      options.name = fmt::format("l{}t{}", limit, threads);
      options.memory_limit_bytes = limit;
      const auto report = RunOn(fs, options, threads);
      ASSERT_THAT(report, IsOk());
      EXPECT_EQ(report->spilled_keys > 0, limit == 1) << limit;
      EXPECT_EQ(report->all.duplicates, whole->all.duplicates);
      EXPECT_EQ(AllIn(fs, "/c/attributes/" + options.name), want) << options.name;
    }
  }
}

TEST_P(DedupeModesTest, BloomFilterAgreesWhenItIsLarge) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 3, 2000);
  DedupeOptions options = OptionsOf(GetParam());
  ASSERT_THAT(RunOn(fs, options, 1), IsOk());
  const Files want = AllIn(fs, "/c/attributes/dup");
  options.kind = SeenKind::kBloom;
  options.bloom_keys = 100'000;
  options.bloom_error = 1e-9;
  for (const std::size_t threads : {1, 2, 8}) {
    options.name = fmt::format("t{}", threads);
    const auto report = RunOn(fs, options, threads);
    ASSERT_THAT(report, IsOk());
    EXPECT_GT(report->error_rate, 0);
    EXPECT_LT(report->error_rate, 1e-9);
    EXPECT_EQ(report->key_bytes, std::uint64_t{1} << 20);
    EXPECT_EQ(AllIn(fs, "/c/attributes/" + options.name), want);
  }
}

TEST(DedupeBloomTest, WarnsOfAFilterThatIsTooSmall) {
  io::MemoryFileSystem fs;
  std::string lines;
  for (int i = 0; i < 20'000; ++i) {
    lines += Line(std::to_string(i), fmt::format("text {}", i));
  }
  Put(fs, "/c/documents/a.jsonl", lines);
  DedupeOptions options = OptionsOf(DedupeUnitKind::kDocuments);
  options.kind = SeenKind::kBloom;
  options.bloom_bytes = 4096;
  options.bloom_keys = 20'000;
  options.bloom_error = 1e-6;
  const auto report = RunOn(fs, options);
  ASSERT_THAT(report, IsOk());
  EXPECT_GT(report->error_rate, 0.1);
  EXPECT_THAT(report->warnings, ::testing::ElementsAre(::testing::HasSubstr("too small")));
}

TEST(DedupeSourcesTest, ManySourcesAreCountedEach) {
  io::MemoryFileSystem fs;
  std::string lines;
  for (int i = 0; i < 5000; ++i) {
    lines += fmt::format("{{\"id\":\"{}\",\"text\":\"t{}\",\"source\":\"s{}\"}}\n", i, i % 2500,
                         i % 1250);
  }
  Put(fs, "/c/documents/a.jsonl", lines);
  const auto report = RunOn(fs, OptionsOf(DedupeUnitKind::kDocuments));
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->sources.size(), 1250U);
  for (const auto& [name, counts] : report->sources) {
    EXPECT_EQ(counts.documents, 4U) << name;
    EXPECT_EQ(counts.duplicates, 2U) << name;
  }
}

// New files against the state give what all files together would have given.
TEST_P(DedupeModesTest, IncrementalRunsEqualOneRunOverAll) {
  for (const SeenKind kind : {SeenKind::kExact, SeenKind::kBloom}) {
    for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{1}}) {
      io::MemoryFileSystem fs;
      MakeCorpus(fs, 4, 1500);
      DedupeOptions options = OptionsOf(GetParam());
      ASSERT_THAT(RunOn(fs, options), IsOk());
      const Files want = AllIn(fs, "/c/attributes/dup");
      options.name = "parts";
      options.state_file = "/c/state.bin";
      options.kind = kind;
      options.bloom_keys = 100'000;
      options.bloom_error = 1e-9;
      options.memory_limit_bytes = kind == SeenKind::kExact ? limit : 0;
      options.documents = {"/c/documents/0.jsonl", "/c/documents/1.jsonl"};
      ASSERT_THAT(RunOn(fs, options), IsOk());
      options.documents = {"/c/documents/2.jsonl"};
      ASSERT_THAT(RunOn(fs, options), IsOk());
      options.documents = {"/c/documents/*"};
      const auto last = RunOn(fs, options);
      ASSERT_THAT(last, IsOk());
      EXPECT_EQ(last->done_files, 3U);
      EXPECT_EQ(last->files, 1U);
      EXPECT_EQ(AllIn(fs, "/c/attributes/parts"), want);
    }
  }
}

// The same state whatever the memory.
TEST_P(DedupeModesTest, StateHasTheSameBytesWithLittleMemory) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 3, 1500);
  std::string want;
  for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{1}}) {
    DedupeOptions options = OptionsOf(GetParam());
    options.name = fmt::format("n{}", limit);
    options.memory_limit_bytes = limit;
    options.state_file = fmt::format("/c/state{}.bin", limit);
    options.documents = {"/c/documents/0.jsonl"};
    ASSERT_THAT(RunOn(fs, options, 1), IsOk());
    options.documents = {"/c/documents/*"};
    ASSERT_THAT(RunOn(fs, options, 8), IsOk());
    const std::string state = Get(fs, options.state_file);
    EXPECT_TRUE(want.empty() || state == want);
    want = state;
  }
  EXPECT_GT(want.size(), 1000U);
}

// Check 34.
TEST_P(DedupeModesTest, Check34RunningAgainWithTheStateChangesNothing) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 3, 500);
  DedupeOptions options = OptionsOf(GetParam());
  options.state_file = "/c/state.bin";
  ASSERT_THAT(RunOn(fs, options), IsOk());
  const Files want = AllIn(fs, "/c/attributes/dup");
  const std::string state = Get(fs, "/c/state.bin");

  const auto again = RunOn(fs, options);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->done_files, 3U);
  EXPECT_EQ(again->files, 0U);
  EXPECT_EQ(AllIn(fs, "/c/attributes/dup"), want);
  EXPECT_EQ(Get(fs, "/c/state.bin"), state);

  // Marks that were lost are made again as they were, wherever they stood.
  for (const std::vector<std::string>& lost :
       {std::vector<std::string>{"1"}, {"0", "2"}, {"0", "1", "2"}}) {
    for (const std::string& name : lost) {
      ASSERT_THAT(fs.Remove(fmt::format("/c/attributes/dup/{}.jsonl", name)), IsOk());
    }
    const auto report = RunOn(fs, options);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->done_files, 3 - lost.size());
    EXPECT_EQ(AllIn(fs, "/c/attributes/dup"), want);
    EXPECT_EQ(Get(fs, "/c/state.bin"), state);
  }

  // The toolkit takes them for duplicates of themselves.
  options.compatibility = Compatibility::kDolma;
  options.name = "dolma";
  const auto flagged = RunOn(fs, options);
  ASSERT_THAT(flagged, IsOk());
  EXPECT_EQ(flagged->all.duplicates, flagged->all.units);
}

// Marks of an earlier generation are made again from what was known then.
TEST_P(DedupeModesTest, LostMarksOfAnEarlierGenerationAreMadeAgain) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 6, 400);
  DedupeOptions options = OptionsOf(GetParam());
  options.state_file = "/c/state.bin";
  for (const std::vector<std::string>& part : {std::vector<std::string>{"/c/documents/[01].jsonl"},
                                               {"/c/documents/[0-3].jsonl"},
                                               {"/c/documents/*"}}) {
    options.documents = part;
    ASSERT_THAT(RunOn(fs, options), IsOk());
  }
  const Files want = AllIn(fs, "/c/attributes/dup");
  const std::string state = Get(fs, "/c/state.bin");
  ASSERT_THAT(fs.Remove("/c/attributes/dup/1.jsonl"), IsOk());
  ASSERT_THAT(fs.Remove("/c/attributes/dup/2.jsonl"), IsOk());
  ASSERT_THAT(fs.Remove("/c/attributes/dup/5.jsonl"), IsOk());
  options.memory_limit_bytes = 1;  // and on disk
  ASSERT_THAT(RunOn(fs, options), IsOk());
  EXPECT_EQ(AllIn(fs, "/c/attributes/dup"), want);
  EXPECT_EQ(Get(fs, "/c/state.bin"), state);
}

TEST(DedupeStateRunTest, ChangedInputsAndOtherOptionsAreErrors) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 2, 50);
  DedupeOptions options = OptionsOf(DedupeUnitKind::kParagraphs);
  options.state_file = "/c/state.bin";
  ASSERT_THAT(RunOn(fs, options), IsOk());
  options.min_length = 3;
  EXPECT_THAT(RunOn(fs, options), IsError(ErrorCode::kConflict, "other options"));
  options.min_length = 0;
  Put(fs, "/c/documents/1.jsonl", Line("x", "changed"));
  EXPECT_THAT(RunOn(fs, options), IsError(ErrorCode::kConflict, "was changed"));
}

TEST(DedupeStateRunTest, ATouchedOrMovedInputIsStillTheSame) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 2, 50);
  DedupeOptions options = OptionsOf(DedupeUnitKind::kDocuments);
  options.state_file = "/c/state.bin";
  ASSERT_THAT(RunOn(fs, options), IsOk());
  Put(fs, "/c/documents/1.jsonl", Get(fs, "/c/documents/1.jsonl"));
  Put(fs, "/moved/documents/0.jsonl", Get(fs, "/c/documents/0.jsonl"));
  const auto touched = RunOn(fs, options);
  ASSERT_THAT(touched, IsOk());
  EXPECT_EQ(touched->done_files, 2U);
  options.documents = {"/moved/documents/*"};
  ASSERT_THAT(RunOn(fs, options), IsOk());
  EXPECT_EQ(Get(fs, "/moved/attributes/dup/0.jsonl"), Get(fs, "/c/attributes/dup/0.jsonl"));
}

TEST(DedupeStateRunTest, ABloomFilterCannotMakeMarksAgain) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 1, 50);
  DedupeOptions options = OptionsOf(DedupeUnitKind::kDocuments);
  options.state_file = "/c/state.bin";
  options.kind = SeenKind::kBloom;
  options.bloom_keys = 1000;
  options.bloom_error = 1e-6;
  ASSERT_THAT(RunOn(fs, options), IsOk());
  EXPECT_THAT(RunOn(fs, options), IsOk());
  ASSERT_THAT(fs.Remove("/c/attributes/dup/0.jsonl"), IsOk());
  EXPECT_THAT(RunOn(fs, options), IsError(ErrorCode::kConflict, "marks are gone"));
}

TEST(DedupeStateRunTest, OneRunAtATimeWritesAState) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 1, 50);
  DedupeOptions options = OptionsOf(DedupeUnitKind::kDocuments);
  options.state_file = "/c/state.bin";
  {
    const auto other = fs.Lock("/c/.state.bin.lock");
    ASSERT_THAT(other, IsOk());
    EXPECT_THAT(RunOn(fs, options), IsError(ErrorCode::kUnavailable, ""));
  }
  EXPECT_THAT(RunOn(fs, options), IsOk());
  const auto other = fs.Lock("/c/.state.bin.lock");
  options.is_read_only = true;
  EXPECT_THAT(RunOn(fs, options), IsOk());
}

// Check 35.
TEST(DecontaminationTest, Check35MissingFilterIsAnErrorBeforeDataIsRead) {
  io::MemoryFileSystem fs;
  Put(fs, "/c/documents/a.jsonl", "no JSON at all\n");
  DedupeOptions options = OptionsOf(DedupeUnitKind::kParagraphs);
  options.state_file = "/c/none.bin";
  options.is_read_only = true;
  EXPECT_THAT(RunOn(fs, options), IsError(ErrorCode::kNotFound, "/c/none.bin"));
  // The toolkit looks into an empty one and finds nothing.
  Put(fs, "/c/documents/a.jsonl", Line("1", "a\na"));
  options.compatibility = Compatibility::kDolma;
  ASSERT_THAT(RunOn(fs, options), IsOk());
  EXPECT_EQ(Get(fs, "/c/attributes/dup/a.jsonl"), "{\"attributes\":{\"dup\":[]},\"id\":\"1\"}\n");
  EXPECT_THAT(fs.Exists("/c/none.bin"), IsOkAndHolds(false));
}

// Check 36.
TEST(DecontaminationTest, Check36FindsTheTestsParagraphsAndLeavesTheFilterAsItIs) {
  for (const SeenKind kind : {SeenKind::kExact, SeenKind::kBloom}) {
    for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{1}}) {
      io::MemoryFileSystem fs;
      Put(fs, "/eval/documents/e.jsonl", Line("e", "question one\nquestion two"));
      Put(fs, "/c/documents/a.jsonl",
          Line("1", "text\nquestion two\ntext") + Line("2", "question one") +
              Line("3", "text\nquestion"));
      DedupeOptions options = OptionsOf(DedupeUnitKind::kParagraphs);
      options.documents = {"/eval/documents/*"};
      options.state_file = "/c/eval.bin";
      options.kind = kind;
      options.bloom_keys = 1000;
      options.bloom_error = 1e-9;
      options.memory_limit_bytes = kind == SeenKind::kExact ? limit : 0;
      ASSERT_THAT(RunOn(fs, options), IsOk());
      const std::string filter = Get(fs, "/c/eval.bin");
      options.documents = {"/c/documents/*"};
      options.is_read_only = true;
      for (int round = 0; round < 2; ++round) {
        ASSERT_THAT(RunOn(fs, options), IsOk());
        EXPECT_EQ(Get(fs, "/c/attributes/dup/a.jsonl"),
                  "{\"attributes\":{\"dup\":[[5,18,1]]},\"id\":\"1\"}\n"
                  "{\"attributes\":{\"dup\":[[0,12,1]]},\"id\":\"2\"}\n"
                  "{\"attributes\":{\"dup\":[]},\"id\":\"3\"}\n");
        EXPECT_EQ(Get(fs, "/c/eval.bin"), filter);
      }
    }
  }
}

// The spans of all partitions together are those of one run.
TEST(DedupePartitionTest, PartitionsTogetherFindAll) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 2, 800);
  DedupeOptions options = OptionsOf(DedupeUnitKind::kParagraphs);
  const auto whole = RunOn(fs, options);
  ASSERT_THAT(whole, IsOk());
  std::uint64_t units = 0;
  std::uint64_t duplicates = 0;
  options.num_partitions = 3;
  for (options.partition_index = 0; options.partition_index < 3; ++options.partition_index) {
    const auto part = RunOn(fs, options);
    ASSERT_THAT(part, IsOk());
    units += part->all.units;
    duplicates += part->all.duplicates;
    EXPECT_THAT(Get(fs, fmt::format("/c/attributes/dup_{}/0.jsonl", options.partition_index)),
                ::testing::StartsWith(
                    fmt::format("{{\"attributes\":{{\"dup_{}\":", options.partition_index)));
  }
  EXPECT_EQ(units, whole->all.units);
  EXPECT_EQ(duplicates, whole->all.duplicates);
}

TEST(DedupePartitionTest, FilePartitionSharesFilesAndAllTheirKeys) {
  io::MemoryFileSystem fs;
  MakeCorpus(fs, 12, 20);
  DedupeOptions options = OptionsOf(DedupeUnitKind::kParagraphs);
  options.num_partitions = 3;
  options.file_partition = true;
  std::size_t files = 0;
  for (options.partition_index = 0; options.partition_index < 3; ++options.partition_index) {
    const auto part = RunOn(fs, options);
    ASSERT_THAT(part, IsOk());
    files += part->files;
    EXPECT_EQ(AllIn(fs, fmt::format("/c/attributes/dup_{}", options.partition_index)).size(),
              part->files);
  }
  EXPECT_EQ(files, 12U);
}

// Whatever fails, wherever the power goes: whole outputs or none, the old state or the new one, and
// running again ends with the same bytes.
TEST(DedupeCrashTest, RunningAgainAfterAnyFailureEndsWithTheSameBytes) {
  for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{1}}) {
    DedupeOptions options = OptionsOf(DedupeUnitKind::kParagraphs);
    options.state_file = "/c/state.bin";
    options.memory_limit_bytes = limit;
    const auto prepare = [](io::FileSystem& fs) {
      Put(fs, "/c/documents/a.jsonl", Line("1", "a\nb\na"));
      Put(fs, "/c/documents/b.jsonl", Line("2", "b\nc"));
    };
    io::MemoryFileSystem plain;
    prepare(plain);
    ASSERT_THAT(RunOn(plain, options, 1), IsOk());
    const Files want = AllIn(plain, "/c/attributes/dup");
    ForEachFault([&](FaultFileSystem& fs) { prepare(fs); },
                 [&](FaultFileSystem& fs) { (void)RunOn(fs, options, 1); },
                 [&](FaultFileSystem& fs) {
                   for (const auto& [name, bytes] : AllIn(fs, "/c/attributes/dup")) {
                     if (!name.starts_with('.')) {
                       EXPECT_EQ(bytes, want.at(name));
                     }
                   }
                   ASSERT_THAT(RunOn(fs, options, 1), IsOk());
                   for (const auto& [name, bytes] : want) {
                     EXPECT_EQ(Get(fs, "/c/attributes/dup/" + name), bytes);
                   }
                   EXPECT_THAT(RunOn(fs, options, 1), IsOk());
                 },
                 limit == 1 ? 1 : 2);
  }
}

}  // namespace
}  // namespace datalake::curate
