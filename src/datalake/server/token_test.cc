#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/server/token_file.h"
#include "datalake/server/token_hash.h"
#include "datalake/server/token_store.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Outcome = TokenStore::Outcome;

class TokenTest : public ::testing::Test {
 protected:
  CreatedToken Create(NewToken wanted) {
    auto created = file_.Create(wanted);
    EXPECT_THAT(created, IsOk());
    return *std::move(created);
  }

  // Reloads, and asks as a request would: by memory, then slowly.
  Outcome Ask(TokenStore& store, const std::string& secret) {
    EXPECT_THAT(store.Reload(), IsOk());
    const auto quick = store.Find(secret);
    return quick.outcome == Outcome::kSlow ? store.VerifySlowly(secret).outcome : quick.outcome;
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{7};
  TokenFile file_{fs_, clock_, random_, TokensPath("/lake")};
};

TEST(TokenHashTest, KnowsItsSecretAlone) {
  SeededRandom random(1);
  const auto hash = HashSecret("secret", random);
  ASSERT_THAT(hash, IsOk());
  EXPECT_THAT(*hash, StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_TRUE(VerifySecret(*hash, "secret"));
  EXPECT_FALSE(VerifySecret(*hash, "Secret"));
  EXPECT_NE(*HashSecret("secret", random), *hash) << "salted";
}

TEST(TokenHashTest, ADearOrBrokenEncodingIsNeverRight) {
  for (const char* encoded : {"", "x", "$argon2id$v=19$m=9999999,t=2,p=1$YWFhYWFhYWE$YWFhYWFhYWE",
                              "$argon2id$v=19$m=19456,t=99,p=1$YWFhYWFhYWE$YWFhYWFhYWE"}) {
    EXPECT_FALSE(VerifySecret(encoded, "secret")) << encoded;
  }
}

TEST_F(TokenTest, TheSecretIsNotInTheFile) {
  const CreatedToken created = Create({.name = "a", .roles = {Role::kRead}});
  const auto text = io::ReadFile(fs_, file_.path(), 1 << 20);
  ASSERT_THAT(text, IsOk());
  EXPECT_THAT(*text, Not(HasSubstr(created.secret.substr(12))));
  EXPECT_THAT(*text, HasSubstr("$argon2id$"));
  EXPECT_THAT(TokenJson(created.token), Not(HasSubstr("argon2")));
}

TEST_F(TokenTest, ComesBackAsItWasCreated) {
  Create({.name = "a",
          .roles = {Role::kRead, Role::kContribute},
          .feeds = {"chat"},
          .expires = clock_.Now() + std::chrono::hours(1),
          .requests_per_minute = 5});
  const auto tokens = file_.List();
  ASSERT_THAT(tokens, IsOk());
  ASSERT_THAT(*tokens, SizeIs(1));
  const Token& token = tokens->front();
  EXPECT_EQ(token.roles, (Roles{Role::kContribute, Role::kRead}));
  EXPECT_THAT(token.feeds, ::testing::ElementsAre("chat"));
  EXPECT_EQ(token.requests_per_minute, 5U);
  EXPECT_TRUE(token.Valid(clock_.Now()));
  EXPECT_FALSE(token.Valid(clock_.Now() + std::chrono::hours(1)));
}

TEST_F(TokenTest, RefusesWhatMakesNoSense) {
  Create({.name = "a", .roles = {Role::kRead}});
  EXPECT_THAT(file_.Create({.name = "a", .roles = {Role::kRead}}),
              IsError(ErrorCode::kAlreadyExists, "a"));
  EXPECT_THAT(file_.Create({.name = "b"}), IsError(ErrorCode::kInvalidArgument, "role"));
  EXPECT_THAT(file_.Create({.name = "../b", .roles = {Role::kRead}}),
              IsError(ErrorCode::kInvalidArgument, "token name"));
  EXPECT_THAT(file_.Create({.name = "b", .roles = {Role::kRead}, .expires = clock_.Now()}),
              IsError(ErrorCode::kInvalidArgument, "expired"));
  EXPECT_THAT(file_.Revoke("ab"), IsError(ErrorCode::kNotFound, "ab"));
}

TEST_F(TokenTest, ADamagedFileIsAnError) {
  ASSERT_THAT(io::ReplaceFile(fs_, file_.path(), "{\"format\":1,\"tokens\":[{}]}"), IsOk());
  EXPECT_THAT(file_.List(), IsError(ErrorCode::kCorruption, "tokens.json"));
  TokenStore store(file_, clock_, random_);
  EXPECT_THAT(store.Reload(), IsError(ErrorCode::kCorruption, "tokens.json"));
}

TEST_F(TokenTest, TheStoreKnowsASecretAfterOneCheck) {
  const CreatedToken created = Create({.name = "a", .roles = {Role::kRead}, .providers = {"test"}});
  TokenStore store(file_, clock_, random_);
  ASSERT_THAT(store.Reload(), IsOk());
  EXPECT_TRUE(store.HasValid());
  EXPECT_EQ(store.Find(created.secret).outcome, Outcome::kSlow);
  EXPECT_EQ(store.VerifySlowly(created.secret).outcome, Outcome::kKnown);
  const auto known = store.Find(created.secret);
  ASSERT_EQ(known.outcome, Outcome::kKnown);
  EXPECT_EQ(known.caller->token_id, created.token.id);
  EXPECT_TRUE(known.caller->MayUseProvider("test"));
  EXPECT_FALSE(known.caller->MayUseProvider("other"));
  EXPECT_FALSE(known.caller->MayUseFeed("chat"));
  ASSERT_THAT(store.Reload(), IsOk());
  EXPECT_EQ(store.Find(created.secret).outcome, Outcome::kKnown) << "also after a reload";
}

TEST_F(TokenTest, AWrongSecretIsCheckedOnceAndNeverRight) {
  std::string wrong = Create({.name = "a", .roles = {Role::kRead}}).secret;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  TokenStore store(file_, clock_, random_);
  EXPECT_EQ(Ask(store, wrong), Outcome::kUnknown);
  EXPECT_EQ(store.Find(wrong).outcome, Outcome::kUnknown);
  for (const char* text : {"", "dl_", "Basic abc", "dl_00000000_xyz"}) {
    EXPECT_EQ(store.Find(text).outcome, Outcome::kUnknown) << text;
  }
}

TEST_F(TokenTest, RevokedAndExpiredTokensAreUnknown) {
  const CreatedToken revoked = Create({.name = "a", .roles = {Role::kRead}});
  const CreatedToken expires = Create(
      {.name = "b", .roles = {Role::kRead}, .expires = clock_.Now() + std::chrono::seconds(10)});
  TokenStore store(file_, clock_, random_);
  EXPECT_EQ(Ask(store, revoked.secret), Outcome::kKnown);
  EXPECT_EQ(Ask(store, expires.secret), Outcome::kKnown);
  const std::uint64_t before = store.generation();
  ASSERT_THAT(file_.Revoke("a"), IsOk());
  EXPECT_EQ(Ask(store, revoked.secret), Outcome::kUnknown);
  EXPECT_GT(store.generation(), before);
  clock_.Advance(std::chrono::seconds(10));
  EXPECT_EQ(store.Find(expires.secret).outcome, Outcome::kUnknown);
  EXPECT_FALSE(store.HasValid());
  EXPECT_THAT(file_.Create({.name = "a", .roles = {Role::kRead}}), IsOk()) << "the name is free";
}

TEST(TokenFileTest, OnlyTheOwnerMayReadIt) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "token_file_test";
  std::filesystem::remove_all(folder);
  io::LocalFileSystem fs;
  const SystemClock clock;
  SystemRandom random;
  TokenFile file(fs, clock, random, TokensPath(folder.string()));
  ASSERT_THAT(file.Create({.name = "a", .roles = {Role::kAdmin}}), IsOk());
  ASSERT_THAT(file.Create({.name = "b", .roles = {Role::kAdmin}}), IsOk());
  struct stat facts{};
  ASSERT_EQ(::stat(file.path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace datalake::server
