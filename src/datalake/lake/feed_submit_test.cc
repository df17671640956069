// Several records at once, keys, receipts, withdrawals.
#include <string>

#include "datalake/lake/feed_test_support.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Outcome = FeedAnswer::Outcome;

class FeedSubmitTest : public FeedFixture {
 protected:
  FeedSubmitTest() { Open(); }

  std::vector<int> Outcomes(const SubmissionAnswer& answer) {
    std::vector<int> outcomes;
    for (const auto& record : answer.records) {
      outcomes.push_back(record ? static_cast<int>(record->outcome) : -1);
    }
    return outcomes;
  }
};

TEST_F(FeedSubmitTest, PartialKeepsWhatIsFine) {
  const auto answer = feed_->Submit(Lines({ChatBody("a", "1"), "{", ChatBody("b", "1"),
                                           ChatBody("a", "1"), ChatBody("a", "2", "other")},
                                          SubmissionMode::kPartial));
  EXPECT_THAT(Outcomes(answer), ElementsAre(1, 4, 1, 2, -1));
  EXPECT_FALSE(answer.receipt_token.empty());
  EXPECT_TRUE(feed_->Owns("a", answer.receipt_token));
  EXPECT_TRUE(feed_->Owns("b", answer.receipt_token));
  EXPECT_FALSE(feed_->Owns("b", answer.receipt_token + "x"));
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(Rows(), ElementsAre(std::pair("a", 1), std::pair("b", 1)));
}

TEST_F(FeedSubmitTest, AllOrNothingStoresNothingWhenOneIsRefused) {
  auto answer =
      feed_->Submit(Lines({ChatBody("a", "1"), ChatBody("a", "1"), "{}"}, SubmissionMode::kAll));
  EXPECT_THAT(Outcomes(answer), ElementsAre(7, 7, 4));
  EXPECT_TRUE(answer.receipt_token.empty());
  EXPECT_EQ(feed_->stats().records, 0U);
  answer = feed_->Submit(Lines({ChatBody("a", "1"), ChatBody("b", "1")}, SubmissionMode::kAll));
  EXPECT_THAT(Outcomes(answer), ElementsAre(1, 1));
  Open();
  EXPECT_EQ(feed_->stats().records, 2U);
  EXPECT_THAT(feed_->Get("b"), IsOk());
}

TEST_F(FeedSubmitTest, VersionsOfOneIdInOneSubmissionFollowEachOther) {
  const auto answer = feed_->Submit(
      Lines({ChatBody("a", "1"), ChatBody("a", "2"), ChatBody("a", "3")}, SubmissionMode::kAll));
  EXPECT_THAT(Outcomes(answer), ElementsAre(1, 3, 3));
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(HasSubstr("\"version\":3")));
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(HasSubstr("\"content\":\"3\"")));
}

TEST_F(FeedSubmitTest, SubmissionLargerThanAChunkIsRead) {
  std::vector<std::string> bodies;
  for (int i = 0; i < 3000; ++i) {
    bodies.push_back(ChatBody("id" + std::to_string(i), std::string(1000, 'x')));
  }
  const auto answer = feed_->Submit(Lines(bodies, SubmissionMode::kPartial));
  EXPECT_EQ(answer.records.size(), 3000U);
  EXPECT_THAT(feed_->Get("id2999"), IsOk());
  EXPECT_THAT(feed_->Get("id0"), IsOk());
  Open();
  EXPECT_EQ(feed_->stats().records, 3000U);
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_EQ(Rows().size(), 3000U);
}

TEST_F(FeedSubmitTest, SameKeyAndBodyGiveTheSameIdsAndStoreNothingTwice) {
  const std::string body = R"({"agent_id":"a","prompt_template":"p","conversation":[]})";
  const Contribution from{.idempotency_key = "k1"};
  const auto send = [&](const std::vector<std::string>& bodies) {
    return feed_->Submit(Lines(bodies, SubmissionMode::kPartial, from));
  };
  const auto first = send({body, body});
  ASSERT_THAT(Outcomes(first), ElementsAre(1, 1));
  EXPECT_NE(first.records[0]->ingest_id, first.records[1]->ingest_id);
  for (int round = 0; round < 3; ++round) {
    const auto again = send({body, body});
    EXPECT_THAT(Outcomes(again), ElementsAre(2, 2));
    EXPECT_EQ(again.records[0]->ingest_id, first.records[0]->ingest_id);
    EXPECT_THAT(Outcomes(send({body})), ElementsAre(-1)) << "another body";
    if (round == 1) {
      ASSERT_THAT(feed_->Seal(), IsOk());
    }
    Open();
  }
  EXPECT_EQ(feed_->stats().records, 2U);
}

TEST_F(FeedSubmitTest, KeyOfARefusedBodyMayBeUsedAgain) {
  const Contribution from{.idempotency_key = "k1"};
  EXPECT_EQ(Put("{}", from).outcome, Outcome::kInvalid);
  EXPECT_EQ(Put(ChatBody("a", "1"), from).outcome, Outcome::kStored);
}

TEST_F(FeedSubmitTest, ReceiptTokenReplacesAnAnonymousRecordAcrossDays) {
  const FeedAnswer first = Put(ChatBody("a", "1", ""));
  ASSERT_FALSE(first.receipt_token.empty());
  EXPECT_TRUE(Put(ChatBody("a", "1", "")).receipt_token.empty()) << "shown once";
  EXPECT_THAT(feed_->Append(ChatBody("a", "2", ""), {.receipt_token = "wrong"}),
              IsError(ErrorCode::kConflict, "a"));
  clock_.Advance(std::chrono::hours(24));
  ASSERT_THAT(feed_->Seal(), IsOk());
  Open();
  const FeedAnswer second = Put(ChatBody("a", "2", ""), {.receipt_token = first.receipt_token});
  EXPECT_EQ(second.outcome, Outcome::kReplaced);
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(HasSubstr("2026-01-02")));
  EXPECT_TRUE(feed_->Owns("a", first.receipt_token));
}

TEST_F(FeedSubmitTest, ClockSetBackLeavesTheNewestCurrent) {
  Put(ChatBody("a", "1"));
  clock_.Advance(-std::chrono::hours(72));
  EXPECT_EQ(Put(ChatBody("a", "2")).outcome, Outcome::kReplaced);
  ASSERT_THAT(feed_->Seal(), IsOk());
  Open();
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(HasSubstr("\"version\":2")));
}

TEST_F(FeedSubmitTest, WithdrawnRecordsAreFoundNowhere) {
  Put(ChatBody("a", "1"));
  Put(ChatBody("b", "1", "t"));
  ASSERT_THAT(feed_->Seal(), IsOk());
  Put(ChatBody("a", "2"));
  Put(ChatBody("c", "1"));
  const auto withdrawn =
      Withdraw({.scope = WithdrawalScope::kSubmitter, .submitter_id = "s", .reference = "w1"});
  ASSERT_THAT(withdrawn, IsOk());
  EXPECT_EQ(withdrawn->records, 2U);
  for (int round = 0; round < 3; ++round) {
    EXPECT_THAT(feed_->Get("a"), IsError(ErrorCode::kNotFound, "a"));
    EXPECT_THAT(feed_->Get("c"), IsError(ErrorCode::kNotFound, "c"));
    EXPECT_THAT(feed_->Get("b"), IsOk());
    EXPECT_EQ(feed_->stats().records, 1U);
    if (round == 1) {
      EXPECT_EQ(Rows().size(), 2U) << "not sealed yet";
      const auto sealed = feed_->Seal();
      ASSERT_THAT(sealed, IsOk());
      EXPECT_EQ(sealed->withdrawn, 3);
      EXPECT_THAT(Rows(), ElementsAre(std::pair("b", 1)));
    }
    Open();
  }
}

TEST_F(FeedSubmitTest, RecordSentAgainAfterItsWithdrawalIsNew) {
  Put(ChatBody("a", "1"));
  Put(ChatBody("a", "2"));
  ASSERT_THAT(feed_->Seal(), IsOk());
  ASSERT_THAT(Withdraw({.ingest_id = "a"}), IsOk());
  const FeedAnswer again = Put(ChatBody("a", "3", "other"));
  EXPECT_EQ(again.outcome, Outcome::kStored);
  EXPECT_EQ(again.version, 1);
  const auto view = OpenFeedView(*lake_, "chat");
  ASSERT_THAT(view, IsOk());
  EXPECT_EQ(view->withdrawals.size(), 1U);
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(Rows(), ElementsAre(std::pair("a", 1)));
  EXPECT_THAT(feed_->Get("a"), IsOkAndHolds(HasSubstr("\"content\":\"3\"")));
}

TEST_F(FeedSubmitTest, ReceiptWithdrawsItsWholeSubmission) {
  const auto answer =
      feed_->Submit(Lines({ChatBody("a", "1"), ChatBody("b", "1")}, SubmissionMode::kPartial));
  Put(ChatBody("c", "1"));
  const auto withdrawn =
      Withdraw({.scope = WithdrawalScope::kReceipt, .receipt = HashReceipt(answer.receipt_token)});
  ASSERT_THAT(withdrawn, IsOk());
  EXPECT_EQ(withdrawn->records, 2U);
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(Rows(), ElementsAre(std::pair("c", 1)));
  EXPECT_THAT(Withdraw({.scope = WithdrawalScope::kSubmitter}),
              IsError(ErrorCode::kInvalidArgument, "what it takes away"));
  EXPECT_EQ(Withdraw({.ingest_id = "nobody"})->records, 0U);
}

TEST_F(FeedSubmitTest, WithdrawalEmptiesTheQuarantineToo) {
  OpenChat("rules: {empty_conversation: quarantine}");
  const std::string body =
      R"({"ingest_id":"q","submitter_id":"s","agent_id":"a","prompt_template":"p","conversation":[]})";
  EXPECT_EQ(Put(body).outcome, Outcome::kQuarantined);
  ASSERT_THAT(feed_->Seal(), IsOk());
  ASSERT_THAT(Withdraw({.scope = WithdrawalScope::kSubmitter, .submitter_id = "s"}), IsOk());
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(QuarantineRows(), IsEmpty());
  Open();
  EXPECT_EQ(feed_->stats().records, 0U);
}

TEST_F(FeedSubmitTest, FullDiskRefusesBeforeItIsFull) {
  Open("chat", {.reserve_bytes = std::numeric_limits<std::uint64_t>::max()});
  EXPECT_THAT(feed_->Append(ChatBody("a", "1")),
              IsError(ErrorCode::kResourceExhausted, "free on the lake's disk"));
}

TEST_F(FeedSubmitTest, FeedWithFieldsOfItsOwn) {
  const auto definition = ParseFeedDefinition("survey", R"(
fields:
  - {name: question, type: text, required: true, max_chars: 10}
  - {name: score, type: integer}
  - {name: share, type: number}
  - {name: ok, type: boolean}
  - {name: day_of, type: date}
  - {name: tags, type: texts, allowed: [x, y]}
  - {name: more, type: json}
)",
                                              "test");
  ASSERT_THAT(definition, IsOk());
  ASSERT_THAT(FeedDefinitions(lake_->context()).Create(*definition), IsOk());
  Open(name_ = "survey");
  const std::string body =
      R"({"ingest_id":"1","question":"why?","score":3,"share":2,"ok":true,"day_of":"2026-01-31",)"
      R"("tags":["x","y"],"more":{"a":[1]},"network/attribution":"Ada","other":7})";
  EXPECT_EQ(Put(body).outcome, Outcome::kStored);
  EXPECT_EQ(Put(R"({"question":"?","score":null})").outcome, Outcome::kStored);
  const auto problems = [&](const std::string& text) {
    const FeedAnswer answer = Put(text);
    EXPECT_EQ(answer.outcome, Outcome::kInvalid);
    return ValidationProblemsJson(answer.problems);
  };
  EXPECT_THAT(problems("{}"), HasSubstr(R"("loc":["body","question"],"msg":"field required")"));
  EXPECT_THAT(problems(R"({"question":"more than ten"})"), HasSubstr("max_length"));
  EXPECT_THAT(problems(R"({"question":"?","score":1.5})"), HasSubstr("type_error.integer"));
  EXPECT_THAT(problems(R"({"question":"?","tags":["z"]})"), HasSubstr(R"("body","tags",0)"));
  EXPECT_THAT(problems(R"({"question":"?","ingest_id":"../x"})"), HasSubstr("regex"));
  EXPECT_THAT(problems(R"({"question":"?","day_of":"yesterday"})"), HasSubstr("value_error.date"));
  EXPECT_THAT(problems("[1]"), HasSubstr("type_error.dict"));
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_EQ(Rows().size(), 2U);
  EXPECT_THAT(feed_->Get("1"), IsOkAndHolds(HasSubstr("\"other\":7,\"_lake\"")));
  Open("survey");
  EXPECT_EQ(Put(body).outcome, Outcome::kReplayed);
  const auto table = lake_->OpenTable(FeedTableName("survey"));
  ASSERT_THAT(table, IsOk());
  EXPECT_GE((*(*table)->Snapshot())->schema()->GetFieldIndex("tags"), 0);
}

TEST_F(FeedSubmitTest, NewFieldsBecomeColumns) {
  const FeedDefinitions definitions(lake_->context());
  auto definition = ParseFeedDefinition("survey", "fields: [{name: a, type: text}]", "test");
  ASSERT_THAT(definitions.Create(*definition), IsOk());
  Open(name_ = "survey");
  Put(R"({"ingest_id":"1","a":"x","b":5})");
  ASSERT_THAT(feed_->Seal(), IsOk());
  definition->fields.push_back({.name = "b", .type = FeedFieldType::kInteger});
  const auto updated = definitions.Update(*definition);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->schema_version, 2);
  ASSERT_THAT(feed_->Reload(), IsOk());
  Put(R"({"ingest_id":"2","b":6})");
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_EQ(Rows().size(), 2U);
  Open("survey");
  EXPECT_EQ(feed_->stats().records, 2U);
}

}  // namespace
}  // namespace datalake::lake
