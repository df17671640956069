#include "datalake/lake/chat_record.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datalake::lake {
namespace {

using ::testing::HasSubstr;

std::string ProblemsOf(std::string_view body) {
  return ValidationProblemsJson(ParseChat(body).problems);
}

TEST(ParseChatTest, ReadsAllFieldsOfADesktopClient) {
  const auto result = ParseChat(
      R"({"source":"gpt4all-chat","agent_id":"m.gguf","submitter_id":"s","ingest_id":"i-1",)"
      R"("network/attribution":"Ann","chat_template":"t","when":[1,2.5],"conversation":[)"
      R"({"content":"hi","role":"user"},)"
      R"({"content":"ho","role":"assistant","rating":"negative","edited_content":"hey",)"
      R"("stopped":"true","tokens":7}]})");
  ASSERT_TRUE(result.problems.empty()) << ValidationProblemsJson(result.problems);
  const ChatRecord& record = result.record;
  EXPECT_EQ(record.source, "gpt4all-chat");
  EXPECT_EQ(record.attribution, "Ann");
  EXPECT_EQ(record.chat_template, "t");
  EXPECT_EQ(record.prompt_template, std::nullopt);
  ASSERT_EQ(record.conversation.size(), 2U);
  EXPECT_FALSE(record.conversation[0].stopped);
  EXPECT_TRUE(record.conversation[1].stopped);
  EXPECT_EQ(record.conversation[1].edited_content, "hey");
  EXPECT_EQ(record.extra, R"({"when":[1,2.5],"conversation":{"1":{"tokens":7}}})");
}

TEST(ParseChatTest, TurnsNumbersAndBooleansIntoTextAsPython) {
  const auto result = ParseChat(
      R"({"agent_id":5,"prompt_template":true,"submitter_id":1.0,"source":1e22,"conversation":[]})");
  ASSERT_TRUE(result.problems.empty());
  EXPECT_EQ(result.record.agent_id, "5");
  EXPECT_EQ(result.record.prompt_template, "True");
  EXPECT_EQ(result.record.submitter_id, "1.0");
  EXPECT_EQ(result.record.source, "1e+22");
}

TEST(ParseChatTest, NamesMissingFieldsInTheOrderOfTheSeed) {
  EXPECT_EQ(
      ProblemsOf("{}"),
      R"({"detail":[{"loc":["body","agent_id"],"msg":"field required","type":"value_error.missing"},)"
      R"({"loc":["body","prompt_template"],"msg":"field required","type":"value_error.missing"},)"
      R"({"loc":["body","conversation"],"msg":"field required","type":"value_error.missing"}]})");
}

TEST(ParseChatTest, NamesRatingWithTurnAndPermittedValues) {
  EXPECT_EQ(
      ProblemsOf(
          R"({"agent_id":"a","prompt_template":"p","conversation":[{"content":"x","rating":"meh"}]})"),
      R"({"detail":[{"loc":["body","conversation",0,"rating"],"msg":"value is not a valid enumeration)"
      R"( member; permitted: 'positive', 'negative'","type":"type_error.enum","ctx":)"
      R"({"enum_values":["positive","negative"]}}]})");
}

TEST(ParseChatTest, ReadsEveryWordForStopped) {
  const auto stopped = [](std::string_view value) {
    return ParseChat(std::string(R"({"agent_id":"a","prompt_template":"p","conversation":[)") +
                     R"({"content":"x","stopped":)" + std::string(value) + "}]}");
  };
  for (const char* word : {"true", "1", "1.0", "\"TRUE\"", "\"On\"", "\"y\"", "\"1\""}) {
    const auto result = stopped(word);
    ASSERT_TRUE(result.problems.empty()) << word;
    EXPECT_TRUE(result.record.conversation[0].stopped) << word;
  }
  for (const char* word : {"false", "0", "\"No\"", "\"off\"", "\"f\""}) {
    const auto result = stopped(word);
    ASSERT_TRUE(result.problems.empty()) << word;
    EXPECT_FALSE(result.record.conversation[0].stopped) << word;
  }
  EXPECT_EQ(stopped("\"maybe\"").problems[0].type, "type_error.bool");
  EXPECT_EQ(stopped("2").problems[0].type, "type_error.bool");
  EXPECT_EQ(stopped("null").problems[0].type, "type_error.none.not_allowed");
}

TEST(ParseChatTest, RefusesIngestIdsThatAreNoNames) {
  for (const std::string& id : {std::string("../../x"), std::string("/etc/x"), std::string("a/b"),
                                std::string(), std::string(10000, 'a'), std::string("..")}) {
    EXPECT_THAT(
        ProblemsOf(R"({"agent_id":"a","prompt_template":"p","conversation":[],"ingest_id":")" + id +
                   "\"}"),
        HasSubstr("value_error.str.regex"))
        << id.substr(0, 20);
  }
}

TEST(ParseChatTest, RefusesAConversationThatIsNoList) {
  EXPECT_THAT(ProblemsOf(R"({"agent_id":"a","prompt_template":"p","conversation":{}})"),
              HasSubstr(R"("msg":"value is not a valid list","type":"type_error.list")"));
  EXPECT_THAT(ProblemsOf(R"({"agent_id":"a","prompt_template":"p","conversation":["x"]})"),
              HasSubstr(R"(["body","conversation",0],"msg":"value is not a valid dict")"));
}

TEST(ParseChatTest, BrokenJsonIsAProblemWithItsOffset) {
  EXPECT_THAT(ProblemsOf("{\"agent_id\":\"a\",}"), HasSubstr("value_error.jsondecode"));
  EXPECT_THAT(ProblemsOf("{\"agent_id\":\"a\",}"), HasSubstr("16"));
  EXPECT_THAT(ProblemsOf(""), HasSubstr("value_error.jsondecode"));
  EXPECT_THAT(ProblemsOf("[]"), HasSubstr("value is not a valid dict"));
  EXPECT_THAT(ProblemsOf(R"({"n":123456789012345678901234567890})"),
              HasSubstr("value_error.jsondecode"));
}

TEST(ParseChatTest, LastOfARepeatedKeyWins) {
  const auto result =
      ParseChat(R"({"agent_id":[],"agent_id":"a","prompt_template":"p","conversation":[]})");
  EXPECT_TRUE(result.problems.empty());
  EXPECT_EQ(result.record.agent_id, "a");
}

TEST(ParseChatTest, RefusesTheReservedKey) {
  EXPECT_THAT(ProblemsOf(R"({"agent_id":"a","prompt_template":"p","conversation":[],"_lake":{}})"),
              HasSubstr("value_error.reserved"));
}

}  // namespace
}  // namespace datalake::lake
