// Runs of dedupe over paragraphs and n-grams, with little memory, filters, partitions.
#include <unordered_set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/curate/dedupe.h"
#include "datalake/curate/dedupe_test_support.h"
#include "datalake/curate/output_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsOk;

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

}  // namespace
}  // namespace datalake::curate
