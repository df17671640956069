#include "datalake/base/process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

namespace datalake {
namespace {

TEST(ProcessIdentityTest, ThisProcessIsAlive) {
  EXPECT_EQ(LivenessOf(ProcessIdentity()), Liveness::kAlive);
}

TEST(ProcessIdentityTest, AnEndedProcessIsDead) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string identity = ProcessIdentity();
    const bool written = ::write(pipe_ends[1], identity.data(), identity.size()) > 0;
    ::_exit(written ? 0 : 1);
  }
  char text[512] = {};
  const ssize_t size = ::read(pipe_ends[0], text, sizeof(text));
  ASSERT_GT(size, 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const std::string identity(text, static_cast<std::size_t>(size));
  EXPECT_NE(identity, ProcessIdentity());
  EXPECT_EQ(LivenessOf(identity), Liveness::kDead);
}

TEST(ProcessIdentityTest, OtherHostsAndGarbageAreUnknown) {
  EXPECT_EQ(LivenessOf("elsewhere/1/1/1/1"), Liveness::kUnknown);
  EXPECT_EQ(LivenessOf(""), Liveness::kUnknown);
  EXPECT_EQ(LivenessOf("a/b"), Liveness::kUnknown);
  EXPECT_EQ(LivenessOf(ProcessIdentity() + "/x"), Liveness::kUnknown);
}

TEST(ProcessIdentityTest, AnotherBootOfThisHostIsDead) {
  const std::string mine = ProcessIdentity();
  EXPECT_EQ(LivenessOf(mine.substr(0, mine.find('/')) + "/other-boot/1/1/1"), Liveness::kDead);
}

TEST(ProcessTagTest, KnowsLivingFromDead) {
  const std::string mine = ProcessTag();
  EXPECT_EQ(LivenessOfTag(mine), Liveness::kAlive);
  EXPECT_EQ(mine.find_first_not_of("0123456789abcdef-"), std::string::npos) << mine;
  EXPECT_EQ(LivenessOfTag(mine.substr(0, mine.rfind('-')) + "-1"), Liveness::kDead);
  const std::size_t boot = mine.find('-') + 1;
  EXPECT_EQ(LivenessOfTag(mine.substr(0, boot) + "00000000-1-1"), Liveness::kDead);
  EXPECT_EQ(LivenessOfTag("00000000" + mine.substr(boot - 1)), Liveness::kUnknown);
  for (const char* garbage : {"", "77", "a-b", "a-b-c", "a-b-c-", "a-b-c-d-e", "---"}) {
    EXPECT_EQ(LivenessOfTag(garbage), Liveness::kUnknown) << garbage;
  }
}

}  // namespace
}  // namespace datalake
