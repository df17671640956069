#include "datalake/job/feed_curation.h"

#include <string>
#include <vector>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/curate/tagger.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/value.h"
#include "datalake/lake/chat_rows.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/testing/matchers.h"

namespace datalake::job {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using lake::SnapshotKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Chat(const std::string& question, const std::string& answer,
                 const std::string& edit = "") {
  return fmt::format(
      R"({{"agent_id":"m","prompt_template":"p","conversation":[{{"content":"{}","role":"user"}},)"
      R"({{"content":"{}","role":"assistant","edited_content":{}}}]}})",
      question, answer, edit.empty() ? "null" : "\"" + edit + "\"");
}

struct Curated {
  std::vector<std::string> ids;
  std::vector<std::string> answers;
  std::vector<std::string> edits;
  json::Value report;
};

class FeedCurationTest : public ::testing::Test {
 protected:
  FeedCurationTest() { EXPECT_THAT(curate::AddBuiltinTaggers(registry_), IsOk()); }

  // Chats are called 0, 1, 2 …
  Curated Run(const std::vector<std::string>& bodies, const FeedCurationOptions& options) {
    const auto builder = lake::FeedBatchBuilder::ForFeed(lake::ChatDefinition());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      EXPECT_THAT(builder->Append({.ingest_id = std::to_string(i),
                                   .version = 1,
                                   .received = *ParseTimestamp("2026-01-31T12:00:00Z"),
                                   .body = bodies[i]}),
                  IsOk());
    }
    const auto batch = *builder->Finish();
    // Cut in the middle, so that rows begin inside their columns.
    const std::int64_t half = batch->num_rows() / 2;
    auto rows =
        arrow::RecordBatchReader::Make({batch->Slice(0, half), batch->Slice(half)}).ValueOrDie();
    auto stage = MakeFeedCuration(options, registry_);
    EXPECT_THAT(stage, IsOk());
    auto curated = (*stage)->Apply(rows);
    EXPECT_THAT(curated, IsOk());
    Curated result;
    while (const auto kept = (*curated)->Next().ValueOrDie()) {
      EXPECT_TRUE(kept->ValidateFull().ok());
      const auto chats = lake::ChatRows::Make(kept);
      EXPECT_THAT(chats, IsOk());
      for (std::int64_t row = 0; row < chats->size(); ++row) {
        const auto turns = chats->Turns(row);
        result.ids.emplace_back(chats->ingest_id(row));
        result.answers.push_back(turns.empty() ? "" : turns.back().content);
        result.edits.push_back(turns.empty() ? "" : turns.back().edited_content.value_or(""));
      }
    }
    result.report = *json::ParseValue((*stage)->ReportJson(), "report");
    return result;
  }

  curate::TaggerRegistry registry_;
};

TEST_F(FeedCurationTest, CleanedMasksPersonalDataAndDropsWhatIsEmpty) {
  const Curated result =
      Run({Chat("hi", "write to ada@example.org or 10.1.2.3"), Chat("only a question", " "),
           Chat("hi", "fine", "call (212) 555-0123")},
          FeedCurationOptions::For(SnapshotKind::kCleaned));
  EXPECT_THAT(result.ids, ElementsAre("0", "2"));
  EXPECT_THAT(result.answers,
              ElementsAre("write to |||EMAIL_ADDRESS||| or |||IP_ADDRESS|||", "fine"));
  EXPECT_THAT(result.edits, ElementsAre("", HasSubstr("|||PHONE_NUMBER|||")));
  EXPECT_EQ(result.report["rows_in"], 3);
  EXPECT_EQ(result.report["rows_out"], 2);
  EXPECT_EQ(result.report["left_out"]["empty"], 1);
  EXPECT_EQ(result.report["rows_masked"], 2);
  EXPECT_EQ(result.report["masked"]["EMAIL_ADDRESS"], 1);
}

TEST_F(FeedCurationTest, CuratedDropsDuplicatesOfTextAndKeepsTheFirst) {
  const std::string text = "The capital of France is Paris, a city on the river Seine.";
  const Curated result = Run({Chat("what is it?", text), Chat("What  is it?", text + " "),
                              Chat("what is it?", "Another answer that is long enough.")},
                             FeedCurationOptions::For(SnapshotKind::kCurated));
  EXPECT_THAT(result.ids, ElementsAre("0", "2"));
  EXPECT_EQ(result.report["left_out"]["duplicate"], 1);
}

TEST_F(FeedCurationTest, CuratedDropsSpamByRepetitionLinksAndLength) {
  std::string spam;
  for (int i = 0; i < 40; ++i) {
    spam += "buy now ";
  }
  const Curated result =
      Run({Chat("hello there", spam), Chat("x", "http://spam.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
           Chat("x", "y"), Chat("How are you today?", "Very well, thank you for asking me.")},
          FeedCurationOptions::For(SnapshotKind::kCurated));
  EXPECT_THAT(result.ids, ElementsAre("3"));
  EXPECT_EQ(result.report["left_out"]["repetition"], 1);
  EXPECT_EQ(result.report["left_out"]["links"], 1);
  EXPECT_EQ(result.report["left_out"]["too_short"], 1);
}

TEST_F(FeedCurationTest, KeepsTheLanguagesAskedFor) {
  FeedCurationOptions options;
  options.languages = {"en"};
  const Curated result = Run(
      {Chat("How is the weather in the city today?", "It is sunny and warm, with a light wind."),
       Chat("Wie ist das Wetter heute in der Stadt?",
            "Es ist sonnig und warm, mit einem leichten Wind aus dem Westen.")},
      options);
  EXPECT_THAT(result.ids, ElementsAre("0"));
  EXPECT_EQ(result.report["left_out"]["language"], 1);
}

TEST_F(FeedCurationTest, OptionsAreCheckedAndUnknownKeysNamed) {
  const auto read = [](const std::string& text) {
    const json::Value value = *json::ParseValue(text, "config");
    json::ConfigReader config(value, "curation");
    return ReadFeedCurationOptions(config, SnapshotKind::kCurated);
  };
  EXPECT_EQ(read(R"({"min_chars": 5})")->min_chars, 5U);
  EXPECT_TRUE(read("{}")->drop_duplicates);
  EXPECT_THAT(read(R"({"language": ["en"]})"), IsError(ErrorCode::kInvalidArgument, "languages"));
  EXPECT_THAT(read(R"({"max_repetition": 2})"),
              IsError(ErrorCode::kInvalidArgument, "max_repetition"));
}

}  // namespace
}  // namespace datalake::job
