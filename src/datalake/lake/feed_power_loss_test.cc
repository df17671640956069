// The power fails under load from many clients, 200 times: bytes and names that were not synced are
// dropped, the feed opens again, and every acknowledged record is there, once.
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "datalake/base/log.h"
#include "datalake/base/mutex.h"
#include "datalake/lake/feed_test_support.h"
#include "datalake/testing/fault_file_system.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::FaultFileSystem;
using ::datalake::testing::IsOk;

constexpr int kLosses = 200;
constexpr int kClients = 8;
constexpr std::size_t kRecordsOfAClient = 12;

// What clients were told.
class Oracle {
 public:
  void Acknowledge(const std::string& id) {
    const MutexLock lock(mutex_);
    acknowledged_.insert(id);
  }

  std::set<std::string> acknowledged() {
    const MutexLock lock(mutex_);
    return acknowledged_;
  }

 private:
  Mutex mutex_;
  std::set<std::string> acknowledged_ DATALAKE_GUARDED_BY(mutex_);
};

void RunClients(Feed& feed, int round, Oracle& oracle) {
  std::vector<std::jthread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&feed, round, client, &oracle] {
      for (std::size_t i = 0; i < kRecordsOfAClient; ++i) {
        const std::string id =
            "r" + std::to_string(round) + "-" + std::to_string(client) + "-" + std::to_string(i);
        if (i % 4 == 3) {
          (void)feed.SealClosed();
        }
        const auto answer = feed.Append(ChatBody(id, std::string(i * 97, 'x')));
        if (!answer) {
          return;  // the machine is dead
        }
        oracle.Acknowledge(id);
      }
    });
  }
}

TEST(FeedPowerLossTest, AcknowledgedRecordsSurviveTwoHundredLosses) {
  SetLogLevel(LogLevel::kOff);
  FaultFileSystem fs;
  testing::ManualClock clock;
  SeededRandom random(11);
  ASSERT_THAT(InitLake(fs, clock, random, "/lake"), IsOk());
  Oracle oracle;
  for (int round = 0; round < kLosses; ++round) {
    std::uint64_t number = 0;
    random.Fill(std::as_writable_bytes(std::span(&number, 1)));
    fs.CrashAtCall(fs.calls() + 1 + number % 150);
    {
      auto lake = Lake::Open(fs, clock, random, "/lake");
      if (lake) {
        auto feed = Feed::Open(**lake, "chat", {.segment_bytes = 1 << 13, .segment_age = {}});
        if (feed) {
          RunClients(**feed, round, oracle);
          (void)(*feed)->Seal();
        }
      }
    }
    fs.PowerLoss(number);
    if (round % 20 == 19) {
      auto lake = Lake::Open(fs, clock, random, "/lake");
      ASSERT_THAT(lake, IsOk());
      auto feed = Feed::Open(**lake, "chat", {.segment_bytes = 1 << 13, .segment_age = {}});
      ASSERT_THAT(feed, IsOk());
      for (const std::string& id : oracle.acknowledged()) {
        ASSERT_THAT((*feed)->Find(id), IsOk()) << "lost after loss " << round;
      }
    }
  }
  auto lake = Lake::Open(fs, clock, random, "/lake");
  ASSERT_THAT(lake, IsOk());
  {
    auto feed = Feed::Open(**lake, "chat", {});
    ASSERT_THAT(feed, IsOk());
    ASSERT_THAT((*feed)->Seal(), IsOk());
  }
  const auto rows = RowsOf(**lake, FeedTableName("chat"));
  const std::set<std::pair<std::string, std::int64_t>> distinct(rows.begin(), rows.end());
  EXPECT_EQ(rows.size(), distinct.size()) << "a record is there twice";
  const auto acknowledged = oracle.acknowledged();
  for (const std::string& id : acknowledged) {
    ASSERT_TRUE(distinct.contains({id, 1})) << "lost: " << id;
  }
  EXPECT_GT(acknowledged.size(), static_cast<std::size_t>(kLosses));
}

}  // namespace
}  // namespace datalake::lake
