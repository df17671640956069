#include "datalake/lake/feed_query.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/lake/feed.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What the oracle knows of the newest version of a record.
struct Known {
  std::string day;
  std::string source;
  std::string agent;
  std::string submitter;
  std::set<std::string> ratings;  // "" for a turn without one
  std::string content;
  std::string edit;
  std::string body;
  std::int64_t version = 0;
};

class FeedQueryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(InitLake(fs_, clock_, random_, folder_ / "lake"), IsOk());
    auto lake = Lake::Open(fs_, clock_, random_, folder_ / "lake");
    ASSERT_THAT(lake, IsOk());
    lake_ = std::move(lake).value();
    OpenFeed();
    auto queries = FeedQueries::Open(*lake_, {.threads = 2});
    ASSERT_THAT(queries, IsOk());
    queries_ = std::move(queries).value();
  }

  void OpenFeed() {
    feed_.reset();
    auto feed = Feed::Open(*lake_, "chat", {});
    ASSERT_THAT(feed, IsOk());
    feed_ = std::move(feed).value();
  }

  void Post(const std::string& id, Known known) {
    std::string turns;
    for (const std::string& rating : known.ratings) {
      turns += fmt::format(R"({}{{"content":"{}","role":"user","rating":{},"edited_content":{}}})",
                           turns.empty() ? "" : ",", known.content,
                           rating.empty() ? "null" : "\"" + rating + "\"",
                           known.edit.empty() ? "null" : "\"" + known.edit + "\"");
    }
    known.body = fmt::format(
        R"({{"ingest_id":"{}","source":{},"submitter_id":"{}","agent_id":"{}","prompt_template":"p",)"
        R"("conversation":[{}]}})",
        id, known.source.empty() ? "null" : "\"" + known.source + "\"", known.submitter,
        known.agent, turns);
    known.day = FormatDay(clock_.Now());
    const auto answer = feed_->Append(known.body);
    ASSERT_THAT(answer, IsOk());
    if (answer->outcome == FeedAnswer::Outcome::kStored ||
        answer->outcome == FeedAnswer::Outcome::kReplaced) {
      known.version = answer->version;
      oracle_[id] = known;
    }
  }

  void PostSimple(const std::string& id, const std::string& content = "hello") {
    Post(id, {.day = {},
              .source = "web",
              .agent = "a",
              .submitter = "s",
              .ratings = {""},
              .content = content,
              .edit = {},
              .body = {}});
  }

  void AdvanceDays(int days) { clock_.Advance(std::chrono::hours(24 * days)); }

  static bool Passes(const Known& known, const FeedFilter& filter) {
    return (filter.from.empty() || known.day >= filter.from) &&
           (filter.to.empty() || known.day <= filter.to) &&
           (!filter.source || (!known.source.empty() && known.source == *filter.source)) &&
           (!filter.agent || known.agent == *filter.agent) &&
           (!filter.submitter || known.submitter == *filter.submitter) &&
           (!filter.rating || known.ratings.contains(*filter.rating)) &&
           (filter.text.empty() ||
            (!known.ratings.empty() &&
             (known.content.find(filter.text) != std::string::npos ||
              (!known.edit.empty() && known.edit.find(filter.text) != std::string::npos))));
  }

  std::int64_t Expected(const FeedFilter& filter) const {
    return std::count_if(oracle_.begin(), oracle_.end(),
                         [&](const auto& entry) { return Passes(entry.second, filter); });
  }

  // All pages of a filter, as ids.
  std::vector<std::string> AllPages(const FeedFilter& filter, std::int64_t limit) {
    std::vector<std::string> ids;
    FeedPageRequest request{.filter = filter, .limit = limit};
    for (int pages = 0; pages < 1000; ++pages) {
      const auto page = queries_->Page("chat", request);
      EXPECT_THAT(page, IsOk());
      if (!page) {
        break;
      }
      EXPECT_LE(page->rows.size(), static_cast<std::size_t>(limit));
      for (const FeedRow& row : page->rows) {
        EXPECT_EQ(row.body, oracle_[row.ingest_id].body);
        EXPECT_EQ(row.version, oracle_[row.ingest_id].version);
        ids.push_back(row.ingest_id);
      }
      if (page->next.empty()) {
        break;
      }
      request.cursor = page->next;
    }
    return ids;
  }

  testing::TempDir folder_;
  io::LocalFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<Lake> lake_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<FeedQueries> queries_;
  std::map<std::string, Known> oracle_;
};

TEST_F(FeedQueryTest, AFeedWithoutRecordsHasNone) {
  EXPECT_THAT(queries_->Count("chat", {}), IsOkAndHolds(0));
  EXPECT_THAT(queries_->Page("chat", {})->rows, IsEmpty());
  EXPECT_THAT(queries_->Count("nope", {}), IsError(ErrorCode::kNotFound, "chat"));
}

TEST_F(FeedQueryTest, AnAcknowledgedRecordIsFoundByTheNextQuery) {
  PostSimple("a");
  EXPECT_THAT(queries_->Count("chat", {}), IsOkAndHolds(1));
  ASSERT_THAT(feed_->Seal(), IsOk());
  PostSimple("b");
  EXPECT_THAT(queries_->Count("chat", {}), IsOkAndHolds(2));
  EXPECT_THAT(AllPages({}, 1), ElementsAre("a", "b"));
}

TEST_F(FeedQueryTest, ARecordReplacedOnALaterDayCountsThereOnly) {
  PostSimple("a", "first");
  ASSERT_THAT(feed_->Seal(), IsOk());
  AdvanceDays(1);
  PostSimple("a", "second");
  for (int round = 0; round < 2; ++round) {  // unsealed, sealed
    EXPECT_THAT(queries_->Count("chat", {.from = "2026-01-01", .to = "2026-01-01"}),
                IsOkAndHolds(0));
    EXPECT_THAT(queries_->Count("chat", {.from = "2026-01-02"}), IsOkAndHolds(1));
    EXPECT_THAT(queries_->Count("chat", {.text = "first"}), IsOkAndHolds(0));
    EXPECT_THAT(queries_->CountBy("chat", {}, FeedGrouping::kDay),
                IsOkAndHolds(ElementsAre(FeedGroup{.value = "2026-01-02", .records = 1})));
    ASSERT_THAT(feed_->Seal(), IsOk());
  }
}

TEST_F(FeedQueryTest, ANewerVersionIsOfNoEarlierDayThoughTheClockWasSetBack) {
  AdvanceDays(1);
  PostSimple("a", "first");
  AdvanceDays(-1);
  PostSimple("a", "second");
  ASSERT_THAT(feed_->Seal(), IsOk());
  EXPECT_THAT(queries_->Count("chat", {.from = "2026-01-02"}), IsOkAndHolds(1));
  EXPECT_THAT(queries_->Count("chat", {.from = "2026-01-02", .text = "first"}), IsOkAndHolds(0));
}

TEST_F(FeedQueryTest, PagesAreStableWhileRecordsCome) {
  for (int i = 0; i < 10; ++i) {
    PostSimple(fmt::format("r{}", i));
    clock_.Advance(std::chrono::hours(7));
  }
  const auto first = queries_->Page("chat", {.limit = 4});
  ASSERT_THAT(first, IsOk());
  PostSimple("new");
  ASSERT_THAT(feed_->Seal(), IsOk());
  PostSimple("r7", "changed");  // moves to the end
  std::vector<std::string> rest;
  std::string cursor = first->next;
  while (!cursor.empty()) {
    const auto page = queries_->Page("chat", {.cursor = cursor, .limit = 4});
    ASSERT_THAT(page, IsOk());
    for (const FeedRow& row : page->rows) {
      rest.push_back(row.ingest_id);
    }
    cursor = page->next;
  }
  EXPECT_THAT(rest, ElementsAre("r4", "r5", "r6", "r8", "r9", "new", "r7"));
}

TEST_F(FeedQueryTest, RowsComeInOrderWithTheColumnsAskedFor) {
  PostSimple("b");
  clock_.Advance(std::chrono::hours(30));
  PostSimple("a");
  const auto rows = queries_->Rows("chat", {}, {"ingest_id", "day"});
  ASSERT_THAT(rows, IsOk());
  const auto table = rows->rows->ToTable();
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ((*table)->num_columns(), 2);
  EXPECT_EQ((*table)->num_rows(), 2);
  EXPECT_THAT(queries_->Rows("chat", {}, {"nope"}), IsError(ErrorCode::kNotFound, "nope"));
}

// Each day alone is larger than the memory: rows go through the sort in slices of time. One second
// holds more rows than a slice, one day has all of its rows in the log.
TEST_F(FeedQueryTest, RowsNeedLittleMemoryHoweverManyADayHas) {
  constexpr int kDays = 2;
  constexpr int kSubmissions = 400;
  constexpr int kRecords = 100;  // of one instant
  std::mt19937 noise(7);
  std::vector<std::string> expected;
  for (int day = 0; day < kDays; ++day) {
    for (int i = 0; i < kSubmissions; ++i) {
      clock_.Advance(i < kSubmissions / 2 ? std::chrono::microseconds(100'000)
                                          : std::chrono::microseconds(1));
      Submission submission;
      for (int record = 0; record < kRecords; ++record) {
        std::string content;
        for (int word = 0; word < 100; ++word) {
          content += fmt::format("{:08x}", noise());
        }
        expected.push_back(fmt::format("{}-{:03}-{:02}", day, i, record));
        const std::string body = fmt::format(
            R"({{"ingest_id":"{}","source":"web","submitter_id":"s","agent_id":"a",)"
            R"("prompt_template":"p","conversation":[{{"content":"{}","role":"user"}}]}})",
            expected.back(), content);
        submission.records.emplace_back(submission.text.size(), body.size());
        submission.text += body;
      }
      ASSERT_THAT(feed_->Submit(std::move(submission)).records, Each(IsOk()));
    }
    if (day == 0) {
      ASSERT_THAT(feed_->Seal(), IsOk());
    }
    AdvanceDays(1);
  }
  constexpr std::uint64_t kLittle = std::uint64_t{40} << 20;
  const auto queries = FeedQueries::Open(*lake_, {.memory_limit_bytes = kLittle, .threads = 2});
  ASSERT_THAT(queries, IsOk());
  const auto rows = (*queries)->Rows("chat", {}, {});
  ASSERT_THAT(rows, IsOk());
  std::vector<std::string> found;
  while (true) {
    const auto batch = rows->rows->Next();
    ASSERT_TRUE(batch.ok()) << batch.status().ToString();
    if (*batch == nullptr) {
      break;
    }
    const auto& ids =
        static_cast<const arrow::StringArray&>(*(*batch)->GetColumnByName("ingest_id"));
    for (std::int64_t i = 0; i < ids.length(); ++i) {
      found.push_back(ids.GetString(i));
    }
  }
  EXPECT_EQ(found, expected);
}

TEST_F(FeedQueryTest, BadQuestionsAreNamed) {
  const auto count = [&](const FeedFilter& filter) { return queries_->Count("chat", filter); };
  EXPECT_THAT(count({.from = "2026-02-30"}), IsError(ErrorCode::kInvalidArgument, "2026-02-30"));
  EXPECT_THAT(count({.from = "1"}), IsError(ErrorCode::kInvalidArgument, "like 2026-01-31"));
  EXPECT_THAT(count({.from = "2026-01-02", .to = "2026-01-01"}),
              IsError(ErrorCode::kInvalidArgument, "before"));
  EXPECT_THAT(count({.rating = "meh"}), IsError(ErrorCode::kInvalidArgument, "positive"));
  EXPECT_THAT(count({.text = std::string("a\0b", 3)}), IsError(ErrorCode::kInvalidArgument, ""));
  EXPECT_THAT(queries_->Page("chat", {.cursor = "x"}),
              IsError(ErrorCode::kInvalidArgument, "cursor"));
  EXPECT_THAT(queries_->Page("chat", {.cursor = "12.a' OR 1=1"}),
              IsError(ErrorCode::kInvalidArgument, "cursor"));
  EXPECT_THAT(queries_->Page("chat", {.limit = 0}), IsError(ErrorCode::kInvalidArgument, "limit"));
}

TEST_F(FeedQueryTest, ValuesAreDataNeverSql) {
  PostSimple("a", "it's");
  EXPECT_THAT(queries_->Count("chat", {.text = "it's"}), IsOkAndHolds(1));
  EXPECT_THAT(queries_->Count("chat", {.source = "web' OR '1'='1"}), IsOkAndHolds(0));
}

// Random histories against a map: posts, replacements, days, seals and restarts in any order.
TEST_F(FeedQueryTest, CountsEqualAFullScanOverRandomHistories) {
  SeededRandom random(20260131);
  const auto pick = [&random](std::uint64_t n) {
    std::uint64_t value = 0;
    random.Fill(std::as_writable_bytes(std::span(&value, 1)));
    return value % n;
  };
  const std::vector<std::string> words = {"alpha", "beta", "über", "50%_", "quote''s"};
  for (int step = 0; step < 300; ++step) {
    const std::uint64_t action = pick(20);
    if (action == 0) {
      AdvanceDays(1);
    } else if (action == 1) {
      ASSERT_THAT(feed_->Seal(), IsOk());
    } else if (action == 2) {
      OpenFeed();
    } else {
      const std::string id = fmt::format("r{}", pick(120));
      Known known{.day = {},
                  .source = pick(3) == 0 ? "" : fmt::format("s{}", pick(3)),
                  .agent = fmt::format("m{}", pick(3)),
                  .submitter = fmt::format("u{}", id.size() % 2),
                  .ratings = {},
                  .content = words[pick(words.size())] + std::to_string(pick(3)),
                  .edit = pick(4) == 0 ? words[pick(words.size())] : "",
                  .body = {}};
      for (const char* rating : {"", "negative", "positive"}) {
        if (pick(2) == 0) {
          known.ratings.insert(rating);
        }
      }
      clock_.Advance(std::chrono::seconds(pick(3)));
      Post(id, known);
    }
    if (step % 60 != 59) {
      continue;
    }
    SCOPED_TRACE(fmt::format("step {}", step));
    std::vector<FeedFilter> filters = {{}};
    for (int i = 0; i < 6; ++i) {
      FeedFilter filter;
      const auto day = [&] { return FormatDay(clock_.Now() - std::chrono::hours(24 * pick(8))); };
      if (pick(2) == 0) {
        filter.from = day();
      }
      if (pick(2) == 0) {
        filter.to = std::max(filter.from, day());
      }
      if (pick(3) == 0) {
        filter.source = fmt::format("s{}", pick(3));
      }
      if (pick(3) == 0) {
        filter.agent = fmt::format("m{}", pick(3));
      }
      if (pick(4) == 0) {
        filter.submitter = fmt::format("u{}", pick(2));
      }
      if (pick(4) == 0) {
        filter.rating = pick(2) == 0 ? "positive" : "negative";
      }
      if (pick(4) == 0) {
        filter.text = words[pick(words.size())];
      }
      filters.push_back(filter);
    }
    for (const FeedFilter& filter : filters) {
      EXPECT_THAT(queries_->Count("chat", filter), IsOkAndHolds(Expected(filter)))
          << FeedFilterJson(filter);
      std::vector<std::string> ids = AllPages(filter, 20 + static_cast<std::int64_t>(pick(40)));
      std::sort(ids.begin(), ids.end());
      std::vector<std::string> expected;
      for (const auto& [id, known] : oracle_) {
        if (Passes(known, filter)) {
          expected.push_back(id);
        }
      }
      EXPECT_EQ(ids, expected) << FeedFilterJson(filter);
    }
    std::map<std::string, std::int64_t> ratings;
    for (const auto& [id, known] : oracle_) {
      for (const std::string& rating : known.ratings) {
        ratings[rating] += rating.empty() ? 0 : 1;
      }
    }
    ratings.erase("");
    const auto groups = queries_->CountBy("chat", {}, FeedGrouping::kRating);
    ASSERT_THAT(groups, IsOk());
    std::map<std::string, std::int64_t> found;
    for (const FeedGroup& group : *groups) {
      found[group.value.value_or("")] = group.records;
    }
    EXPECT_EQ(found, ratings);
  }
}

}  // namespace
}  // namespace datalake::lake
