// Rules of a feed: what is refused, marked, kept out, let in again.
#include <string>

#include "datalake/lake/feed_test_support.h"
#include "datalake/lake/record_checker.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Outcome = FeedAnswer::Outcome;

class PasswordChecker final : public ContentChecker {
 public:
  ContentFindings Check(std::string_view text) const override {
    return {.secrets = text.find("password") != std::string_view::npos,
            .personal_data = text.find('@') != std::string_view::npos};
  }
};

using FeedRulesTest = FeedFixture;

std::string Turns(const std::string& id, const std::string& turns) {
  return R"({"ingest_id":")" + id + R"(","agent_id":"a","prompt_template":"p","conversation":[)" +
         turns + "]}";
}

TEST_F(FeedRulesTest, RefusedRecordsNameTheRuleAndThePlace) {
  OpenChat(
      "rules: {roles: refuse, alternation: refuse, ratings: refuse, empty_conversation: refuse}");
  const auto problem = [&](const std::string& turns) {
    const FeedAnswer answer = Put(Turns("a", turns));
    EXPECT_EQ(answer.outcome, Outcome::kInvalid);
    return answer.problems.empty() ? std::string() : ValidationProblemsJson(answer.problems);
  };
  EXPECT_THAT(problem(""), HasSubstr("value_error.empty_conversation"));
  EXPECT_THAT(problem(R"({"content":"x","role":"wizard"})"), HasSubstr("value_error.roles"));
  EXPECT_THAT(problem(R"({"content":"x","role":"user"},{"content":"y","role":"user"})"),
              HasSubstr(R"("loc":["body","turn 1"])"));
  EXPECT_THAT(problem(R"({"content":"x","role":"user","rating":"positive"})"),
              HasSubstr("value_error.ratings"));
  EXPECT_EQ(Put(Turns("a", R"({"content":"x","role":"user"},{"content":"y","role":"assistant"})"))
                .outcome,
            Outcome::kStored);
}

TEST_F(FeedRulesTest, MarksStandInTheAnswerAndTheTable) {
  OpenChat("rules: {unknown_fields: mark, encoding: mark}");
  const FeedAnswer answer = Put(
      R"({"agent_id":"a","prompt_template":"p","mood":1,"conversation":[{"content":"\u0000"}]})");
  EXPECT_EQ(answer.outcome, Outcome::kStored);
  EXPECT_THAT(answer.flags, ElementsAre("unknown_fields", "encoding"));
  EXPECT_THAT(feed_->Seal(), IsOk());
}

TEST_F(FeedRulesTest, QuarantinedRecordsAreDurableAndNotInTheFeed) {
  OpenChat("rules: {alternation: quarantine}");
  const std::string body =
      Turns("a", R"({"content":"x","role":"user"},{"content":"y","role":"user"})");
  const FeedAnswer answer = Put(body);
  EXPECT_EQ(answer.outcome, Outcome::kQuarantined);
  EXPECT_THAT(answer.reasons, ElementsAre("alternation: turn 1"));
  EXPECT_THAT(feed_->Get("a"), IsError(ErrorCode::kNotFound, "a"));
  EXPECT_EQ(Put(body).outcome, Outcome::kQuarantined) << "the same answer again";
  Open();
  EXPECT_EQ(Put(body).outcome, Outcome::kQuarantined) << "after a restart";
  const auto sealed = feed_->Seal();
  ASSERT_THAT(sealed, IsOk());
  EXPECT_EQ(sealed->quarantined, 1U);
  EXPECT_EQ(sealed->records, 0U);
  Open();
  EXPECT_EQ(Put(body).outcome, Outcome::kQuarantined) << "from the table";
  EXPECT_THAT(Rows(), IsEmpty());
  EXPECT_THAT(QuarantineRows(), ElementsAre(std::pair("a", 1)));
  const auto view = OpenFeedView(*lake_, "chat");
  ASSERT_THAT(view, IsOk());
  EXPECT_EQ(view->tail.rows, 0);
}

TEST_F(FeedRulesTest, ReplayLetsInWhatTheRulesOfTodayAllow) {
  OpenChat("rules: {alternation: quarantine, roles: quarantine}");
  Put(Turns("a", R"({"content":"x","role":"user"},{"content":"y","role":"user"})"));
  Put(Turns("b", R"({"content":"x","role":"wizard"})"));
  clock_.Advance(std::chrono::hours(48));
  OpenChat("rules: {alternation: mark, roles: quarantine}");
  auto replayed = feed_->ReplayQuarantine(ReplayMode::kCheck);
  ASSERT_THAT(replayed, IsOk());
  EXPECT_EQ(replayed->looked_at, 2U);
  EXPECT_EQ(replayed->released, 1U);
  EXPECT_THAT(feed_->Get("a"), IsOk());
  EXPECT_THAT(feed_->Get("b"), IsError(ErrorCode::kNotFound, ""));
  Open();
  EXPECT_THAT(feed_->Get("a"), IsOk()) << "durable";
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(Rows(), ElementsAre(std::pair("a", 1)));
  EXPECT_THAT(QuarantineRows(), ElementsAre(std::pair("b", 1)));
  EXPECT_THAT(feed_->Get("a"),
              ::datalake::testing::IsOkAndHolds(HasSubstr("\"day\":\"2026-01-01\"")));
  replayed = feed_->ReplayQuarantine(ReplayMode::kAccept);
  ASSERT_THAT(replayed, IsOk());
  EXPECT_EQ(replayed->looked_at, 1U);
  EXPECT_EQ(replayed->released, 1U);
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(Rows(), ElementsAre(std::pair("a", 1), std::pair("b", 1)));
  EXPECT_THAT(QuarantineRows(), IsEmpty());
  Open();
  EXPECT_EQ(feed_->stats().records, 2U);
}

TEST_F(FeedRulesTest, DuplicateContentIsFoundUnderAnotherIdOnly) {
  OpenChat("rules: {duplicate_content: refuse}");
  EXPECT_EQ(Put(ChatBody("a", "same")).outcome, Outcome::kStored);
  EXPECT_EQ(Put(ChatBody("a", "same")).outcome, Outcome::kReplayed);
  EXPECT_EQ(Put(ChatBody("b", "same")).outcome, Outcome::kInvalid);
  EXPECT_EQ(Put(ChatBody("b", "other")).outcome, Outcome::kStored);
  Open();
  EXPECT_EQ(Put(ChatBody("c", "same")).outcome, Outcome::kInvalid) << "from the log";
  ASSERT_THAT(feed_->Seal(), IsOk());
  Open();
  EXPECT_EQ(Put(ChatBody("c", "same")).outcome, Outcome::kInvalid) << "from the table";
}

TEST_F(FeedRulesTest, ContentRulesNeedAChecker) {
  const auto definition =
      ParseFeedDefinition("chat", "rules: {secrets: refuse, personal_data: mark}", "test");
  ASSERT_THAT(FeedDefinitions(lake_->context()).Update(*definition), IsOk());
  EXPECT_THAT(Feed::Open(*lake_, "chat", {}), IsError(ErrorCode::kUnsupported, "secrets"));
  const PasswordChecker checker;
  Open("chat", {.content = &checker});
  EXPECT_EQ(Put(ChatBody("a", "my password")).outcome, Outcome::kInvalid);
  EXPECT_THAT(Put(ChatBody("b", "me@x")).flags, ElementsAre("personal_data"));
  EXPECT_THAT(Put(ChatBody("c", "fine")).flags, IsEmpty());
  feed_.reset();
}

TEST_F(FeedRulesTest, ReloadTakesTheNewRules) {
  Open();
  EXPECT_EQ(Put(Turns("a", "")).outcome, Outcome::kStored);
  ASSERT_THAT(FeedDefinitions(lake_->context())
                  .Update(*ParseFeedDefinition("chat", "rules: {empty_conversation: refuse}", "t")),
              IsOk());
  ASSERT_THAT(feed_->Reload(), IsOk());
  EXPECT_EQ(Put(Turns("b", "")).outcome, Outcome::kInvalid);
}

TEST_F(FeedRulesTest, RetentionLetsGoOfOldDays) {
  OpenChat("retention_days: 2");
  Put(ChatBody("a", "1"));
  ASSERT_THAT(feed_->Seal(), IsOk());
  clock_.Advance(std::chrono::hours(24));
  Put(ChatBody("b", "1"));
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(feed_->Get("a"), IsOk()) << "of yesterday";
  clock_.Advance(std::chrono::hours(24));
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(feed_->Get("a"), IsError(ErrorCode::kNotFound, "a"));
  EXPECT_THAT(feed_->Get("b"), IsOk());
  EXPECT_THAT(Rows(), ElementsAre(std::pair("b", 1)));
}

}  // namespace
}  // namespace datalake::lake
