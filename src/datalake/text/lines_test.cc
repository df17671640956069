#include "datalake/text/lines.h"

#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datalake::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  ForEachLine(text, [&](std::string_view line) { lines.push_back(line); });
  return lines;
}

std::vector<std::string_view> Runs(std::string_view text) {
  std::vector<std::string_view> lines;
  ForEachLineOfRuns(text, [&](std::string_view line) { lines.push_back(line); });
  return lines;
}

std::vector<std::string_view> Paragraphs(std::string_view text, BlankParagraphs blank) {
  std::vector<std::string_view> paragraphs{"left over"};
  SplitParagraphs(text, blank, paragraphs);
  return paragraphs;
}

TEST(LinesTest, SplitAtEveryNewline) {
  EXPECT_THAT(Lines(""), ElementsAre(""));
  EXPECT_THAT(Lines("\n"), ElementsAre("", ""));
  EXPECT_THAT(Lines("a\n\nb\n"), ElementsAre("a", "", "b", ""));
}

TEST(LinesTest, RunsOfNewlinesSeparateOnce) {
  EXPECT_THAT(Runs(""), ElementsAre(""));
  EXPECT_THAT(Runs("\n\n"), ElementsAre("", ""));
  EXPECT_THAT(Runs("\n\na\n\n\nb\n"), ElementsAre("", "a", "b", ""));
  EXPECT_THAT(Runs("a\nb"), ElementsAre("a", "b"));
}

TEST(LinesTest, ParagraphsKeepTheirNewline) {
  EXPECT_THAT(Paragraphs("", BlankParagraphs::kKeep), IsEmpty());
  EXPECT_THAT(Paragraphs("a\n \xE3\x80\x80\n\nb", BlankParagraphs::kKeep),
              ElementsAre("a\n", " \xE3\x80\x80\n", "\n", "b"));
  EXPECT_THAT(Paragraphs("a\n \xE3\x80\x80\n\nb", BlankParagraphs::kDrop), ElementsAre("a\n", "b"));
}

}  // namespace
}  // namespace datalake::text
