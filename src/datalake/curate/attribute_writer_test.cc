#include "datalake/curate/attribute_writer.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOkAndHolds;

std::string Score(double score) {
  std::string out;
  AppendScore(out, score);
  return out;
}

TEST(AppendScoreTest, RoundsAndWritesAsPython) {
  // What Python 3.11 and msgspec give for round(x, 5).
  EXPECT_EQ(Score(0.0), "0.0");
  EXPECT_EQ(Score(-0.0), "-0.0");
  EXPECT_EQ(Score(1.0), "1.0");
  EXPECT_EQ(Score(1.0 / 3), "0.33333");
  EXPECT_EQ(Score(0.123455), "0.12345");
  EXPECT_EQ(Score(0.123465), "0.12347");
  EXPECT_EQ(Score(5e-6), "0.00001");
  EXPECT_EQ(Score(4.9e-6), "0.0");
  EXPECT_EQ(Score(0.5 / 65536), "0.00001");
  EXPECT_EQ(Score(-2.5), "-2.5");
  EXPECT_EQ(Score(0.999996), "1.0");
  EXPECT_EQ(Score(12345678.0), "12345678.0");
  EXPECT_EQ(Score(1234567.123456), "1234567.12346");
  EXPECT_EQ(Score(1e15), "1000000000000000.0");
  EXPECT_EQ(Score(123456789012345.67), "123456789012345.67");
}

TEST(RoundScoreTest, IsWhatReadersOfLinesGet) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300'000; ++round) {
    double score =
        static_cast<double>(random() % 4'000'000) / static_cast<double>(random() % 2'000 + 1);
    score = round % 3 == 0 ? -score : score;
    score = round % 1000 == 0 ? score * 1e12 : score;
    ASSERT_EQ(RoundScore(score), std::strtod(Score(score).c_str(), nullptr)) << score;
  }
  EXPECT_EQ(RoundScore(1.0 / 64), 0.01562);
}

TEST(AppendScoreTest, TiesOfTheBinaryValueGoToEven) {
  EXPECT_EQ(Score(0.5 + 1.0 / 32), "0.53125");
  EXPECT_EQ(Score(1.0 / 64), "0.01562");  // 0.015625 exactly
  EXPECT_EQ(Score(3.0 / 64), "0.04688");  // 0.046875 exactly
  EXPECT_EQ(Score(4096 + 1.0 / 64), "4096.01562");
}

TEST(AppendScoreTest, AgreesWithPrintfOnRandomRatios) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 300'000; ++round) {
    const double whole = static_cast<double>(random() % 20'000 + 1);
    const double score = static_cast<double>(random() % 40'000) / whole;
    std::array<char, 64> printed;
    std::snprintf(printed.data(), printed.size(), "%.5f", score);
    std::string expected = printed.data();
    while (expected.ends_with('0') && !expected.ends_with(".0")) {
      expected.pop_back();
    }
    ASSERT_EQ(Score(score), expected) << "seed 4, round " << round;
  }
}

class TwoTypes final : public Tagger {
 public:
  std::span<const std::string_view> types() const override {
    static constexpr std::array<std::string_view, 3> kTypes = {"a", "b-c", "d"};
    return kTypes;
  }

  void Tag(DocumentView&, TaggerState*, std::vector<Span>&) const override {}
};

TEST(AttributeWriterTest, GroupsSpansByType) {
  const TwoTypes tagger;
  const AttributeWriter writer({{tagger, "e__t__"}});
  const std::vector<Span> spans = {{1, 0, 1, 0.5}, {0, 1, 2, 1}, {1, 2, 3, 2}};
  std::string out;
  writer.AppendLine("x\n\"", "s", std::array<AttributeWriter::Values, 1>{{{spans}}}, out);
  EXPECT_EQ(out,
            "{\"id\":\"x\\n\\\"\",\"attributes\":{\"e__t__b_c\":[[0,1,0.5],[2,3,2.0]],"
            "\"e__t__a\":[[1,2,1.0]]},\"source\":\"s\"}\n");
}

TEST(AttributeWriterTest, WritesEmptyAttributes) {
  const TwoTypes tagger;
  const AttributeWriter writer({{tagger, "e__t__"}, {tagger, "e__u__"}});
  const std::vector<Span> none;
  const std::vector<Span> one = {{2, 0, 5, 1}};
  std::string out;
  writer.AppendLine("x", "", std::array<AttributeWriter::Values, 2>{{{none}, {none}}}, out);
  writer.AppendLine("y", "", std::array<AttributeWriter::Values, 2>{{{none}, {one}}}, out);
  EXPECT_EQ(out,
            "{\"id\":\"x\",\"attributes\":{},\"source\":\"\"}\n"
            "{\"id\":\"y\",\"attributes\":{\"e__u__d\":[[0,5,1.0]]},\"source\":\"\"}\n");
}

class Learned final : public TaggerState {
 public:
  std::span<const std::string> learned_types() const override { return types_; }

 private:
  std::vector<std::string> types_ = {"by-sa", "\u00e9t\u00e9"};
};

TEST(AttributeWriterTest, NamesLearnedTypes) {
  const TwoTypes tagger;
  const Learned state;
  const AttributeWriter writer({{tagger, "e__t__"}});
  const std::vector<Span> spans = {{4, 0, 1, 1}, {3, 0, 1, 1}, {0, 0, 1, 1}, {4, 1, 2, 1}};
  std::string out;
  writer.AppendLine("x", "", std::array<AttributeWriter::Values, 1>{{{spans, &state}}}, out);
  EXPECT_EQ(out,
            "{\"id\":\"x\",\"attributes\":{\"e__t___t_\":[[0,1,1.0],[1,2,1.0]],"
            "\"e__t__by_sa\":[[0,1,1.0]],\"e__t__a\":[[0,1,1.0]]},\"source\":\"\"}\n");
}

TEST(AttributeKeyPartTest, ReplacesWhatNoNameHolds) {
  EXPECT_THAT(AttributeKeyPart("my-exp.1/\u00e9"), IsOkAndHolds("my_exp_1__"));
  EXPECT_THAT(AttributeKeyPart("1a"), IsError(ErrorCode::kInvalidArgument, "digit"));
  EXPECT_THAT(AttributeKeyPart(""), IsError(ErrorCode::kInvalidArgument, "empty"));
}

}  // namespace
}  // namespace datalake::curate
