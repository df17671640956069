#include "datalake/server/plan_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;

TEST(PlanGateTest, ALoopbackServerAsksNobody) {
  const auto gate = PlanGate({}, {}, false, "/lake");
  ASSERT_THAT(gate, IsOk());
  EXPECT_FALSE(gate->require_tokens);
  EXPECT_FALSE(gate->https);
  EXPECT_EQ(gate->address_requests_per_minute, 0U);
}

TEST(PlanGateTest, APublicServerIsClosedAndLimited) {
  const HttpServerOptions http{.bind = "0.0.0.0", .tls = TlsFiles{}};
  const auto gate = PlanGate(http, {}, true, "/lake");
  ASSERT_THAT(gate, IsOk());
  EXPECT_TRUE(gate->require_tokens);
  EXPECT_TRUE(gate->https);
  EXPECT_GT(gate->address_requests_per_minute, 0U);
  EXPECT_THAT(PlanGate({.bind = "0.0.0.0"}, {}, true, "/lake"),
              IsError(ErrorCode::kInvalidArgument, "needs TLS"));
  EXPECT_THAT(PlanGate(http, {}, false, "/lake"),
              IsError(ErrorCode::kInvalidArgument, "--lake /lake token create"));
  EXPECT_THAT(PlanGate(http, {.anonymous_roles = {"contribute"}}, false, "/lake"), IsOk());
}

TEST(PlanGateTest, BehindAProxyALoopbackServerIsPublicToo) {
  const auto gate = PlanGate({}, {.behind_proxy = true}, true, "/lake");
  ASSERT_THAT(gate, IsOk());
  EXPECT_TRUE(gate->require_tokens);
  EXPECT_THAT(gate->trusted_proxies, ElementsAre("127.0.0.0/8", "::1"));
  EXPECT_THAT(PlanGate({}, {.behind_proxy = true}, false, "/lake"),
              IsError(ErrorCode::kInvalidArgument, "no token"));
}

TEST(PlanGateTest, RefusesRolesThatAreNone) {
  EXPECT_THAT(PlanGate({}, {.anonymous_roles = {"guest"}}, false, "/lake"),
              IsError(ErrorCode::kInvalidArgument, "guest"));
}

}  // namespace
}  // namespace datalake::server
