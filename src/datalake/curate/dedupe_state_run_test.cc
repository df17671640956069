// Runs of dedupe with saved state: increments, repeats, decontamination, failures.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/dedupe.h"
#include "datalake/curate/dedupe_test_support.h"
#include "datalake/curate/output_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::FaultFileSystem;
using datalake::testing::ForEachFault;
using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;

class DedupeSavedStateTest : public ::testing::TestWithParam<DedupeUnitKind> {};

INSTANTIATE_TEST_SUITE_P(Modes, DedupeSavedStateTest,
                         ::testing::Values(DedupeUnitKind::kDocuments, DedupeUnitKind::kParagraphs,
                                           DedupeUnitKind::kNgrams));

// New files against the state give what all files together would have given.
TEST_P(DedupeSavedStateTest, IncrementalRunsEqualOneRunOverAll) {
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
TEST_P(DedupeSavedStateTest, StateHasTheSameBytesWithLittleMemory) {
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
TEST_P(DedupeSavedStateTest, Check34RunningAgainWithTheStateChangesNothing) {
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
TEST_P(DedupeSavedStateTest, LostMarksOfAnEarlierGenerationAreMadeAgain) {
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
