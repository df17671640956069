#include "datalake/server/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datalake::server {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(TargetTest, SplitsAndDecodesPathAndQuery) {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  SplitTarget("/v1/a%2Fb?x=1+2&y=%C3%A9&flag&=z", path, query);
  EXPECT_EQ(path, "/v1/a/b");
  EXPECT_THAT(
      query, ElementsAre(Pair("x", "1 2"), Pair("y", "\xc3\xa9"), Pair("flag", ""), Pair("", "z")));
}

TEST(TargetTest, BrokenEscapesStayAsTheyAre) {
  EXPECT_EQ(PercentDecode("%zz%4", false), "%zz%4");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
}

TEST(LoopbackTest, OnlyNamesOfThisMachineAreLoopback) {
  for (const char* host :
       {"localhost", "localhost:8091", "127.0.0.1", "127.8.9.1:1", "[::1]:80", "::1"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"", "0.0.0.0", "127.0.0.1.evil.example", "evil.example:80", "127.evil",
                           "10.0.0.1", "localhost.evil.example", "[::2]"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
  EXPECT_TRUE(IsLoopbackOrigin("http://localhost:3000"));
  EXPECT_FALSE(IsLoopbackOrigin("https://evil.example"));
  EXPECT_FALSE(IsLoopbackOrigin("null"));
}

}  // namespace
}  // namespace datalake::server
