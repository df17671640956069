#include "datalake/job/content_checker.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::job {
namespace {

using ::datalake::testing::IsOk;

// Put together here, so that no scanner takes them for real ones.
std::string Key(const std::string& prefix, std::size_t size) {
  return prefix + std::string(size, 'A');
}

TEST(ContentCheckerTest, KnownFormsOfSecretsAreFound) {
  for (const std::string& secret :
       {Key("AKIA", 16), Key("ghp_", 36), Key("hf_", 34), Key("sk-", 40), Key("AIza", 35),
        std::string("-----BEGIN RSA ") + "PRIVATE KEY-----\nMII",
        Key("eyJ", 20) + "." + Key("eyJ", 20) + "." + Key("x", 20)}) {
    EXPECT_TRUE(HoldsSecret(secret)) << secret;
    EXPECT_TRUE(HoldsSecret("my key is " + secret + ", keep it")) << secret;
    EXPECT_FALSE(HoldsSecret(secret.substr(0, 10))) << secret;
  }
}

TEST(ContentCheckerTest, PlainWordsAreNoSecrets) {
  for (const char* text : {"", "the risk-averse sk-8 board", "AKIAX", "-----BEGIN CERTIFICATE-----",
                           "XAKIAAAAAAAAAAAAAAAAA", "eyJhbGci.short.x"}) {
    EXPECT_FALSE(HoldsSecret(text)) << text;
  }
}

TEST(ContentCheckerTest, PersonalDataIsWhatTheTaggerFinds) {
  const auto checker = MakeContentChecker();
  ASSERT_THAT(checker, IsOk());
  EXPECT_TRUE((*checker)->Check("write to me@example.org , please").personal_data);
  EXPECT_TRUE((*checker)->Check("the host 192.168.10.20 is down").personal_data);
  EXPECT_FALSE((*checker)->Check("nothing to see here").personal_data);
}

}  // namespace
}  // namespace datalake::job
