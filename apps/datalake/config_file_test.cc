#include "apps/datalake/config_file.h"

#include <cstdlib>

#include <fmt/format.h>
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
}

TEST_F(ConfigFileTest, InterpolatesOtherKeys) {
  EXPECT_EQ(Dump("a: {b: 2, c: '${.b}', d: '${..e}', f: 'x${a.b}y'}\ne: [7, {g: '${e[0]}'}]\n"),
            R"({"a":{"b":2,"c":2,"d":[7,{"g":7}],"f":"x2y"},"e":[7,{"g":7}]})");
  EXPECT_EQ(Dump("root: /data\ndocuments: ['${root}/documents/*.gz']\nx: '\\${root}'\n"),
            R"({"root":"/data","documents":["/data/documents/*.gz"],"x":"${root}"})");
  EXPECT_EQ(Dump("a: ${name}", {{"name", {"over"}, false}}), R"({"a":"over","name":"over"})");
  EXPECT_THAT(Read("a: ${b.c}\nb: 1"), IsError(ErrorCode::kInvalidArgument, "no such key"));
  EXPECT_THAT(Read("a: ${b}\nb: ${a}"), IsError(ErrorCode::kInvalidArgument, "refers to itself"));
  EXPECT_THAT(Read("a: ${a}"), IsError(ErrorCode::kInvalidArgument, "refers to itself"));
  EXPECT_THAT(Read("a: ${b"), IsError(ErrorCode::kInvalidArgument, "no } behind"));
}

TEST_F(ConfigFileTest, InterpolatesTheToolkitsOwn) {
  const std::string folder = ::testing::TempDir() + "config_glob";
  ASSERT_THAT(fs_.MakeDirectories(folder), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, folder + "/b.gz", "x"), IsOk());
  ASSERT_THAT(io::ReplaceFile(fs_, folder + "/a.gz", "x"), IsOk());
  ASSERT_EQ(::setenv("DATALAKE_CONFIG_TEST", folder.c_str(), 1), 0);
  EXPECT_EQ(Dump("documents: ${d.glob:${oc.env:DATALAKE_CONFIG_TEST}/*.gz}"),
            fmt::format(R"({{"documents":["{0}/a.gz","{0}/b.gz"]}})", folder));
  EXPECT_THAT(Read("a: ${d.glob:/nothing/here/*}"),
              IsError(ErrorCode::kInvalidArgument, "no file matches"));
  const auto config = Read("a: ${d.processes:100000}\nb: ${d.processes:}\nc: ${d.cache:/x/y}");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ((*config)["a"], 1);
  EXPECT_GE((*config)["b"].get<int>(), 1);
  EXPECT_EQ((*config)["c"], "/x/y");
  EXPECT_THAT(Read("a: ${d.cache:s3://bucket/x}"),
              IsError(ErrorCode::kUnsupported, "remote files are not fetched"));
  EXPECT_THAT(Read("a: ${oc.decode:x}"), IsError(ErrorCode::kUnsupported, "oc.decode"));
}

TEST_F(ConfigFileTest, YamlOfAConfigReadsBackAsTheSame) {
  const std::string text =
      R"({"a":{"b":[1,-2.5,true,null,"true","1_0","x: y","é","",{}],"c":[]},"2":"line\nline"})";
  const auto config = Read(text);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(Dump(ConfigAsYaml(*config)), json::DumpValue(*config));
  EXPECT_EQ(ConfigAsYaml(*Read("experiment: e\ndocuments: [a/*.gz]\nprocesses: 2")),
            "experiment: e\ndocuments:\n  - \"a/*.gz\"\nprocesses: 2\n");
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
