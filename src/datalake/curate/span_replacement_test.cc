#include "datalake/curate/span_replacement.h"

#include <random>

#include <gtest/gtest.h>

namespace datalake::curate {
namespace {

std::string Replace(std::string_view text, std::vector<Replacement> spans) {
  std::string out;
  ReplaceSpans(text, spans, out);
  return out;
}

std::string ReplaceAsToolkit(std::string_view text, std::vector<Replacement> spans) {
  std::string out;
  ReplaceSpansAsToolkit(text, spans, out);
  return out;
}

// The probes of the toolkit's behaviour (Dolma specification, mixer, point 6).
TEST(SpanReplacementTest, AnswersTheProbes) {
  for (const auto replace : {Replace, ReplaceAsToolkit}) {
    EXPECT_EQ(replace("abcdef", {{1, 4, "<{}>"}, {2, 5, "[{}]"}}), "a<bcd>ef");
    EXPECT_EQ(replace("abcdef", {{1, 3, "<{}>"}, {3, 5, "[{}]"}}), "a<bc>[de]f");
    EXPECT_EQ(replace("abcdef", {{4, 6, "<{}>"}}), "abcd<ef>");
    EXPECT_EQ(replace("abcdef", {{1, 3, "A"}, {1, 5, "B"}}), "aAdef");
    EXPECT_EQ(replace("abcdef", {{2, 4, "{}{}"}}), "abcdcdef");
    EXPECT_EQ(replace("abcdef", {{1, 4, ""}}), "aef");
    EXPECT_EQ(replace("abcdef", {{4, 99, "X"}}), "abcdX");
    EXPECT_EQ(replace("abcdef", {{9, 12, "X"}}), "abcdefX");
    EXPECT_EQ(replace("abcdef", {}), "abcdef");
  }
}

TEST(SpanReplacementTest, SpansOfNoLengthInsertButNotInTheToolkit) {
  EXPECT_EQ(Replace("abcdef", {{2, 2, "X{}"}}), "abXcdef");
  EXPECT_EQ(ReplaceAsToolkit("abcdef", {{2, 2, "X{}"}}), "abXdefXcdef");
  EXPECT_EQ(Replace("abcdef", {{0, 1, "X{}"}, {3, 3, "X{}"}, {4, 5, "X{}"}}), "XabcXdXef");
  EXPECT_EQ(ReplaceAsToolkit("abcdef", {{0, 1, "X{}"}, {3, 3, "X{}"}, {4, 5, "X{}"}}),
            "XabcXefXdef");
}

TEST(SpanReplacementTest, OffsetsCountCodePoints) {
  EXPECT_EQ(Replace("\xf0\x9f\x98\x8a"
                    "abc\xc3\xa9",
                    {{2, 3, "-"}, {4, 5, "<{}>"}}),
            "\xf0\x9f\x98\x8a"
            "a-c<\xc3\xa9>");
}

TEST(SpanReplacementTest, AgreesWithTheToolkitsWalkOnSpansInsideTheText) {
  std::mt19937 random(17);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const std::size_t chars = 1 + random() % 12;
    for (std::size_t i = 0; i < chars; ++i) {
      static constexpr std::string_view kCharacters[] = {"a", "\xc3\xa9", "\xe2\x82\xac",
                                                         "\xf0\x9f\x98\x8a"};
      text += kCharacters[random() % 4];
    }
    std::vector<Replacement> spans;
    for (std::size_t n = random() % 5; n > 0; --n) {
      static constexpr std::string_view kReplacements[] = {"", "<{}>", "X"};
      const std::uint64_t start = random() % chars;
      spans.push_back({start, start + 1 + random() % 4, kReplacements[random() % 3]});
    }
    ASSERT_EQ(Replace(text, spans), ReplaceAsToolkit(text, spans)) << text;
  }
}

}  // namespace
}  // namespace datalake::curate
