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

TEST_F(SchemaRegistryTest, OptionalFieldsAndTypesAreChecked) {
  using Fields = std::map<std::string, std::string>;
  const TaskInfo task{.name = "scan",
                      .description = "",
                      .required_fields = {"page"},
                      .allowed_values = {{"dpi", {"150", "300"}}},
                      .optional_fields = {"dpi", "day", "clean", "skew"},
                      .types = {{"page", FieldType::kInteger},
                                {"dpi", FieldType::kInteger},
                                {"day", FieldType::kDate},
                                {"clean", FieldType::kBoolean},
                                {"skew", FieldType::kNumber}}};
  ASSERT_THAT(registry_.AddTask(task), IsOk());
  EXPECT_EQ(*registry_.FindTask("scan"), task);
  const auto check = [this](Fields fields) {
    fields.emplace("page", "7");
    return registry_.CheckFields("scan", fields);
  };
  EXPECT_THAT(check({}), IsOk());
  EXPECT_THAT(check({{"dpi", "300"}, {"day", "2024-02-29"}, {"clean", "true"}, {"skew", "-0.5"}}),
              IsOk());
  EXPECT_THAT(check({{"page", "seven"}}), IsError(ErrorCode::kInvalidArgument, "no integer"));
  EXPECT_THAT(check({{"day", "2023-02-29"}}), IsError(ErrorCode::kInvalidArgument, "no date"));
  EXPECT_THAT(check({{"clean", "yes"}}), IsError(ErrorCode::kInvalidArgument, "no boolean"));
  EXPECT_THAT(check({{"skew", "inf"}}), IsError(ErrorCode::kInvalidArgument, "no number"));
  EXPECT_THAT(check({{"dpi", "600"}}), IsError(ErrorCode::kInvalidArgument, "allowed: 150, 300"));
  EXPECT_THAT(check({{"x", "1"}}), IsError(ErrorCode::kInvalidArgument, "page, dpi, day"));
  Write("tasks:\n  t:\n    types: {a: int}\n");
  EXPECT_THAT(registry_.Load(), IsError(ErrorCode::kInvalidArgument, "schema.yaml:3"));
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
              IsError(ErrorCode::kInvalidArgument, "does not have: f"));
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
