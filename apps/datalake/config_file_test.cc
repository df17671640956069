#include "apps/datalake/config_file.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::apps {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

class ConfigFileTest : public ::testing::Test {
 protected:
  Result<json::Value> Read(std::string_view text,
                           const std::vector<ConfigOverride>& overrides = {}) {
    const std::string path = ::testing::TempDir() + "config_file_test.yaml";
    EXPECT_THAT(io::ReplaceFile(fs_, path, text), IsOk());
    return ReadConfig(fs_, path, overrides);
  }

  std::string Dump(std::string_view text, const std::vector<ConfigOverride>& overrides = {}) {
    Result<json::Value> config = Read(text, overrides);
    return config ? json::DumpValue(*config) : config.error().message;
  }

  io::LocalFileSystem fs_;
};

TEST_F(ConfigFileTest, GivesScalarsTheirTypes) {
  EXPECT_EQ(Dump("a: 1_000\nb: 1.0e-9\nc: '1'\nd: yes\ne: ~\nf: x-1\ng: [1, \"a\"]\nh: -2\n"),
            R"({"a":1000,"b":1e-09,"c":"1","d":true,"e":null,"f":"x-1","g":[1,"a"],"h":-2})");
  EXPECT_EQ(Dump(R"({"json": {"is": ["yaml", 1.5]}})"), R"({"json":{"is":["yaml",1.5]}})");
  EXPECT_EQ(Dump(""), "{}");
}

TEST_F(ConfigFileTest, InterpolatesTheEnvironment) {
  ASSERT_EQ(::setenv("DATALAKE_CONFIG_TEST", "here", 1), 0);
  EXPECT_EQ(Dump("a: x/${oc.env:DATALAKE_CONFIG_TEST}/y\nb: ${oc.env:DATALAKE_NOT_SET,5}\n"),
            R"({"a":"x/here/y","b":5})");
  EXPECT_THAT(Read("a: ${oc.env:DATALAKE_NOT_SET}"),
              IsError(ErrorCode::kInvalidArgument, "DATALAKE_NOT_SET"));
  EXPECT_THAT(Read("a: ${d.glob:x}"), IsError(ErrorCode::kUnsupported, "${d.glob:x}"));
}

TEST_F(ConfigFileTest, OverridesGoOverTheFile) {
  EXPECT_EQ(Dump("dedupe: {name: a}\n", {{"dedupe.name", {"b"}, false},
                                         {"documents", {"x", "y"}, true},
                                         {"dedupe.documents.key", {"$.id"}, false}}),
            R"({"dedupe":{"name":"b","documents":{"key":"$.id"}},"documents":["x","y"]})");
  EXPECT_THAT(Read("a: 1", {{"a.b", {"2"}, false}}),
              IsError(ErrorCode::kInvalidArgument, "cannot set --a.b"));
}

TEST_F(ConfigFileTest, BadFilesAreErrors) {
  EXPECT_THAT(Read("a: [1\nb: 2\n"), IsError(ErrorCode::kInvalidArgument, "bad YAML"));
  EXPECT_THAT(Read("a: 1\na: 2\n"), IsError(ErrorCode::kInvalidArgument, "key given twice"));
  EXPECT_THAT(Read("- 1\n"), IsError(ErrorCode::kInvalidArgument, "must be a set of keys"));
  EXPECT_THAT(ReadConfig(fs_, ::testing::TempDir() + "no_such_config.yaml", {}),
              IsError(ErrorCode::kNotFound, "no_such_config.yaml"));
}

}  // namespace
}  // namespace datalake::apps
