#include "datalake/base/name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake {
namespace {

using testing::IsError;
using testing::IsOk;

TEST(NameTest, AcceptsTheNamesOfTheDesign) {
  for (const std::string& name :
       {std::string("a"), std::string("0"), std::string("coco_2017"), std::string("v1.0"),
        std::string("a-b.c_d"), std::string(128, 'x')}) {
    EXPECT_THAT(CheckName("dataset", name), IsOk()) << name;
  }
}

TEST(NameTest, RefusesWhatCouldLeaveItsFolderOrBreakAReader) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("../x"),
        std::string("/etc"), std::string("a b"), std::string("a'b"), std::string("a\"b"),
        std::string("-a"), std::string("_a"), std::string("a=b"), std::string("a%b"),
        std::string("caf\xc3\xa9"), std::string("a\0b", 3), std::string("a\nb"),
        std::string(129, 'x')}) {
    EXPECT_THAT(CheckName("dataset", name), IsError(ErrorCode::kInvalidArgument, "dataset name"))
        << name;
  }
}

TEST(NameTest, UnknownNameNamesTheNearestKnownOne) {
  const std::vector<std::string> known = {"gopher_v2", "char_length_v1"};
  EXPECT_EQ(UnknownNameError("tagger", "gopher_v3", known).message,
            "unknown tagger: gopher_v3; did you mean gopher_v2?");
  EXPECT_EQ(UnknownNameError("tagger", "zzz", known).message,
            "unknown tagger: zzz; known: gopher_v2, char_length_v1");
}

}  // namespace
}  // namespace datalake
