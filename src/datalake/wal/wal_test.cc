#include "datalake/wal/wal.h"

#include <unistd.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/log.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::wal {
namespace {

using datalake::testing::FaultFileSystem;
using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using datalake::testing::ManualClock;
using datalake::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kFirst = "/wal/00000000000000000001.log";

class WalTest : public ::testing::Test {
 protected:
  WalTest() { SetLogLevel(LogLevel::kOff); }

  ~WalTest() override { SetLogLevel(LogLevel::kWarning); }

  std::unique_ptr<Wal> Open(const WalOptions& options = {}) {
    auto log = Wal::Open(fs_, clock_, random_, "/wal", options);
    EXPECT_THAT(log, IsOk());
    return *std::move(log);
  }

  static std::vector<std::string> All(const Wal& log, std::uint64_t from = 0) {
    std::vector<std::string> found;
    EXPECT_THAT(log.ForEachFrom(from,
                                [&](const Record& record) {
                                  found.push_back(std::to_string(record.sequence) + ":" +
                                                  std::string(record.payload));
                                  return Status();
                                }),
                IsOk());
    return found;
  }

  // Changes one byte of a file.
  void Damage(std::string_view path, std::size_t at) {
    auto bytes = io::ReadFile(fs_, path, 1U << 30);
    ASSERT_THAT(bytes, IsOk());
    (*bytes)[at] = static_cast<char>((*bytes)[at] ^ 1);
    ASSERT_THAT(io::ReplaceFile(fs_, path, *bytes), IsOk());
  }

  io::MemoryFileSystem fs_;
  ManualClock clock_;
  SeededRandom random_{1};
};

TEST_F(WalTest, AppendsAreReadBackAtOnceAndAfterReopening) {
  auto log = Open();
  EXPECT_THAT(log->Append("a"), IsOkAndHolds(1U));
  EXPECT_THAT(log->Append(""), IsOkAndHolds(2U));
  EXPECT_THAT(All(*log), ElementsAre("1:a", "2:"));
  EXPECT_THAT(log->SealedSegments(), IsEmpty());
  log.reset();
  log = Open();
  EXPECT_THAT(All(*log), ElementsAre("1:a", "2:"));
  EXPECT_THAT(log->Append("c"), IsOkAndHolds(3U));
  EXPECT_THAT(All(*log, 2), ElementsAre("2:", "3:c"));
  EXPECT_EQ(log->recovery().records, 2U);
}

TEST_F(WalTest, SealMakesASegmentThatCanBeReadAndRemoved) {
  auto log = Open();
  EXPECT_THAT(log->Seal(), IsOk());
  EXPECT_THAT(log->SealedSegments(), IsEmpty());
  clock_.Advance(std::chrono::seconds(5));
  ASSERT_THAT(log->Append("a"), IsOk());
  ASSERT_THAT(log->Seal(), IsOk());
  const auto sealed = log->SealedSegments();
  ASSERT_THAT(sealed, SizeIs(1));
  EXPECT_EQ(sealed[0].first_sequence, 1U);
  EXPECT_EQ(sealed[0].last_sequence, 1U);
  EXPECT_EQ(fs_.Stat(kFirst)->size_bytes, sealed[0].size_bytes);
  EXPECT_THAT(log->ReadSegment(sealed[0],
                               [&](const Record& record) {
                                 EXPECT_EQ(record.received, clock_.Now());
                                 return Status();
                               }),
              IsOk());
  EXPECT_THAT(log->ForEachUnsealed([](const Record&) { return Error{}; }), IsOk());
  EXPECT_THAT(log->RemoveSegment(sealed[0]), IsOk());
  EXPECT_THAT(log->RemoveSegment(sealed[0]), IsError(ErrorCode::kNotFound, "no such"));
  EXPECT_THAT(All(*log), IsEmpty());
}

TEST_F(WalTest, NumbersGoOnAfterEverythingWasRemoved) {
  for (std::uint64_t i = 1; i < 10; ++i) {
    auto log = Open();
    EXPECT_THAT(log->Append("x"), IsOkAndHolds(i));
    ASSERT_THAT(log->Seal(), IsOk());
    for (const SegmentInfo& segment : log->SealedSegments()) {
      ASSERT_THAT(log->RemoveSegment(segment), IsOk());
    }
  }
  EXPECT_THAT(Open({.first_sequence = 100})->Append("x"), IsOkAndHolds(100U));
}

TEST_F(WalTest, SegmentsEndBySizeAndLargeRecordsFit) {
  auto log = Open({.segment_bytes = 4096, .max_record_bytes = 20'000});
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(log->Append(std::string(1000, 'a')), IsOk());
  }
  ASSERT_THAT(log->Append(std::string(20'000, 'b')), IsOk());
  EXPECT_THAT(log->Append(std::string(20'001, 'b')),
              IsError(ErrorCode::kInvalidArgument, "larger than 20000"));
  ASSERT_THAT(log->Append("c"), IsOk());
  EXPECT_THAT(log->SealedSegments(), SizeIs(8));
  for (const SegmentInfo& segment : log->SealedSegments()) {
    EXPECT_LE(segment.size_bytes, segment.first_sequence < 21 ? 4096U : 21'000U);
  }
  EXPECT_THAT(All(*log), SizeIs(22));
  EXPECT_GT(log->size_bytes(), 40'000U);
}

TEST_F(WalTest, SegmentsEndByAge) {
  auto log = Open({.segment_age = std::chrono::seconds(60)});
  ASSERT_THAT(log->Append("a"), IsOk());
  clock_.Advance(std::chrono::seconds(59));
  ASSERT_THAT(log->Append("b"), IsOk());
  EXPECT_THAT(log->SealedSegments(), IsEmpty());
  clock_.Advance(std::chrono::seconds(1));
  ASSERT_THAT(log->Append("c"), IsOk());
  ASSERT_THAT(log->SealedSegments(), SizeIs(1));
  EXPECT_EQ(log->SealedSegments()[0].last_sequence, 2U);
}

TEST_F(WalTest, FolderIsLocked) {
  auto log = Open();
  EXPECT_THAT(Wal::Open(fs_, clock_, random_, "/wal", {}),
              IsError(ErrorCode::kUnavailable, "/wal/LOCK"));
}

TEST_F(WalTest, LockNamesTheProcess) {
  io::LocalFileSystem disk;
  TempDir dir;
  auto log = Wal::Open(disk, clock_, random_, dir / "wal/0", {});
  ASSERT_THAT(log, IsOk());
  EXPECT_THAT((*log)->Append("x"), IsOkAndHolds(1U));
  EXPECT_THAT(Wal::Open(disk, clock_, random_, dir / "wal/0", {}),
              IsError(ErrorCode::kUnavailable, std::to_string(::getpid())));
}

TEST_F(WalTest, RefusesBadOptions) {
  EXPECT_THAT(Wal::Open(fs_, clock_, random_, "/wal", {.segment_bytes = 10}),
              IsError(ErrorCode::kInvalidArgument, "segment_bytes"));
}

TEST_F(WalTest, ConcurrentAppendersGetEachTheirNumberAndShareSyncs) {
  FaultFileSystem fs;
  auto log = Wal::Open(fs, clock_, random_, "/wal", {.segment_bytes = 20'000});
  ASSERT_THAT(log, IsOk());
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::vector<std::map<std::uint64_t, std::string>> acknowledged(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string payload = std::to_string(t) + "/" + std::to_string(i);
          const auto sequence = (*log)->Append(payload);
          ASSERT_THAT(sequence, IsOk());
          acknowledged[static_cast<std::size_t>(t)][*sequence] = payload;
          if (i % 50 == 0) {
            EXPECT_THAT((*log)->Seal(), IsOk());
          }
        }
      });
    }
  }
  std::map<std::uint64_t, std::string> all;
  for (const auto& some : acknowledged) {
    all.insert(some.begin(), some.end());
  }
  ASSERT_THAT(all, SizeIs(kThreads * kEach));
  std::uint64_t next = 1;
  EXPECT_THAT((*log)->ForEachFrom(0,
                                  [&](const Record& record) {
                                    EXPECT_EQ(record.sequence, next++);
                                    EXPECT_EQ(all[record.sequence], record.payload);
                                    return Status();
                                  }),
              IsOk());
  EXPECT_EQ(next, 1U + kThreads * kEach);
}

TEST_F(WalTest, AppendAsyncAnswersInOrder) {
  std::vector<std::uint64_t> answers;
  {
    auto log = Open();
    for (int i = 0; i < 100; ++i) {
      EXPECT_THAT(log->AppendAsync(std::to_string(i),
                                   [&](Result<std::uint64_t> sequence) {
                                     answers.push_back(sequence.value_or(0));
                                   }),
                  IsOk());
    }
  }  // waits for all
  ASSERT_THAT(answers, SizeIs(100));
  EXPECT_TRUE(std::ranges::is_sorted(answers));
  EXPECT_THAT(All(*Open()), SizeIs(100));
}

TEST_F(WalTest, AFailedSyncEndsAcknowledgingForEver) {
  FaultFileSystem fs;
  auto log = Wal::Open(fs, clock_, random_, "/wal", {});
  ASSERT_THAT(log, IsOk());
  ASSERT_THAT((*log)->Append("a"), IsOk());
  const std::uint64_t calls = fs.calls();
  fs.FailCall(calls + 1, testing::Fault::kIoError);  // write, sync
  EXPECT_THAT((*log)->Append("b"), IsError(ErrorCode::kIo, "injected"));
  EXPECT_EQ(fs.failed_call().substr(0, 5), "sync ");
  EXPECT_THAT((*log)->Append("c"), IsError(ErrorCode::kIo, "takes no more records"));
  EXPECT_THAT((*log)->Seal(), IsError(ErrorCode::kIo, "takes no more records"));
  EXPECT_THAT((*log)->health(), IsError(ErrorCode::kIo, "injected"));
  EXPECT_EQ(fs.calls(), calls + 2);
  EXPECT_THAT(All(**log), ElementsAre("1:a"));
  log->reset();
  fs.PowerLoss(3);
  log = Wal::Open(fs, clock_, random_, "/wal", {});
  ASSERT_THAT(log, IsOk());
  EXPECT_EQ(All(**log)[0], "1:a");
}

TEST_F(WalTest, FullQueueRefuses) {
  auto log = Open({.max_queued_bytes = 1});
  std::atomic<bool> go = false;
  ASSERT_THAT(log->AppendAsync("a", [&](auto) { go.wait(false); }), IsOk());
  Status refused;
  for (int i = 0; i < 3 && refused; ++i) {  // the first may be on its way already
    refused = log->AppendAsync("bb", [](auto) {});
  }
  EXPECT_THAT(refused, IsError(ErrorCode::kUnavailable, "cannot keep up"));
  go = true;
  go.notify_all();
}

TEST_F(WalTest, DamageInASealedSegmentIsQuarantinedAndReported) {
  {
    auto log = Open();
    ASSERT_THAT(log->Append("a"), IsOk());
    ASSERT_THAT(log->Append("b"), IsOk());
    ASSERT_THAT(log->Seal(), IsOk());
    ASSERT_THAT(log->Append("c"), IsOk());
  }
  Damage(kFirst, 64 + 32);
  for (int opens = 0; opens < 2; ++opens) {
    auto log = Open();
    EXPECT_THAT(All(*log), ElementsAre("3:c"));
    ASSERT_THAT(log->recovery().quarantined, SizeIs(1));
    EXPECT_EQ(log->recovery().quarantined[0].path, std::string(kFirst) + ".corrupt");
    if (opens == 0) {
      EXPECT_THAT(log->recovery().quarantined[0].reason, ::testing::HasSubstr("byte 64"));
    }
  }
  std::vector<std::string> salvaged;
  EXPECT_THAT(SalvageSegment(fs_, std::string(kFirst) + ".corrupt",
                             [&](const Record& record) {
                               salvaged.emplace_back(record.payload);
                               return Status();
                             }),
              IsOk());
  EXPECT_THAT(salvaged, ElementsAre("b"));
}

TEST_F(WalTest, DamageInTheOpenSegmentIsQuarantinedAndItsNumbersAreNotUsedAgain) {
  std::string open;
  {
    auto log = Open();
    ASSERT_THAT(log->Append("a"), IsOk());
    ASSERT_THAT(log->Append("b"), IsOk());
    open = *io::ReadFile(fs_, kFirst, 1U << 30);  // as a killed process leaves it
  }
  ASSERT_THAT(fs_.RemoveTree("/wal"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, kFirst, open), IsOk());
  Damage(kFirst, 64 + 32);
  auto log = Open();
  EXPECT_THAT(log->recovery().quarantined, SizeIs(1));
  const auto next = log->Append("c");
  ASSERT_THAT(next, IsOk());
  EXPECT_GT(*next, 2U);
}

TEST_F(WalTest, ReadingADamagedSegmentIsAnError) {
  auto log = Open();
  ASSERT_THAT(log->Append("a"), IsOk());
  ASSERT_THAT(log->Seal(), IsOk());
  Damage(kFirst, 64 + 32);
  EXPECT_THAT(log->ReadSegment(log->SealedSegments()[0], [](const Record&) { return Status(); }),
              IsError(ErrorCode::kCorruption, kFirst));
}

TEST_F(WalTest, TornTailIsCutOffAndReported) {
  std::string open;
  {
    auto log = Open();
    ASSERT_THAT(log->Append("a"), IsOk());
    open = *io::ReadFile(fs_, kFirst, 1U << 30);
  }
  ASSERT_THAT(fs_.RemoveTree("/wal"), IsOk());
  open.resize(64 + 40);
  ASSERT_THAT(io::ReplaceFile(fs_, kFirst, open + "half a record"), IsOk());
  auto log = Open();
  EXPECT_EQ(log->recovery().torn_bytes, 13U);
  EXPECT_THAT(log->recovery().quarantined, IsEmpty());
  EXPECT_THAT(All(*log), ElementsAre("1:a"));
  EXPECT_THAT(log->Append("b"), IsOkAndHolds(2U));
}

}  // namespace
}  // namespace datalake::wal
