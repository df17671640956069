#include "datalake/server/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/memory_file_system.h"
#include "datalake/server/token_store.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

class GateTest : public ::testing::Test {
 protected:
  void Make(const GateOptions& options) {
    auto gate = MakeGate(options, &store_, clock_, random_);
    ASSERT_THAT(gate, IsOk());
    gate_ = *std::move(gate);
  }

  std::string NewSecret(NewToken wanted) {
    wanted.name = "t" + std::to_string(++made_);
    auto created = file_.Create(wanted);
    EXPECT_THAT(created, IsOk());
    EXPECT_THAT(store_.Reload(), IsOk());
    return created->secret;
  }

  static Route MakeRoute(Access access) {
    return {.method = "GET", .path = "/v1/x/{feed}", .summary = "", .tag = "", .access = access};
  }

  Request MakeRequest(std::string_view secret = {}) {
    Request request;
    request.method = "GET";
    request.path = "/v1/x/chat";
    request.path_parameters = {{"feed", "chat"}};
    request.headers = {{"host", "localhost:8091"}};
    request.peer = "127.0.0.1";
    if (!secret.empty()) {
      request.headers.emplace_back("authorization", "Bearer " + std::string(secret));
    }
    return request;
  }

  // The status of the refusal; 0 when it is let in. Slow checks are made.
  int StatusOf(Request request, const Access& access) {
    const Route route = MakeRoute(access);
    CallerMemory memory;
    last_ = gate_->Admit(request, &route, memory);
    if (last_.slow) {
      last_ = gate_->AdmitSlowly(request, &route, memory);
    }
    peer_ = request.peer;
    EXPECT_NE(last_.refusal.has_value(), last_.caller != nullptr);
    return last_.refusal ? last_.refusal->status : 0;
  }

  int StatusWith(std::string_view header, std::string_view value,
                 std::string_view method = "POST") {
    Request request = MakeRequest();
    request.method = method;
    std::erase_if(request.headers, [&](const auto& one) { return one.first == header; });
    request.headers.emplace_back(header, value);
    return StatusOf(std::move(request), Access::To(Role::kRead));
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{7};
  TokenFile file_{fs_, clock_, random_, TokensPath("/lake")};
  TokenStore store_{file_, clock_, random_};
  std::unique_ptr<Gate> gate_;
  Admission last_;
  std::string peer_;
  int made_ = 0;
};

TEST_F(GateTest, OnLoopbackEverybodyMayDoEverything) {
  Make({});
  EXPECT_EQ(StatusOf(MakeRequest(), Access::To(Role::kAdmin)), 0);
  EXPECT_TRUE(last_.caller->anonymous());
  EXPECT_EQ(StatusWith("host", "evil.example"), 403) << "no DNS rebinding";
  EXPECT_EQ(StatusWith("origin", "https://evil.example"), 403);
  EXPECT_EQ(StatusWith("origin", "null"), 403);
  EXPECT_EQ(StatusWith("origin", "https://evil.example", "GET"), 0);
  EXPECT_EQ(StatusWith("origin", "http://localhost:5173"), 0);
}

TEST_F(GateTest, WithoutATokenOnlyOpenRoutes) {
  Make({.require_tokens = true});
  EXPECT_EQ(StatusOf(MakeRequest(), Access::Open()), 0);
  EXPECT_EQ(StatusOf(MakeRequest(), Access::To(Role::kContribute)), 401);
  EXPECT_THAT(last_.refusal->headers, Contains(Key("WWW-Authenticate")));
  EXPECT_EQ(StatusOf(MakeRequest("dl_00000000_" + std::string(64, 'a')), Access::To(Role::kRead)),
            401);
}

TEST_F(GateTest, AnonymousMayDoWhatTheyAreGiven) {
  Make({.require_tokens = true, .anonymous = {Role::kContribute}});
  EXPECT_EQ(StatusOf(MakeRequest(), Access::ToFeed(Role::kContribute, "{feed}")), 0);
  EXPECT_EQ(StatusOf(MakeRequest(), Access::To(Role::kRead)), 401);
}

TEST_F(GateTest, ATokenMayDoWhatItsRolesSay) {
  Make({.require_tokens = true});
  const std::string reader = NewSecret({.roles = {Role::kRead}});
  const std::string admin = NewSecret({.roles = {Role::kAdmin}});
  EXPECT_EQ(StatusOf(MakeRequest(reader), Access::To(Role::kRead)), 0);
  EXPECT_EQ(last_.caller->name, "t1");
  EXPECT_EQ(StatusOf(MakeRequest(reader), Access::To(Role::kWrite)), 403);
  EXPECT_EQ(StatusOf(MakeRequest(reader), Access{}), 403) << "closed unless said otherwise";
  EXPECT_EQ(StatusOf(MakeRequest(admin), Access{}), 0);
}

TEST_F(GateTest, ATokenReachesWhatItsScopesName) {
  Make({.require_tokens = true});
  const std::string chat = NewSecret({.roles = {Role::kAdmin}, .feeds = {"chat"}});
  const std::string other = NewSecret({.roles = {Role::kAdmin}, .feeds = {"other"}});
  EXPECT_EQ(StatusOf(MakeRequest(chat), Access::ToFeed(Role::kRead, "{feed}")), 0);
  EXPECT_EQ(StatusOf(MakeRequest(other), Access::ToFeed(Role::kRead, "{feed}")), 403);
  EXPECT_EQ(StatusOf(MakeRequest(other), Access::ToFeed(Role::kRead, "other")), 0);
  EXPECT_EQ(StatusOf(MakeRequest(chat), Access::ToProvider(Role::kRead, "{feed}")), 403);
  EXPECT_EQ(StatusOf(MakeRequest(chat), Access::To(Role::kRead)), 403) << "the whole lake";
  EXPECT_EQ(StatusOf(MakeRequest(chat), Access::ByHandler(Role::kRead)), 0);
}

TEST_F(GateTest, AKeptConnectionSeesARevocationAndAnExpiry) {
  Make({.require_tokens = true});
  const std::string secret =
      NewSecret({.roles = {Role::kRead}, .expires = clock_.Now() + std::chrono::seconds(60)});
  const Route route = MakeRoute(Access::To(Role::kRead));
  CallerMemory memory;
  const auto status = [&] {
    Request request = MakeRequest(secret);
    Admission admission = gate_->Admit(request, &route, memory);
    if (admission.slow) {
      admission = gate_->AdmitSlowly(request, &route, memory);
    }
    return admission.refusal ? admission.refusal->status : 0;
  };
  EXPECT_EQ(status(), 0);
  EXPECT_EQ(status(), 0);
  clock_.Advance(std::chrono::seconds(61));
  EXPECT_EQ(status(), 401);
  const std::string other = NewSecret({.roles = {Role::kRead}});
  Request request = MakeRequest(other);
  ASSERT_TRUE(gate_->Admit(request, &route, memory).slow);
  ASSERT_EQ(gate_->AdmitSlowly(request, &route, memory).refusal, std::nullopt);
  ASSERT_THAT(file_.Revoke("t2"), IsOk());
  ASSERT_THAT(store_.Reload(), IsOk());
  Request again = MakeRequest(other);
  EXPECT_EQ(gate_->Admit(again, &route, memory).refusal->status, 401);
}

TEST_F(GateTest, TooManyRequestsOfOneAddressWait) {
  Make({.address_requests_per_minute = 2});
  EXPECT_EQ(StatusOf(MakeRequest(), Access::Open()), 0);
  EXPECT_EQ(StatusOf(MakeRequest(), Access::Open()), 0);
  EXPECT_EQ(StatusOf(MakeRequest(), Access::Open()), 429);
  EXPECT_THAT(last_.refusal->headers, Contains(Pair("Retry-After", "30")));
  clock_.Advance(std::chrono::seconds(30));
  EXPECT_EQ(StatusOf(MakeRequest(), Access::Open()), 0);
}

TEST_F(GateTest, ATokenHasARateAndAQuota) {
  Make({.require_tokens = true});
  const std::string secret =
      NewSecret({.roles = {Role::kWrite}, .requests_per_minute = 2, .bytes_per_day = 1000});
  Request post = MakeRequest(secret);
  post.method = "POST";
  EXPECT_EQ(StatusOf(post, Access::To(Role::kWrite)), 0);
  gate_->CountBody(*last_.caller, {}, 86'400);
  EXPECT_EQ(StatusOf(post, Access::To(Role::kWrite)), 429);
  EXPECT_EQ(StatusOf(post, Access::To(Role::kWrite)), 429);
  clock_.Advance(std::chrono::hours(24 * 90));
  EXPECT_EQ(StatusOf(post, Access::To(Role::kWrite)), 0);
}

TEST_F(GateTest, GuessingTokensIsSlowedDown) {
  Make({.require_tokens = true});
  const std::string right = NewSecret({.roles = {Role::kRead}});
  int refused = 0;
  for (int i = 0; i < 40; ++i) {
    std::string wrong = right.substr(0, 12) + std::string(62, 'a') + std::to_string(10 + i);
    Request request = MakeRequest(wrong);
    const Route route = MakeRoute(Access::To(Role::kRead));
    CallerMemory memory;
    const Admission admission = gate_->Admit(request, &route, memory);
    refused += admission.refusal && admission.refusal->status == 429 ? 1 : 0;
  }
  EXPECT_EQ(refused, 10);
}

TEST_F(GateTest, OnlyTrustedProxiesSayWhoTheClientIs) {
  Make({.trusted_proxies = {"127.0.0.0/8", "10.0.0.0/8"}});
  Request request = MakeRequest();
  request.headers.emplace_back("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.7");
  StatusOf(request, Access::Open());
  EXPECT_EQ(peer_, "1.2.3.4");
  request.headers.emplace_back("x-forwarded-for", "5.5.5.5");  // of the last proxy
  StatusOf(request, Access::Open());
  EXPECT_EQ(peer_, "5.5.5.5");
  request.peer = "8.8.8.8";
  StatusOf(request, Access::Open());
  EXPECT_EQ(peer_, "8.8.8.8");
}

TEST_F(GateTest, PreflightsAreAnsweredForAllowedOriginsWithoutCredentials) {
  Make({.require_tokens = true, .cors_origins = {"https://app.example"}});
  Request request = MakeRequest();
  request.method = "OPTIONS";
  request.headers.emplace_back("access-control-request-method", "POST");
  request.headers.emplace_back("origin", "https://app.example");
  EXPECT_EQ(StatusOf(request, Access::To(Role::kContribute)), 204);
  EXPECT_THAT(last_.refusal->headers, Contains(Pair("Access-Control-Max-Age", "600")));
  gate_->AddHeaders("https://app.example", *last_.refusal);
  EXPECT_THAT(last_.refusal->headers,
              Contains(Pair("Access-Control-Allow-Origin", "https://app.example")));
  EXPECT_THAT(last_.refusal->headers, Contains(Pair("Vary", "Origin")));
  EXPECT_THAT(last_.refusal->headers, Not(Contains(Key("Access-Control-Allow-Credentials"))));
  Response foreign;
  gate_->AddHeaders("https://evil.example", foreign);
  EXPECT_THAT(foreign.headers, Not(Contains(Key("Access-Control-Allow-Origin"))));
  request.headers.back().second = "https://evil.example";
  EXPECT_EQ(StatusOf(request, Access::To(Role::kContribute)), 403);
}

TEST_F(GateTest, AWildcardAllowsEveryOrigin) {
  Make({.cors_origins = {"*"}});
  EXPECT_EQ(StatusWith("origin", "https://any.example"), 0);
  Response response;
  gate_->AddHeaders("https://any.example", response);
  EXPECT_THAT(response.headers, Contains(Pair("Access-Control-Allow-Origin", "*")));
  EXPECT_THAT(response.headers, Not(Contains(Key("Access-Control-Allow-Credentials"))));
}

TEST_F(GateTest, OnlyGivenNamesAreAnswered) {
  Make({.require_tokens = true, .anonymous = {Role::kRead}, .hosts = {"lake.example.org"}});
  EXPECT_EQ(StatusWith("host", "Lake.example.org:443"), 0);
  EXPECT_EQ(StatusWith("host", "other.example.org"), 403);
  EXPECT_EQ(StatusWith("origin", "https://lake.example.org"), 403) << "Host is localhost here";
}

TEST_F(GateTest, RefusesNetworksAndOriginsThatAreNone) {
  EXPECT_THAT(MakeGate({.trusted_proxies = {"here"}}, nullptr, clock_, random_),
              IsError(ErrorCode::kInvalidArgument, "here"));
  EXPECT_THAT(MakeGate({.cors_origins = {"example.org"}}, nullptr, clock_, random_),
              IsError(ErrorCode::kInvalidArgument, "example.org"));
}

}  // namespace
}  // namespace datalake::server
