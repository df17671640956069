#include "datalake/base/thread_pool.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake {
namespace {

using testing::IsError;
using testing::IsOk;

TEST(ThreadPoolTest, DestructorFinishesWhatWasAccepted) {
  std::atomic<int> done{0};
  {
    ThreadPool pool(2, 64);
    for (int i = 0; i < 50; ++i) {
      ASSERT_THAT(pool.Submit([&done] { ++done; }), IsOk());
    }
  }
  EXPECT_EQ(done.load(), 50);
}

TEST(ThreadPoolTest, SubmitToAFullQueueIsCancelledByStop) {
  std::latch release(1);
  std::stop_source stop;
  ThreadPool pool(1, 1);
  std::latch started(1);
  ASSERT_THAT(pool.Submit([&] {
    started.count_down();
    release.wait();
  }),
              IsOk());
  started.wait();
  ASSERT_THAT(pool.Submit([] {}), IsOk());  // fills the queue
  EXPECT_FALSE(pool.TrySubmit([] {}));
  stop.request_stop();
  EXPECT_THAT(pool.Submit([] {}, stop.get_token()), IsError(ErrorCode::kCancelled, "cancelled"));
  release.count_down();
}

TEST(ParallelForTest, RunsEveryIndexOnce) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> seen(1000);
  EXPECT_THAT(ParallelFor(pool, seen.size(), {},
                          [&](std::size_t i) -> Status {
                            ++seen[i];
                            return {};
                          }),
              IsOk());
  for (const auto& count : seen) {
    EXPECT_EQ(count.load(), 1);
  }
}

TEST(ParallelForTest, ReturnsTheErrorOfTheLowestIndex) {
  ThreadPool pool(4);
  for (int round = 0; round < 50; ++round) {
    const Status status = ParallelFor(pool, 100, {}, [](std::size_t i) -> Status {
      if (i >= 7) {
        return Error{ErrorCode::kIo, "index " + std::to_string(i)};
      }
      std::this_thread::yield();
      return {};
    });
    ASSERT_THAT(status, IsError(ErrorCode::kIo, "index 7"));
  }
}

TEST(ParallelForTest, StopSkipsWhatHasNotBegun) {
  ThreadPool pool(2);
  std::stop_source stop;
  std::atomic<int> ran{0};
  const Status status = ParallelFor(pool, 1000, stop.get_token(), [&](std::size_t) -> Status {
    ++ran;
    stop.request_stop();
    return {};
  });
  EXPECT_THAT(status, IsError(ErrorCode::kCancelled, "cancelled"));
  EXPECT_LE(ran.load(), 2);
}

}  // namespace
}  // namespace datalake
