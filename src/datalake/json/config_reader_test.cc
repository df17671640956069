#include "datalake/json/config_reader.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/testing/matchers.h"

namespace datalake::json {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

Value Parsed(std::string_view text) {
  return ParseValue(text, "test").value_or(Value());
}

TEST(ConfigReaderTest, ReadsTypedKeysAndKeepsDefaults) {
  const Value config = Parsed(
      R"({"name":"x","documents":["a","b"],"one":"c","size":7,"rate":1,"deep":{"on":true},"n":null})");
  ConfigReader reader(config, "c.yaml");
  std::string name;
  std::string other = "kept";
  std::vector<std::string> documents;
  std::vector<std::string> one;
  std::uint64_t size = 0;
  double rate = 0;
  bool on = false;
  reader.Require("name", name);
  reader.Read("n", other);
  reader.Read("documents", documents);
  reader.Read("one", one);
  reader.Read("size", size);
  reader.Read("rate", rate);
  if (auto deep = reader.Object("deep"); deep.has_value()) {
    deep->Read("on", on);
    reader.Merge(*deep);
  }
  EXPECT_THAT(reader.Finish(), IsOk());
  EXPECT_EQ(name, "x");
  EXPECT_EQ(other, "kept");
  EXPECT_EQ(documents, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(one, std::vector<std::string>{"c"});
  EXPECT_EQ(size, 7U);
  EXPECT_EQ(rate, 1.0);
  EXPECT_TRUE(on);
}

TEST(ConfigReaderTest, UnknownKeyNamesTheNearestOne) {
  const Value config = Parsed(R"({"streams":[{"nam":"x"}]})");
  ConfigReader reader(config, "mix.yaml");
  for (ConfigReader& stream : reader.Objects("streams")) {
    std::string name;
    stream.Read("name", name);
    reader.Merge(stream);
  }
  EXPECT_THAT(reader.Finish(),
              IsError(ErrorCode::kInvalidArgument,
                      "unknown key: mix.yaml: streams[0]: nam; did you mean name?"));
}

TEST(ConfigReaderTest, KeepsTheFirstError) {
  const Value config = Parsed(R"({"size":"big","list":3})");
  ConfigReader reader(config, "c");
  std::uint64_t size = 0;
  std::vector<std::string> list;
  std::string missing;
  reader.Read("size", size);
  reader.Read("list", list);
  reader.Require("missing", missing);
  EXPECT_THAT(reader.Finish(),
              IsError(ErrorCode::kInvalidArgument, "c: size must be an integer, not string"));
}

TEST(ConfigReaderTest, MissingKeysAndWrongShapesAreErrors) {
  const Value empty = Parsed("{}");
  ConfigReader missing(empty, "c");
  std::string name;
  missing.Require("name", name);
  EXPECT_THAT(missing.Finish(), IsError(ErrorCode::kInvalidArgument, "c: missing key: name"));
  const Value array = Parsed("[1]");
  EXPECT_THAT(ConfigReader(array, "c").Finish(),
              IsError(ErrorCode::kInvalidArgument, "c: must be a set of keys, not array"));
}

}  // namespace
}  // namespace datalake::json
