#include "datalake/server/rate_limiter.h"

#include <string>

#include <gtest/gtest.h>

#include "datalake/testing/manual_clock.h"

namespace datalake::server {
namespace {

using std::chrono::seconds;

class RateLimiterTest : public ::testing::Test {
 protected:
  testing::ManualClock clock_;
  SeededRandom random_{3};
  RateLimiter limiter_{clock_, random_};
};

TEST_F(RateLimiterTest, LetsThroughWhatIsInTheBucketAndSaysHowLongToWait) {
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(limiter_.Take("a", 6, seconds(60)).count(), 0);
  }
  EXPECT_EQ(limiter_.Take("a", 6, seconds(60)), seconds(10));
  EXPECT_EQ(limiter_.Take("b", 6, seconds(60)).count(), 0) << "another key";
  clock_.Advance(seconds(10));
  EXPECT_EQ(limiter_.Take("a", 6, seconds(60)).count(), 0);
  EXPECT_GT(limiter_.Take("a", 6, seconds(60)).count(), 0);
}

TEST_F(RateLimiterTest, NeverHoldsMoreThanItsLimit) {
  EXPECT_EQ(limiter_.Take("a", 2, seconds(1)).count(), 0);
  clock_.Advance(seconds(100));
  EXPECT_EQ(limiter_.Take("a", 2, seconds(1), 2).count(), 0);
  EXPECT_GT(limiter_.Take("a", 2, seconds(1)).count(), 0);
}

TEST_F(RateLimiterTest, WhatIsChargedAfterwardsIsOwed) {
  limiter_.Charge("a", 100, seconds(100), 150);
  EXPECT_EQ(limiter_.Take("a", 100, seconds(100)), seconds(51));
}

TEST_F(RateLimiterTest, ManyKeysDoNotFillTheMemory) {
  for (int i = 0; i < 600'000; ++i) {  // more than it keeps
    limiter_.Take("key" + std::to_string(i), 10, seconds(60));
  }
  EXPECT_EQ(limiter_.Take("key0", 10, seconds(60)).count(), 0);
}

}  // namespace
}  // namespace datalake::server
