#include "datalake/base/ordered_pipeline.h"

#include <atomic>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

// Squares the numbers 0 … count - 1 in blocks of one.
class Squares {
 public:
  Squares(ThreadPool& pool, int count) : pool_(pool), count_(count), slots_(OrderedSlots(pool)) {}

  Status Run(std::stop_token stop = {}) {
    return RunOrdered(pool_, std::move(stop),
                      {.read = [this](std::size_t slot) { return Read(slot); },
                       .work = [this](std::size_t slot) { slots_[slot] *= slots_[slot]; },
                       .emit = [this](std::size_t slot) { return Emit(slot); }});
  }

  Result<bool> Read(std::size_t slot) {
    if (next_ == fail_read_at) {
      return Error{ErrorCode::kIo, "read failed"};
    }
    slots_[slot] = next_;
    return next_++ < count_;
  }

  Status Emit(std::size_t slot) {
    if (static_cast<int>(emitted.size()) == fail_emit_at) {
      return Error{ErrorCode::kIo, "emit failed"};
    }
    emitted.push_back(slots_[slot]);
    return {};
  }

  std::vector<int> emitted;
  int fail_read_at = -1;
  int fail_emit_at = -1;

 private:
  ThreadPool& pool_;
  int count_;
  int next_ = 0;
  std::vector<int> slots_;
};

TEST(RunOrderedTest, EmitsInOrderForAnyNumberOfThreads) {
  for (const std::size_t threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    Squares squares(pool, 1000);
    ASSERT_THAT(squares.Run(), IsOk());
    ASSERT_EQ(squares.emitted.size(), 1000U);
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(squares.emitted[static_cast<std::size_t>(i)], i * i);
    }
  }
}

TEST(RunOrderedTest, RunsInsideTasksOfTheSamePool) {
  ThreadPool pool(3);
  std::atomic<int> finished{0};
  EXPECT_THAT(ParallelFor(pool, 20, {},
                          [&](std::size_t) -> Status {
                            Squares squares(pool, 200);
                            DATALAKE_TRY(squares.Run());
                            finished += squares.emitted.size() == 200 ? 1 : 0;
                            return {};
                          }),
              IsOk());
  EXPECT_EQ(finished, 20);
}

TEST(RunOrderedTest, EmitsWhatWasReadBeforeAFailedRead) {
  ThreadPool pool(2);
  Squares squares(pool, 100);
  squares.fail_read_at = 50;
  EXPECT_THAT(squares.Run(), IsError(ErrorCode::kIo, "read failed"));
  EXPECT_EQ(squares.emitted.size(), 50U);
}

TEST(RunOrderedTest, StopsAtAFailedEmit) {
  ThreadPool pool(4);
  Squares squares(pool, 100);
  squares.fail_emit_at = 30;
  EXPECT_THAT(squares.Run(), IsError(ErrorCode::kIo, "emit failed"));
  EXPECT_EQ(squares.emitted.size(), 30U);
}

TEST(RunOrderedTest, EndsWhenStopIsRequested) {
  ThreadPool pool(2);
  Squares squares(pool, 100);
  std::stop_source source;
  source.request_stop();
  EXPECT_THAT(squares.Run(source.get_token()), IsError(ErrorCode::kCancelled, "cancelled"));
}

}  // namespace
}  // namespace datalake
