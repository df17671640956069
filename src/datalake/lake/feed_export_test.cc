#include "datalake/lake/feed_export.h"

#include <string>
#include <vector>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/format/parquet.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Chat {
  std::string id;
  std::string body;
  std::string received = "2026-01-31T12:00:00Z";
};

constexpr const char* kEdited =
    R"({"source":"web","submitter_id":"u1","network/attribution":"Ada","agent_id":"m.gguf",)"
    R"("prompt_template":"%1","conversation":[{"content":"2+2?","role":"user"},)"
    R"({"content":"5","role":"assistant","rating":"negative","edited_content":"4"},)"
    R"({"content":"and 3+3?","role":"user"},)"
    R"({"content":"7","role":"assistant","rating":"negative"}]})";

class FeedExportTest : public ::testing::Test {
 protected:
  std::shared_ptr<arrow::RecordBatchReader> Rows(const std::vector<Chat>& chats) {
    const auto builder = FeedBatchBuilder::ForFeed(ChatDefinition());
    for (const Chat& chat : chats) {
      EXPECT_THAT(builder->Append({.ingest_id = chat.id,
                                   .version = 1,
                                   .received = *ParseTimestamp(chat.received),
                                   .body = chat.body}),
                  IsOk());
    }
    return arrow::RecordBatchReader::Make({*builder->Finish()}).ValueOrDie();
  }

  std::string Training(const std::vector<Chat>& chats, TrainingFormat format) {
    static_cast<void>(fs_.Remove("/out.jsonl"));
    const auto report = ExportTraining(fs_, *Rows(chats), format, "/out.jsonl", control_);
    EXPECT_THAT(report, IsOk());
    return io::ReadFile(fs_, "/out.jsonl", 1 << 20).value();
  }

  io::MemoryFileSystem fs_;
  NullProgress progress_;
  ExportControl control_{.progress = progress_};
};

TEST_F(FeedExportTest, EditsBecomeThePreferredAnswer) {
  EXPECT_EQ(Training({{"a", kEdited}}, TrainingFormat::kPreference),
            R"({"prompt":[{"role":"user","content":"2+2?"}],)"
            R"("chosen":[{"role":"assistant","content":"4"}],)"
            R"("rejected":[{"role":"assistant","content":"5"}],"id":"a","turn":1,)"
            R"("rating":"negative","agent_id":"m.gguf"})"
            "\n");
}

TEST_F(FeedExportTest, MessagesEndBeforeABadAnswerThatNobodyCorrected) {
  EXPECT_EQ(Training({{"a", kEdited}}, TrainingFormat::kSft),
            R"({"messages":[{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}],)"
            R"("id":"a","agent_id":"m.gguf"})"
            "\n");
  EXPECT_EQ(Training({{"a", kEdited}}, TrainingFormat::kShareGpt),
            R"({"id":"a","conversations":[{"from":"human","value":"2+2?"},)"
            R"({"from":"gpt","value":"4"}]})"
            "\n");
}

TEST_F(FeedExportTest, TextHasALineForEachTurnWhateverTheirNumber) {
  const std::string odd =
      R"({"agent_id":"m","prompt_template":"","conversation":[{"content":"a\nb","role":"system"},)"
      R"({"content":"c"},{"content":"d"}]})";
  EXPECT_EQ(Training({{"x", odd}}, TrainingFormat::kText),
            R"({"id":"x","text":"Turn 0:\na\nb\nTurn 1:\nc\nTurn 2:\nd","source":"chat",)"
            R"("metadata":{"roles":["system","assistant","user"],"agent_id":"m"}})"
            "\n");
}

TEST_F(FeedExportTest, AChatWithoutAnAnswerTeachesNothing) {
  const std::string body = R"({"agent_id":"m","prompt_template":"","conversation":[]})";
  EXPECT_EQ(Training({{"x", body}}, TrainingFormat::kSft), "");
  EXPECT_EQ(Training({{"x", body}}, TrainingFormat::kPreference), "");
  EXPECT_THAT(ExportTraining(fs_, *Rows({}), TrainingFormat::kSft, "/out.jsonl", control_),
              IsError(ErrorCode::kAlreadyExists, "/out.jsonl"));
}

TEST_F(FeedExportTest, DaysHaveTheColumnsAndTheFooterOfTheSeed) {
  const auto report =
      ExportDays(fs_, *Rows({{"chat-1", kEdited}}), "/x", OtherFiles::kKeep, control_);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->files, 1U);
  const std::string path = "/x/data/2026_01_31/chats/chat-1.parquet";
  const auto facts = format::ReadParquetFacts(fs_, path);
  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->num_rows, 4);
  EXPECT_EQ(facts->schema->ToString(/*show_metadata=*/false),
            "turn: int32\ncontent: string\nrole: string\nrating: string\nstopped: bool\n"
            "edited_content: string");
  const auto metadata = facts->schema->metadata();
  ASSERT_NE(metadata, nullptr);
  EXPECT_EQ(metadata->Get("ingest_id").ValueOr(""), "chat-1");
  EXPECT_EQ(metadata->Get("submitter_id").ValueOr(""), "u1");
  EXPECT_EQ(metadata->Get("prompt_template").ValueOr(""), "%1");
  EXPECT_EQ(metadata->Get("agent_id").ValueOr(""), "m.gguf");
  EXPECT_EQ(metadata->Get("attribution").ValueOr(""), "Ada");
}

TEST_F(FeedExportTest, AnExportIsContinuedAndFollowsWhatIsCurrent) {
  const Chat other{"b", kEdited, "2026-02-01T00:00:00Z"};
  ASSERT_THAT(ExportDays(fs_, *Rows({{"a", kEdited}, other}), "/x", OtherFiles::kRemove, control_),
              IsOk());
  const auto again =
      ExportDays(fs_, *Rows({{"a", kEdited}, other}), "/x", OtherFiles::kRemove, control_);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->unchanged, 2U);
  EXPECT_EQ(again->files, 0U);
  const auto less = ExportDays(fs_, *Rows({{"c", kEdited}}), "/x", OtherFiles::kRemove, control_);
  ASSERT_THAT(less, IsOk());
  EXPECT_EQ(less->removed, 2U);
  EXPECT_THAT(fs_.Exists("/x/data/2026_01_31/chats/c.parquet"), IsOkAndHolds(true));
  EXPECT_THAT(fs_.Exists("/x/data/2026_01_31/chats/a.parquet"), IsOkAndHolds(false));
  EXPECT_THAT(fs_.Exists("/x/data/2026_02_01/chats/b.parquet"), IsOkAndHolds(false));
}

TEST_F(FeedExportTest, AnIdNeverLeavesTheFolder) {
  EXPECT_THAT(DayFilePath({}, "../x"), IsError(ErrorCode::kInvalidArgument, "../x"));
}

}  // namespace
}  // namespace datalake::lake
