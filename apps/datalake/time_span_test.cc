#include "apps/datalake/time_span.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::apps {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOkAndHolds;
using std::chrono::milliseconds;

TEST(TimeSpanTest, ShortAndInWords) {
  EXPECT_THAT(ParseTimeSpan("--grace", "0"), IsOkAndHolds(milliseconds(0)));
  EXPECT_THAT(ParseTimeSpan("--grace", "90s"), IsOkAndHolds(std::chrono::seconds(90)));
  EXPECT_THAT(ParseTimeSpan("--grace", "15m"), IsOkAndHolds(std::chrono::minutes(15)));
  EXPECT_THAT(ParseTimeSpan("--grace", "23h"), IsOkAndHolds(std::chrono::hours(23)));
  EXPECT_THAT(ParseTimeSpan("--grace", "7d"), IsOkAndHolds(std::chrono::days(7)));
  EXPECT_THAT(ParseTimeSpan("--grace", "30 days"), IsOkAndHolds(std::chrono::days(30)));
  EXPECT_THAT(ParseTimeSpan("--grace", "interval 1 week"), IsOkAndHolds(std::chrono::days(7)));
}

TEST(TimeSpanTest, OthersAreRefusedByName) {
  for (const char* text : {"", "d", "-1d", "7w", "1.5h", "7 d d", "99999999999999999999", "40000d",
                           "9223372036854775807d", "1000000 weeks"}) {
    EXPECT_THAT(ParseTimeSpan("--grace", text),
                IsError(ErrorCode::kInvalidArgument, "--grace: " + std::string(text)));
  }
}

}  // namespace
}  // namespace datalake::apps
