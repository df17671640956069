#include "datalake/lake/record_split.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Result<std::vector<std::string>> Split(std::string_view text, RecordFraming framing,
                                       std::size_t most = 100) {
  DATALAKE_TRY_ASSIGN(const auto ranges, SplitRecords(text, framing, most));
  std::vector<std::string> records;
  for (const auto& [offset, size] : ranges) {
    records.emplace_back(text.substr(offset, size));
  }
  return records;
}

TEST(SplitRecordsTest, LinesAreRecordsAndBlankOnesAreNone) {
  EXPECT_THAT(Split("{\"a\":1}\r\n\n  \n{}\n{\"b\"", RecordFraming::kLines),
              IsOkAndHolds(ElementsAre("{\"a\":1}\r", "{}", "{\"b\"")));
  EXPECT_THAT(Split("", RecordFraming::kLines), IsOkAndHolds(IsEmpty()));
}

TEST(SplitRecordsTest, ArrayGivesItsMembersWhateverTheyHold) {
  EXPECT_THAT(Split(R"( [ {"a":"],}\"["} , [1,{"b":[]}],3 ] )", RecordFraming::kValue),
              IsOkAndHolds(ElementsAre(R"({"a":"],}\"["})", R"([1,{"b":[]}])", "3")));
  EXPECT_THAT(Split("[]", RecordFraming::kValue), IsOkAndHolds(IsEmpty()));
}

TEST(SplitRecordsTest, OneValueIsOneRecord) {
  EXPECT_THAT(Split(" {\"a\":[1,2]}", RecordFraming::kValue),
              IsOkAndHolds(ElementsAre(" {\"a\":[1,2]}")));
}

TEST(SplitRecordsTest, BrokenArraysAreRefusedWithTheirPlace) {
  for (const char* text : {"[", "[{}", "[{},", "[{},]", "[,{}]", "[{}}", "[{}] x", "[\"", "[[1]"}) {
    EXPECT_THAT(Split(text, RecordFraming::kValue), IsError(ErrorCode::kInvalidArgument, "byte"))
        << text;
  }
}

TEST(SplitRecordsTest, TooManyAreRefused) {
  EXPECT_THAT(Split("1\n2\n3", RecordFraming::kLines, 2),
              IsError(ErrorCode::kResourceExhausted, "more than 2"));
  EXPECT_THAT(Split("[1,2,3]", RecordFraming::kValue, 2),
              IsError(ErrorCode::kResourceExhausted, "more than 2"));
  EXPECT_THAT(Split("[1,2]", RecordFraming::kValue, 2), IsOkAndHolds(ElementsAre("1", "2")));
}

}  // namespace
}  // namespace datalake::lake
