// The promise of the log under every fault: acknowledged records are there, whole and in order;
// others are there whole or not at all; no number is used twice.
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/wal/wal.h"

namespace datalake::wal {
namespace {

using datalake::testing::FaultFileSystem;
using datalake::testing::ForEachFault;
using datalake::testing::IsOk;
using datalake::testing::ManualClock;

constexpr std::string_view kDir = "/lake/wal/0";

struct Expectation {
  std::map<std::uint64_t, std::string> acknowledged;  // and not removed
  std::set<std::string> submitted;
  std::uint64_t last_acknowledged = 0;
};

class WalCrashTest : public ::testing::Test {
 protected:
  std::string Payload(int i) const {
    return std::to_string(i) + std::string(static_cast<std::size_t>(i * 311 % 1500), 'p');
  }

  Result<std::unique_ptr<Wal>> Open(FaultFileSystem& fs) {
    return Wal::Open(fs, clock_, random_, kDir, {.segment_bytes = 4096, .segment_age = {}});
  }

  void Append(Wal& log, int i) {
    expected_.submitted.insert(Payload(i));
    const auto sequence = log.Append(Payload(i));
    if (failed_) {
      EXPECT_FALSE(sequence) << "acknowledged after a failure";
    }
    if (sequence) {
      expected_.acknowledged[*sequence] = Payload(i);
      expected_.last_acknowledged = *sequence;
    } else {
      failed_ = true;
    }
  }

  // Appends over several segments, seals, removes, closes, opens again and appends more.
  void Work(FaultFileSystem& fs) {
    expected_ = {};
    for (int round = 0; round < 2; ++round) {
      failed_ = false;
      auto log = Open(fs);
      if (!log) {
        return;
      }
      for (int i = 0; i < 6; ++i) {
        Append(**log, round * 100 + i);
      }
      failed_ = !(*log)->Seal() || failed_;
      for (int i = 6; i < 9; ++i) {
        Append(**log, round * 100 + i);
      }
      const auto sealed = (*log)->SealedSegments();
      if (!sealed.empty()) {
        // It may be gone or not once its removal was tried.
        std::erase_if(expected_.acknowledged,
                      [&](const auto& item) { return item.first <= sealed[0].last_sequence; });
        (void)(*log)->RemoveSegment(sealed[0]);
      }
    }
  }

  void Check(FaultFileSystem& fs) {
    for (int opens = 0; opens < 2; ++opens) {
      auto log = Open(fs);
      ASSERT_THAT(log, IsOk());
      EXPECT_TRUE((*log)->recovery().quarantined.empty())
          << (*log)->recovery().quarantined[0].reason;
      std::map<std::uint64_t, std::string> found;
      std::uint64_t before = 0;
      EXPECT_THAT((*log)->ForEachFrom(0,
                                      [&](const Record& record) {
                                        EXPECT_GT(record.sequence, before);
                                        before = record.sequence;
                                        found[record.sequence] = record.payload;
                                        return Status();
                                      }),
                  IsOk());
      for (const auto& [sequence, payload] : expected_.acknowledged) {
        EXPECT_EQ(found[sequence], payload) << "lost or changed: " << sequence;
      }
      for (const auto& [sequence, payload] : found) {
        EXPECT_TRUE(expected_.submitted.contains(payload)) << "never submitted: " << sequence;
      }
      const auto next = (*log)->Append("after");
      ASSERT_THAT(next, IsOk());
      EXPECT_GT(*next, std::max(before, expected_.last_acknowledged));
      // What was recovered is durable from now on, also when the power goes again.
      expected_.submitted.insert("after");
      expected_.last_acknowledged = *next;
      expected_.acknowledged = found;
      expected_.acknowledged[*next] = "after";
      log->reset();
      fs.PowerLoss(77);
    }
  }

  ManualClock clock_;
  SeededRandom random_{5};
  Expectation expected_;
  bool failed_ = false;
};

TEST_F(WalCrashTest, AcknowledgedRecordsSurviveEveryFault) {
  ForEachFault({}, [&](FaultFileSystem& fs) { Work(fs); }, [&](FaultFileSystem& fs) { Check(fs); });
}

TEST_F(WalCrashTest, RecoveryItselfSurvivesEveryFault) {
  // A log with an open, torn segment, made by a crash; then every fault during Open.
  const auto prepare = [&](FaultFileSystem& fs) {
    expected_ = {};
    failed_ = false;
    {
      auto log = Open(fs);
      ASSERT_THAT(log, IsOk());
      for (int i = 0; i < 6; ++i) {
        Append(**log, i);
      }
      fs.CrashAtCall(fs.calls());
      Append(**log, 7);
    }
    fs.PowerLoss(11);
  };
  ForEachFault(
      prepare, [&](FaultFileSystem& fs) { (void)Open(fs); },
      [&](FaultFileSystem& fs) { Check(fs); });
}

}  // namespace
}  // namespace datalake::wal
