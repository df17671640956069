#include "datalake/lake/feed_record.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

Status Nothing(const FeedEntry&) {
  return {};
}

FeedRecord Sample() {
  return {.ingest_id = "id",
          .version = 7,
          .received = Timestamp(std::chrono::microseconds(-5)),
          .body = "{}",
          .place = RecordPlace::kQuarantine,
          .schema_version = 3,
          .content_hash = 11,
          .receipt = HashReceipt("token"),
          .submission = {.key = 1, .body = 2},
          .findings = "roles: turn 1\nsecrets"};
}

TEST(FeedRecordTest, DecodeGivesWhatEncodeTook) {
  std::string payload;
  EncodeFeedRecord(Sample(), payload);
  std::vector<FeedEntry> entries;
  ASSERT_THAT(ForEachFeedEntry(payload,
                               [&](const FeedEntry& entry) {
                                 entries.push_back(entry);
                                 return Status();
                               }),
              IsOk());
  ASSERT_EQ(entries.size(), 1U);
  const auto& record = std::get<FeedRecord>(entries[0]);
  EXPECT_EQ(record.ingest_id, "id");
  EXPECT_EQ(record.version, 7);
  EXPECT_EQ(record.received.time_since_epoch().count(), -5);
  EXPECT_EQ(record.body, "{}");
  EXPECT_EQ(record.place, RecordPlace::kQuarantine);
  EXPECT_EQ(record.schema_version, 3U);
  EXPECT_EQ(record.content_hash, 11U);
  EXPECT_EQ(record.receipt, HashReceipt("token"));
  EXPECT_EQ(record.submission, (SubmissionHash{.key = 1, .body = 2}));
  EXPECT_EQ(record.findings, "roles: turn 1\nsecrets");
  for (std::size_t cut = 0; cut < payload.size() - 2; ++cut) {
    EXPECT_THAT(ForEachFeedEntry(std::string_view(payload).substr(0, cut), Nothing),
                IsError(ErrorCode::kCorruption, ""));
  }
}

TEST(FeedRecordTest, BatchGivesItsRecordsInOrder) {
  FeedBatchEncoder encoder;
  for (const char* body : {"{\"a\":1}", "{}", "{\"b\":2}"}) {
    FeedRecord record = Sample();
    record.body = body;
    encoder.Add(record);
  }
  EXPECT_EQ(encoder.size(), 3U);
  const std::string payload = encoder.Take();
  EXPECT_EQ(encoder.size(), 0U);
  std::vector<std::string> bodies;
  const auto visit = [&](const FeedEntry& entry) {
    bodies.emplace_back(std::get<FeedRecord>(entry).body);
    return Status();
  };
  ASSERT_THAT(ForEachFeedEntry(payload, visit), IsOk());
  EXPECT_THAT(bodies, ::testing::ElementsAre("{\"a\":1}", "{}", "{\"b\":2}"));
  EXPECT_THAT(ForEachFeedEntry(std::string_view(payload).substr(0, payload.size() - 1), Nothing),
              IsError(ErrorCode::kCorruption, "cut short"));
}

TEST(FeedRecordTest, WithdrawalComesBack) {
  const std::string payload = EncodeWithdrawal({.scope = WithdrawalScope::kSubmitter,
                                                .submitter_id = "s\"1",
                                                .received = Timestamp(std::chrono::seconds(9)),
                                                .reference = "w-1"});
  EXPECT_TRUE(IsWithdrawal(payload));
  const auto visit = [](const FeedEntry& entry) -> Status {
    const auto& withdrawal = std::get<Withdrawal>(entry);
    EXPECT_EQ(withdrawal.scope, WithdrawalScope::kSubmitter);
    EXPECT_EQ(withdrawal.submitter_id, "s\"1");
    EXPECT_EQ(withdrawal.received, Timestamp(std::chrono::seconds(9)));
    EXPECT_EQ(withdrawal.reference, "w-1");
    return {};
  };
  EXPECT_THAT(ForEachFeedEntry(payload, visit), IsOk());
}

TEST(FeedRecordTest, PayloadOfAnotherFormatIsRefusedWithItsNumber) {
  EXPECT_THAT(ForEachFeedEntry(std::string("\x01\x02", 2) + std::string(20, 'x'), Nothing),
              IsError(ErrorCode::kUnsupported, "format of the log, 1"));
}

TEST(FeedRecordTest, HashesAreTextsAndBack) {
  EXPECT_EQ(ToText(HashReceipt("")), "");
  const ReceiptHash hash = HashReceipt("abc");
  EXPECT_EQ(ToText(hash).size(), 32U);
  EXPECT_EQ(ReceiptFromText(ToText(hash)), hash);
  const SubmissionHash submission{.key = 5, .body = ~std::uint64_t{0}};
  EXPECT_EQ(SubmissionFromText(ToText(submission)), submission);
}

}  // namespace
}  // namespace datalake::lake
