#include "datalake/base/ordered_work.h"

#include <atomic>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace datalake {
namespace {

TEST(OrderedWorkTest, GivesPiecesBackInOrder) {
  for (const std::size_t threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    OrderedWork work(&pool);
    std::vector<int> done(100);
    std::size_t taken = 0;
    for (std::size_t i = 0; i < done.size(); ++i) {
      work.Push([&done, i] { done[i] = static_cast<int>(i) + 1; });
      if (work.size() >= work.capacity()) {
        work.TakeFront();
        EXPECT_EQ(done[taken], static_cast<int>(taken) + 1);
        ++taken;
      }
    }
    while (work.size() > 0) {
      work.TakeFront();
      EXPECT_EQ(done[taken], static_cast<int>(taken) + 1);
      ++taken;
    }
    EXPECT_EQ(taken, done.size());
  }
}

TEST(OrderedWorkTest, WorksWithoutPool) {
  OrderedWork work(nullptr);
  int done = 0;
  work.Push([&] { done = 1; });
  EXPECT_FALSE(work.FrontIsDone());
  work.TakeFront();
  EXPECT_EQ(done, 1);
}

TEST(OrderedWorkTest, WorksInsideTasksOfItsOwnPool) {
  ThreadPool pool(2);
  std::atomic<int> done{0};
  const Status status = ParallelFor(pool, 8, {}, [&](std::size_t) -> Status {
    OrderedWork work(&pool);
    for (int i = 0; i < 50; ++i) {
      work.Push([&] { ++done; });
      if (work.size() >= work.capacity()) {
        work.TakeFront();
      }
    }
    while (work.size() > 0) {
      work.TakeFront();
    }
    return {};
  });
  EXPECT_TRUE(status);
  EXPECT_EQ(done, 8 * 50);
}

TEST(OrderedWorkTest, DestructorDropsWhatHasNotBegunAndWaitsForTheRest) {
  ThreadPool pool(4);
  for (int round = 0; round < 100; ++round) {
    auto value = std::make_unique<std::atomic<int>>(0);
    {
      OrderedWork work(&pool);
      for (int i = 0; i < 10; ++i) {
        work.Push([&number = *value] { ++number; });
      }
    }
    EXPECT_LE(*value, 10);
    value.reset();  // late tasks must not touch it
  }
}

}  // namespace
}  // namespace datalake
