#include "datalake/base/clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/id.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake {
namespace {

using testing::IsError;
using testing::IsOkAndHolds;

TEST(ClockTest, FormatRoundTripsThroughParse) {
  for (const std::int64_t micros :
       {0LL, 1LL, 1'769'862'896'123'456LL, -1LL, 951'782'400'000'000LL}) {
    const Timestamp time{std::chrono::microseconds(micros)};
    EXPECT_THAT(ParseTimestamp(FormatTimestamp(time)), IsOkAndHolds(time)) << FormatTimestamp(time);
  }
}

TEST(ClockTest, ParseAcceptsOffsetsAndAnyDecimals) {
  const Timestamp expected = ParseTimestamp("2026-01-31T12:00:00.5Z").value();
  EXPECT_EQ(FormatTimestamp(expected), "2026-01-31T12:00:00.500000Z");
  EXPECT_THAT(ParseTimestamp("2026-01-31T13:30:00.500000000+01:30"), IsOkAndHolds(expected));
  EXPECT_EQ(FormatDay(expected), "2026-01-31");
}

TEST(ClockTest, ParseRejectsWhatIsNoTimestamp) {
  for (const char* text :
       {"", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx"}) {
    EXPECT_THAT(ParseTimestamp(text), IsError(ErrorCode::kInvalidArgument, "timestamp")) << text;
  }
}

TEST(IdTest, SortableUuidsSortByTime) {
  testing::ManualClock clock;
  SeededRandom random(7);
  std::string last;
  for (int i = 0; i < 100; ++i) {
    std::string id = MakeSortableUuid(clock, random);
    EXPECT_TRUE(IsUuid(id)) << id;
    EXPECT_EQ(id[14], '7');
    EXPECT_GT(id, last);
    last = std::move(id);
    clock.Advance(std::chrono::milliseconds(1));
  }
}

TEST(IdTest, RandomUuidsHaveVersionFourAndDiffer) {
  SystemRandom random;
  const std::string a = MakeUuid(random);
  EXPECT_EQ(a[14], '4');
  EXPECT_TRUE(IsUuid(a));
  EXPECT_NE(a, MakeUuid(random));
  EXPECT_FALSE(IsUuid("../../x"));
}

}  // namespace
}  // namespace datalake
