#include "datalake/lake/feed_definition.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/lake.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kYaml = R"(
description: "answers: of the survey"
licence: CC-BY-4.0
consent: I agree
retention_days: 30
limits: {max_record_bytes: 1000}
rules: {secrets: refuse, unknown_fields: mark}
fields:
  - {name: question, type: text, required: true, max_chars: 5, description: what is asked}
  - {name: mood, allowed: [good, "12"]}
)";

FeedDefinition Survey() {
  return ParseFeedDefinition("survey", kYaml, "test").value_or(FeedDefinition{});
}

TEST(FeedDefinitionTest, ParseReadsEveryKey) {
  const FeedDefinition survey = Survey();
  EXPECT_EQ(survey.name, "survey");
  EXPECT_EQ(survey.description, "answers: of the survey");
  EXPECT_EQ(survey.licence, "CC-BY-4.0");
  EXPECT_EQ(survey.retention_days, 30U);
  EXPECT_EQ(survey.limits.max_record_bytes, 1000U);
  EXPECT_EQ(survey.ActionOf(FeedRule::kSecrets), RuleAction::kRefuse);
  EXPECT_EQ(survey.ActionOf(FeedRule::kUnknownFields), RuleAction::kMark);
  EXPECT_EQ(survey.ActionOf(FeedRule::kRoles), RuleAction::kKeep);
  ASSERT_EQ(survey.fields.size(), 2U);
  EXPECT_TRUE(survey.fields[0].required);
  EXPECT_THAT(survey.fields[1].allowed, ElementsAre("good", "12"));
}

TEST(FeedDefinitionTest, TextFormsComeBackTheSame) {
  for (const FeedDefinition& definition : {Survey(), ChatDefinition()}) {
    EXPECT_THAT(ParseFeedDefinition(definition.name, FeedDefinitionYaml(definition), "test"),
                IsOkAndHolds(definition));
  }
}

TEST(FeedDefinitionTest, WrongOnesAreRefusedWithTheirKey) {
  const auto wrong = [](const std::string& yaml, const std::string& what) {
    EXPECT_THAT(ParseFeedDefinition("x", yaml, "x.yaml"),
                IsError(ErrorCode::kInvalidArgument, what));
  };
  wrong("fields: []", "at least one field");
  wrong("shape: chat\nfields: [{name: a}]", "no fields of its own");
  wrong("fields: [{name: a}, {name: A}]", "twice");
  wrong("fields: [{name: version}]", "reserved");
  wrong("fields: [{name: a/b}]", "a/b");
  wrong("fields: [{name: a, type: float}]", "type must be");
  wrong("fields: [{name: a, type: integer, allowed: [\"1\"]}]", "allowed values");
  wrong("fields: [{name: a}]\nlicense: x", "licence");
  wrong("fields: [{name: a}]\nrules: {secrets: shred}", "quarantine");
  wrong("fields: [{name: a}]\nrules: {secret: mark}", "secrets");
  wrong("fields: [{name: a}]\nfields: [{name: b}]", "twice");
  wrong("fields: [", "x.yaml");
  wrong("- 1", "not a feed definition");
}

TEST(FeedDefinitionTest, UpdateRefusesWhatWouldBreakOlderRecords) {
  const auto breaks = [](const std::function<void(FeedDefinition&)>& change,
                         const std::string& what) {
    FeedDefinition after = Survey();
    change(after);
    EXPECT_THAT(CheckFeedUpdate(Survey(), after), IsError(ErrorCode::kInvalidArgument, what));
  };
  breaks([](FeedDefinition& d) { d.fields.pop_back(); }, "removed");
  breaks([](FeedDefinition& d) { d.fields[1].type = FeedFieldType::kInteger; }, "allowed values");
  breaks([](FeedDefinition& d) { d.fields[0].type = FeedFieldType::kTexts; }, "type changes");
  breaks([](FeedDefinition& d) { d.fields[1].required = true; }, "becomes required");
  breaks([](FeedDefinition& d) { d.fields[1].allowed = {"good"}; }, "fewer values");
  breaks([](FeedDefinition& d) { d.fields[0].max_chars = 4; }, "smaller");
  breaks([](FeedDefinition& d) { d.fields.push_back({.name = "n", .required = true}); },
         "cannot be required");
  breaks(
      [](FeedDefinition& d) {
        d.shape = FeedShape::kChat;
        d.fields.clear();
      },
      "shape");
  FeedDefinition fine = Survey();
  fine.fields[0].required = false;
  fine.fields[0].max_chars = 0;
  fine.fields[1].allowed.emplace_back("bad");
  fine.fields.push_back({.name = "n"});
  fine.rules.clear();
  EXPECT_THAT(CheckFeedUpdate(Survey(), fine), IsOk());
}

TEST(FeedDefinitionTest, JsonSchemaSaysWhatIsAsked) {
  const std::string schema = FeedJsonSchema(Survey());
  EXPECT_THAT(schema, HasSubstr(R"("question":{"type":"string","maxLength":5)"));
  EXPECT_THAT(schema, HasSubstr(R"("required":["question"])"));
  EXPECT_THAT(schema, HasSubstr(R"("enum":["good","12"])"));
  EXPECT_THAT(FeedJsonSchema(ChatDefinition()),
              HasSubstr(R"("required":["agent_id","conversation"])"));
}

class FeedDefinitionsTest : public ::testing::Test {
 protected:
  FeedDefinitionsTest() {
    EXPECT_THAT(InitLake(fs_, clock_, random_, "/lake"), IsOk());
    lake_ = std::move(*Lake::Open(fs_, clock_, random_, "/lake"));
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<Lake> lake_;
};

TEST_F(FeedDefinitionsTest, CreateFindListUpdate) {
  const FeedDefinitions definitions(lake_->context());
  EXPECT_THAT(definitions.Names(), IsOkAndHolds(ElementsAre("chat")));
  EXPECT_THAT(definitions.Find("surv"), IsError(ErrorCode::kNotFound, "chat"));
  ASSERT_THAT(definitions.Create(Survey()), IsOk());
  EXPECT_THAT(definitions.Create(Survey()), IsError(ErrorCode::kAlreadyExists, "survey"));
  EXPECT_THAT(definitions.Names(), IsOkAndHolds(ElementsAre("chat", "survey")));
  EXPECT_THAT(definitions.Find("survey"), IsOkAndHolds(Survey()));
  EXPECT_THAT(definitions.Find("../x"), IsError(ErrorCode::kInvalidArgument, ""));
  FeedDefinition wider = Survey();
  wider.fields.push_back({.name = "n"});
  EXPECT_EQ(definitions.Update(wider)->schema_version, 2);
  EXPECT_EQ(definitions.Find("survey")->schema_version, 2);
  EXPECT_THAT(fs_.Stat("/lake/config/feeds/history/survey/1.yaml"), IsOk());
  FeedDefinition chat = ChatDefinition();
  chat.licence = "ODC-BY";
  EXPECT_THAT(definitions.Create(chat), IsError(ErrorCode::kAlreadyExists, "built in"));
  EXPECT_EQ(definitions.Update(chat)->schema_version, 1) << "no field changed";
  EXPECT_EQ(definitions.Find("chat")->licence, "ODC-BY");
}

}  // namespace
}  // namespace datalake::lake
