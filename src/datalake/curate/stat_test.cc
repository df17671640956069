#include "datalake/curate/stat.h"

#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The expected numbers of these are the toolkit's own (dolma 1.2.1, core/binning.py and NumPy).

TEST(EqualCountHistogramTest, SplitsEvenly) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<std::uint64_t> weights(9, 1);
  const Histogram histogram = EqualCountHistogram(values, weights, 3);
  EXPECT_THAT(histogram.counts, ElementsAre(3, 3, 3));
  EXPECT_THAT(histogram.edges, ElementsAre(1, 3.5, 6.5, 9));
}

TEST(EqualWidthHistogramTest, CutsAsNumPy) {
  const std::vector<double> values = {0.0, 0.1, 0.2, 0.3, 0.7, 1.0};
  const std::vector<std::uint64_t> weights = {1, 2, 3, 4, 5, 6};
  const Histogram histogram = EqualWidthHistogram(values, weights, 3);
  EXPECT_THAT(histogram.counts, ElementsAre(10, 0, 11));
  EXPECT_THAT(histogram.edges, ElementsAre(DoubleEq(0), DoubleEq(1.0 / 3), DoubleEq(2.0 / 3), 1));
}

TEST(ValueBinsTest, KeepsFiveDigitsOfEachPowerOfTwo) {
  ValueBins bins;
  bins.Add(0);
  bins.Add(0.25);
  bins.Add(0.25);
  bins.Add(-3);
  bins.Add(1e300);
  const Histogram histogram = bins.Summarize(10);
  EXPECT_THAT(histogram.counts, ElementsAre(1, 1, 2, 1));
  ASSERT_EQ(histogram.edges.size(), 5U);
  EXPECT_EQ(histogram.edges[0], -3);
  EXPECT_EQ(histogram.edges[1], 0);
  EXPECT_EQ(histogram.edges[2], 0.25);
  EXPECT_NEAR(histogram.edges[3] / 1e300, 1, 1e-5);
  EXPECT_GT(histogram.edges[4], 1e300);
}

class StatTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, std::string_view text) {
    ASSERT_THAT(io::ReplaceFile(fs_, path, text), IsOk());
  }

  Result<StatReport> Run(const StatOptions& options, std::size_t threads = 1) {
    return RunStat(options, {fs_, clock_, progress_, threads, {}});
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  NullProgress progress_;
};

// specs/dolma.md §12, check 44.
TEST_F(StatTest, Check44CountsEmptyListsAsZero) {
  Write("/a.jsonl",
        "{\"id\":\"1\",\"attributes\":{\"x\":[[0,4,0.5],[4,6,0.25]],\"y__label__z\":[[0,1,1.5]]}}\n"
        "{\"id\":\"2\",\"attributes\":{\"x\":[]}}\n");
  const auto report = Run({.attributes = {"/a.jsonl"}, .report = "/report"});
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->series.size(), 4U);
  EXPECT_EQ(report->series[0].name, "x/score");
  EXPECT_EQ(report->series[0].total, 3U);
  EXPECT_EQ(report->series[0].sum, 0.75);
  EXPECT_THAT(report->series[0].histogram.counts, ElementsAre(1, 1, 1));
  EXPECT_EQ(report->series[1].name, "x/length");
  EXPECT_EQ(report->series[1].sum, 6);
  EXPECT_EQ(report->series[2].sum, 1);  // a label's score is at most 1
  EXPECT_THAT(SummaryLines(*report),
              HasSubstr(R"({"name":"x/length","counts":[1,1,1],"bins":[0.0,2.0,4.0,4.00008],)"
                        R"("total":3,"sum":6})"));
  EXPECT_THAT(fs_.Exists("/report/summaries.jsonl.gz"), testing::IsOkAndHolds(true));
}

TEST_F(StatTest, TakesSeveralPatternsAndARegex) {
  Write("/a/1.jsonl", "{\"id\":\"1\",\"attributes\":{\"ab\":[[0,4,1]],\"c\":[[0,4,1]]}}\n");
  Write("/b/1.jsonl", "{\"id\":\"1\",\"attributes\":{\"xb\":[[0,4,2]],\"ab\":[[0,4,1]]}}\n");
  const auto report = Run({.attributes = {"/a/*", "/b/*"}, .regex = "b$"});
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->series.size(), 4U);
  EXPECT_EQ(report->series[0].name, "ab/score");
  EXPECT_EQ(report->series[0].total, 2U);
  EXPECT_EQ(report->series[2].name, "xb/score");
}

TEST_F(StatTest, IsTheSameWhateverTheThreads) {
  for (int file = 0; file < 3; ++file) {
    std::string text;
    for (int i = 0; i < 20'000; ++i) {
      text += fmt::format("{{\"id\":\"{}\",\"attributes\":{{\"x\":[[0,{},{}]]}}}}\n", i, i % 1777,
                          std::sin(i * 0.1) * 1e-3);
    }
    Write(fmt::format("/a/{}.jsonl", file), text);
  }
  const StatOptions options = {.attributes = {"/a/*"}, .bins = 100, .is_total = true};
  const auto one = Run(options, 1);
  const auto four = Run(options, 4);
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(four, IsOk());
  EXPECT_EQ(SummaryLines(*one), SummaryLines(*four));
  EXPECT_EQ(SummaryTables(*one, options), SummaryTables(*four, options));
  EXPECT_EQ(one->rows, 60'000U);
  EXPECT_LE(one->series[0].shown.counts.size(), 11U);
}

TEST_F(StatTest, PrintsATable) {
  Write("/a.jsonl",
        "{\"id\":\"1\",\"attributes\":{\"x\":[[0,4,0.5],[4,6,0.25]]}}\n"
        "{\"id\":\"2\",\"attributes\":{\"x\":[[0,3000000,0.5]]}}\n");
  const StatOptions options = {.attributes = {"/a.jsonl"}, .is_total = true, .regex = "x"};
  const auto report = Run(options);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(SummaryTables(*report, options),
              HasSubstr("x/score\n"
                        "  value             dist             count\n"
                        "  [0.2500, 0.5000)  0.3333               1\n"
                        "  [0.5000, 0.5000]  0.6667               2\n"
                        "  1.25              <- sum/total ->      3\n"));
}

TEST_F(StatTest, NamesTheRowThatHoldsNoSpans) {
  Write("/a.jsonl", "{\"id\":\"1\",\"attributes\":{}}\n{\"id\":\"2\",\"attributes\":{\"x\":3}}\n");
  EXPECT_THAT(
      Run({.attributes = {"/a.jsonl"}}),
      IsError(ErrorCode::kInvalidArgument, "no list of spans [start, end, score]: x: /a.jsonl:2"));
  Write("/b.jsonl", "{\"id\":\"1\",\"text\":\"x\"}\n");
  EXPECT_THAT(Run({.attributes = {"/b.jsonl"}}),
              IsError(ErrorCode::kInvalidArgument, "is this an attribute file?: /b.jsonl:1"));
  EXPECT_THAT(Run({.attributes = {"/a.jsonl"}, .regex = "("}),
              IsError(ErrorCode::kInvalidArgument, "bad regex"));
}

}  // namespace
}  // namespace datalake::curate
