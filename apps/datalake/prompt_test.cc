#include "apps/datalake/prompt.h"

#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::apps {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> kNames = {"alpha", "2024-11", "beta", "gamma"};

class PromptTest : public ::testing::Test {
 protected:
  // A prompt whose user types `lines`.
  Prompt Answers(const std::string& lines) {
    in_ = std::istringstream(lines);
    return Prompt(in_, out_.get());
  }

  std::string Shown() {
    std::string text(static_cast<std::size_t>(std::ftell(out_.get())), '\0');
    std::rewind(out_.get());
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), out_.get()), text.size());
    return text;
  }

  std::istringstream in_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_{std::tmpfile(), std::fclose};
};

TEST_F(PromptTest, RequireAsksUntilTheAnswerPasses) {
  Prompt prompt = Answers("\n a/b \ngood\n");
  std::string value;
  const auto check = [](std::string_view answer) -> Status {
    return answer == "good" ? Status() : Error{ErrorCode::kInvalidArgument, "not good"};
  };
  EXPECT_THAT(prompt.Require(value, "name", "NAME", check), IsOk());
  EXPECT_EQ(value, "good");
  EXPECT_THAT(Shown(), HasSubstr("not good"));
}

TEST_F(PromptTest, RequireLeavesAGivenValueAlone) {
  Prompt prompt = Answers("");
  std::string value = "given";
  EXPECT_THAT(prompt.Require(value, "name", "NAME"), IsOk());
  EXPECT_EQ(value, "given");
}

TEST_F(PromptTest, EndOfInputIsCancelled) {
  Prompt prompt = Answers("");
  EXPECT_THAT(prompt.Text("what"), IsError(ErrorCode::kCancelled, "not answered"));
}

TEST_F(PromptTest, YesOrNoAsksAgainUntilItIsOne) {
  EXPECT_THAT(Answers("maybe\nNO\n").YesOrNo("sure?", true), IsOkAndHolds(false));
  EXPECT_THAT(Answers("\n").YesOrNo("sure?", true), IsOkAndHolds(true));
}

TEST_F(PromptTest, OneTakesANumberOrAName) {
  EXPECT_THAT(Answers("3\n").One("which", kNames), IsOkAndHolds(std::string("beta")));
  EXPECT_THAT(Answers("2024-11\n").One("which", kNames), IsOkAndHolds(std::string("2024-11")));
  EXPECT_THAT(Answers("9\nbetta\n\ngamma\n").One("which", kNames),
              IsOkAndHolds(std::string("gamma")));
  EXPECT_THAT(Shown(), HasSubstr("did you mean beta?"));
}

TEST_F(PromptTest, TypedWantsTheWordItself) {
  EXPECT_THAT(Answers("train\n").Typed("deletes 3 versions", "train"), IsOkAndHolds(true));
  EXPECT_THAT(Answers("yes\n").Typed("deletes 3 versions", "train"), IsOkAndHolds(false));
}

TEST(ParseSelectionTest, TakesNumbersNamesAndRanges) {
  EXPECT_THAT(ParseSelection("3-4, alpha", kNames),
              IsOkAndHolds(ElementsAre("alpha", "beta", "gamma")));
  EXPECT_THAT(ParseSelection("2024-11", kNames), IsOkAndHolds(ElementsAre("2024-11")));
  EXPECT_THAT(ParseSelection("*", kNames), IsOkAndHolds(::testing::SizeIs(4)));
  EXPECT_THAT(ParseSelection("", kNames), IsOkAndHolds(::testing::SizeIs(4)));
  EXPECT_THAT(ParseSelection("5", kNames), IsError(ErrorCode::kInvalidArgument, "5"));
  EXPECT_THAT(ParseSelection("4-2", kNames), IsError(ErrorCode::kInvalidArgument, "4-2"));
  EXPECT_THAT(ParseSelection(",", kNames), IsError(ErrorCode::kInvalidArgument, "nothing"));
}

}  // namespace
}  // namespace datalake::apps
