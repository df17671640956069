#include "apps/datalake/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::apps {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FakeCommand final : public Command {
 public:
  explicit FakeCommand(std::string name) : name_(std::move(name)) {}

  std::string_view Name() const override { return name_; }

  std::string_view Summary() const override { return "does nothing"; }

  std::string_view Example() const override { return "datalake list-me --documents a b"; }

  void Declare(OptionSet& options) override {
    options.Strings("--documents", documents, "inputs");
    options.Flag("--ignore_existing", ignore_existing, "again");
    options.String("--dedupe.name", dotted, "a dotted key");
    options.Choice("--format", format, {"table", "jsonl"}, "form");
  }

  Result<int> Run(Context&) override { return 0; }

  std::vector<std::string> documents;
  bool ignore_existing = false;
  std::string dotted;
  std::string format = "table";

 private:
  std::string name_;
};

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    for (const char* name : {"tag", "collections list", "collections delete"}) {
      commands_.push_back(std::make_unique<FakeCommand>(name));
    }
  }

  Result<ParsedCommandLine> Parse(std::vector<std::string> words) {
    return ParseCommandLine(words, commands_, options_, "1.2.3");
  }

  const FakeCommand& Fake(std::size_t i) const {
    return static_cast<const FakeCommand&>(*commands_[i]);
  }

  std::vector<std::unique_ptr<Command>> commands_;
  GlobalOptions options_;
};

TEST_F(CommandLineTest, ReadsGlobalsBeforeAndAfterTheCommand) {
  const auto parsed =
      Parse({"--lake", "x", "tag", "--documents", "a", "b", "--json", "--threads", "3"});
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->command, commands_[0].get());
  EXPECT_EQ(options_.lake, "x");
  EXPECT_EQ(options_.threads, 3);
  EXPECT_TRUE(options_.json);
  EXPECT_THAT(Fake(0).documents, ElementsAre("a", "b"));
}

TEST_F(CommandLineTest, UnderscoresDashesAndDotsReachTheSameOption) {
  ASSERT_THAT(Parse({"tag", "--ignore-existing", "--dedupe.name", "n_1"}), IsOk());
  EXPECT_TRUE(Fake(0).ignore_existing);
  EXPECT_EQ(Fake(0).dotted, "n_1");
  ASSERT_THAT(Parse({"tag", "--no-ignore_existing"}), IsOk());
  EXPECT_FALSE(Fake(0).ignore_existing);
}

TEST_F(CommandLineTest, FindsTheCommandOfTwoWords) {
  const auto parsed = Parse({"collections", "delete"});
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->command, commands_[2].get());
}

TEST_F(CommandLineTest, UnknownWordsNameTheNearestKnownOne) {
  EXPECT_THAT(Parse({"tga"}), IsError(ErrorCode::kInvalidArgument, "did you mean tag?"));
  EXPECT_THAT(Parse({"collections", "lits"}),
              IsError(ErrorCode::kInvalidArgument, "did you mean list?"));
  EXPECT_THAT(Parse({"tag", "--documnets", "a"}),
              IsError(ErrorCode::kInvalidArgument, "did you mean --documents?"));
  EXPECT_THAT(Parse({"tag", "--format", "tabel"}),
              IsError(ErrorCode::kInvalidArgument, "did you mean table?"));
  EXPECT_THAT(Parse({"tag", "--threads", "many"}), IsError(ErrorCode::kInvalidArgument, "threads"));
}

TEST_F(CommandLineTest, HelpOfACommandTeachesWithItsExample) {
  const auto parsed = Parse({"tag", "--help"});
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->command, nullptr);
  EXPECT_EQ(parsed->exit_code, 0);
  EXPECT_THAT(parsed->text, HasSubstr("datalake list-me --documents a b"));
}

TEST_F(CommandLineTest, NoCommandShowsHelpAndIsAUsageError) {
  const auto parsed = Parse({});
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->exit_code, 2);
  EXPECT_THAT(parsed->text, HasSubstr("collections"));
}

}  // namespace
}  // namespace datalake::apps
