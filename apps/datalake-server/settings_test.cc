#include "apps/datalake-server/settings.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::apps {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SettingsTest : public ::testing::Test {
 protected:
  Result<ServerSettings> Read(std::string_view yaml, ServerFlags flags = {}) {
    if (!yaml.empty()) {
      EXPECT_THAT(io::ReplaceFile(fs_, "/config.yaml", yaml), IsOk());
      flags.config = "/config.yaml";
    }
    return ReadServerSettings(fs_, flags, [this](std::string_view name) {
      const auto found = environment_.find(std::string(name));
      return found == environment_.end() ? std::nullopt : std::optional<std::string>(found->second);
    });
  }

  io::MemoryFileSystem fs_;
  std::map<std::string, std::string> environment_;
};

TEST_F(SettingsTest, ReadsTheFile) {
  const auto settings = Read(R"(
base_path: /srv/lake
port: 443
bind: 0.0.0.0
num_proc: 3
log_format: json
cors_origins: ["https://app.example"]
anonymous_roles: contribute
tls: {certificate: /c.pem, private_key: /k.pem}
limits: {address_requests_per_minute: 60, max_body_bytes: 1000, idle_timeout_seconds: 5}
drain_seconds: 7
)");
  ASSERT_THAT(settings, IsOk());
  const server::ServeOptions& serve = settings->serve;
  EXPECT_EQ(serve.lake_path, "/srv/lake");
  EXPECT_EQ(serve.http.port, 443);
  EXPECT_EQ(serve.http.io_threads, 3U);
  EXPECT_EQ(serve.http.tls->private_key, "/k.pem");
  EXPECT_EQ(serve.http.max_body_bytes, 1000U);
  EXPECT_EQ(serve.http.idle_timeout, std::chrono::seconds(5));
  EXPECT_EQ(serve.door.address_requests_per_minute, 60U);
  EXPECT_THAT(serve.door.anonymous_roles, ElementsAre("contribute"));
  EXPECT_EQ(serve.drain, std::chrono::seconds(7));
  EXPECT_EQ(settings->log_format, LogFormat::kJson);
}

TEST_F(SettingsTest, UnknownKeysAreWarnedOfWithTheNearest) {
  const auto settings =
      Read("base_path: /x\nnum_procs: 3\nlimits: {max_bodybytes: 3, max_body_bytes: 5}\n");
  ASSERT_THAT(settings, IsOk());
  EXPECT_EQ(settings->serve.http.max_body_bytes, 5U);
  EXPECT_THAT(
      settings->warnings,
      ElementsAre(AllOf(HasSubstr("max_bodybytes"), HasSubstr("did you mean max_body_bytes?")),
                  AllOf(HasSubstr("num_procs"), HasSubstr("did you mean num_proc?"))));
  // What is known must be right.
  EXPECT_THAT(Read("base_path: /x\nport: far\n"), IsError(ErrorCode::kInvalidArgument, "port"));
}

TEST_F(SettingsTest, HonoursTheSeedsEnvironment) {
  environment_ = {{"ROOT_FILESYSTEM_PATH", "/home"},
                  {"GPT4ALL_DATALAKE_BUCKET", "chats"},
                  {"APP_ENVIRONMENT", "dev"},
                  {"IMAGE_VERSION", "gpt4all_1"},
                  {"NUM_PROC", "5"},
                  {"EFS_ROOT_PATH", "/efs"}};
  const auto settings = Read("");
  ASSERT_THAT(settings, IsOk());
  EXPECT_EQ(settings->serve.lake_path, "/home");
  EXPECT_EQ(settings->serve.bucket, "chats");
  EXPECT_EQ(settings->serve.image_version, "gpt4all_1");
  EXPECT_TRUE(settings->serve.create_lake) << "dev makes what it needs";
  EXPECT_EQ(settings->serve.http.io_threads, 5U);
  EXPECT_THAT(settings->warnings, Contains(HasSubstr("EFS_ROOT_PATH")));
}

TEST_F(SettingsTest, FlagsComeLast) {
  environment_ = {{"BASE_PATH", "/of-environment"}};
  const auto settings = Read("base_path: /of-file\nport: 1\nbehind_proxy: true\n",
                             {.base_path = "/of-flag", .port = 2, .hosts = {"a"}});
  ASSERT_THAT(settings, IsOk());
  EXPECT_EQ(settings->serve.lake_path, "/of-flag");
  EXPECT_EQ(settings->serve.http.port, 2);
  EXPECT_TRUE(settings->serve.door.behind_proxy);
}

TEST_F(SettingsTest, RefusesWhatMakesNoSense) {
  EXPECT_THAT(Read(""), IsError(ErrorCode::kInvalidArgument, "no lake"));
  EXPECT_THAT(Read("base_path: /x\nport: 70000\n"), IsError(ErrorCode::kInvalidArgument, "70000"));
  EXPECT_THAT(Read("base_path: /x\nlog_level: loud\n"),
              IsError(ErrorCode::kInvalidArgument, "loud"));
  EXPECT_THAT(Read("base_path: /x\n", {.tls_certificate = "/c.pem"}),
              IsError(ErrorCode::kInvalidArgument, "private key"));
  environment_ = {{"NUM_PROC", "many"}};
  EXPECT_THAT(Read("base_path: /x\n"), IsError(ErrorCode::kInvalidArgument, "NUM_PROC"));
}

}  // namespace
}  // namespace datalake::apps
