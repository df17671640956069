#include "datalake/lake/schema_registry.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class SchemaRegistryTest : public ::testing::Test {
 protected:
  SchemaRegistryTest() { Write(SchemaRegistry::DefaultYaml()); }

  void Write(std::string_view yaml) {
    EXPECT_THAT(fs_.MakeDirectories(dir_.path() + "/config"), IsOk());
    EXPECT_THAT(io::ReplaceFile(fs_, layout_.schema_file(), yaml), IsOk());
  }

  std::string Read() { return io::ReadFile(fs_, layout_.schema_file(), 1 << 20).value_or(""); }

  io::LocalFileSystem fs_;
  testing::ManualClock clock_;
  SeededRandom random_{1};
  testing::TempDir dir_;
  Layout layout_{dir_.path()};
  LakeContext context_{fs_, clock_, random_, layout_};
  SchemaRegistry registry_{context_};
};

TEST_F(SchemaRegistryTest, DefaultHasTheSeedsProvidersAndTasks) {
  const auto config = registry_.Load();
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->providers, SizeIs(5));
  EXPECT_THAT(config->tasks, SizeIs(5));
  const auto task = registry_.FindTask("document_conversion");
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->required_fields, (std::vector<std::string>{"lang", "src", "mod"}));
  EXPECT_EQ(task->allowed_values.at("mod"), (std::vector<std::string>{"page", "table", "chart"}));
}

TEST_F(SchemaRegistryTest, UnknownProviderNamesTheNearest) {
  EXPECT_THAT(registry_.FindProvider("hugingface"), IsError(ErrorCode::kNotFound, "huggingface"));
}

TEST_F(SchemaRegistryTest, CheckFieldsFollowsTheOrderOfRules) {
  using Fields = std::map<std::string, std::string>;
  EXPECT_THAT(registry_.CheckFields("ocr", Fields{{"lang", "ko"}, {"src", "real"}}), IsOk());
  EXPECT_THAT(registry_.CheckFields("orc", Fields{}), IsError(ErrorCode::kNotFound, "ocr"));
  EXPECT_THAT(registry_.CheckFields("ocr", Fields{{"x", "1"}, {"lang", "xx"}}),
              IsError(ErrorCode::kInvalidArgument, "not one of task ocr: x"));
  EXPECT_THAT(registry_.CheckFields("ocr", Fields{{"lang", "xx"}}),
              IsError(ErrorCode::kInvalidArgument, "needs the field: src"));
  EXPECT_THAT(registry_.CheckFields("ocr", Fields{{"lang", "xx"}, {"src", "real"}}),
              IsError(ErrorCode::kInvalidArgument, "allowed: ko, en, ja, multi"));
  EXPECT_THAT(registry_.CheckFields("raw", Fields{}), IsOk());
}

TEST_F(SchemaRegistryTest, AddAndRemoveKeepCommentsAndTheRest) {
  Write("# mine\nproviders:\n  a:   # first\n    description: A\n\n# the tasks\ntasks:\n  t: {}\n");
  ASSERT_THAT(registry_.AddProvider({"b-1", "it's \"B\": #1"}), IsOk());
  EXPECT_EQ(Read(),
            "# mine\nproviders:\n  a:   # first\n    description: A\n  b-1:\n"
            "    description: \"it's \\\"B\\\": #1\"\n\n# the tasks\ntasks:\n  t: {}\n");
  EXPECT_EQ(registry_.FindProvider("b-1")->description, "it's \"B\": #1");
  ASSERT_THAT(registry_.AddTask({"u", "", {"lang"}, {{"lang", {"ko", "no"}}}}), IsOk());
  EXPECT_EQ(registry_.FindTask("u")->allowed_values.at("lang"),
            (std::vector<std::string>{"ko", "no"}));
  ASSERT_THAT(registry_.RemoveTask("u"), IsOk());
  ASSERT_THAT(registry_.RemoveProvider("b-1"), IsOk());
  EXPECT_EQ(Read(),
            "# mine\nproviders:\n  a:   # first\n    description: A\n\n# the tasks\ntasks:\n"
            "  t: {}\n");
}

TEST_F(SchemaRegistryTest, RemoveOfTheFirstAndTheLastEntryWorks) {
  for (const char* name : {"aihub", "test", "opensource", "inhouse", "huggingface"}) {
    ASSERT_THAT(registry_.RemoveProvider(name), IsOk()) << name;
  }
  EXPECT_THAT(registry_.Load()->providers, SizeIs(0));
  EXPECT_THAT(registry_.Load()->tasks, SizeIs(5));
  ASSERT_THAT(registry_.AddProvider({"2024", "year"}), IsOk());
  EXPECT_EQ(registry_.FindProvider("2024")->description, "year");
}

TEST_F(SchemaRegistryTest, FlowStyleIsRewritten) {
  Write("providers: {a: {description: A}}\ntasks: {}\n");
  ASSERT_THAT(registry_.AddProvider({"b", ""}), IsOk());
  ASSERT_THAT(registry_.AddTask({"t", "", {}, {}}), IsOk());
  EXPECT_THAT(registry_.Load()->providers, SizeIs(2));
  EXPECT_THAT(registry_.Load()->tasks, SizeIs(1));
}

TEST_F(SchemaRegistryTest, RefusesBadNamesDuplicatesAndUnknownOnes) {
  EXPECT_THAT(registry_.AddProvider({"a/b", ""}), IsError(ErrorCode::kInvalidArgument, "a/b"));
  EXPECT_THAT(registry_.AddProvider({"feeds", ""}), IsError(ErrorCode::kInvalidArgument, "feeds"));
  EXPECT_THAT(registry_.AddProvider({"test", ""}), IsError(ErrorCode::kAlreadyExists, "test"));
  EXPECT_THAT(registry_.AddTask({"raw", "", {}, {}}), IsError(ErrorCode::kInvalidArgument, "raw"));
  EXPECT_THAT(registry_.RemoveProvider("tset"), IsError(ErrorCode::kNotFound, "test"));
  EXPECT_THAT(registry_.AddTask({"t", "", {}, {{"f", {"x"}}}}),
              IsError(ErrorCode::kInvalidArgument, "not required: f"));
}

TEST_F(SchemaRegistryTest, BrokenFilesAreErrorsWithTheirLine) {
  Write("providers:\n  a:\n    descripton: x\n");
  EXPECT_THAT(registry_.Load(), IsError(ErrorCode::kInvalidArgument, "schema.yaml:3"));
  Write("providers: [a\n");
  EXPECT_THAT(registry_.Load(), IsError(ErrorCode::kInvalidArgument, "schema.yaml"));
  Write("providers:\n  a: {}\n  a: {}\n");
  EXPECT_THAT(registry_.Load(), IsError(ErrorCode::kInvalidArgument, "twice: a"));
  EXPECT_THAT(registry_.AddProvider({"b", ""}), IsError(ErrorCode::kInvalidArgument, "twice"));
}

TEST_F(SchemaRegistryTest, ConcurrentAddsAreAllThere) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [this, i] { EXPECT_THAT(registry_.AddProvider({"p" + std::to_string(i), ""}), IsOk()); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(registry_.Load()->providers, SizeIs(13));
  EXPECT_THAT(Read(), HasSubstr("# Providers and tasks of this lake"));
}

}  // namespace
}  // namespace datalake::lake
