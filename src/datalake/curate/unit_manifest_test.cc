#include "datalake/curate/unit_manifest.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/process.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;

constexpr std::string_view kOutput = "/a/out.jsonl.gz";

class UnitManifestTest : public ::testing::Test {
 protected:
  UnitManifestTest() { Put("/in.jsonl", "documents"); }

  void Put(std::string_view path, std::string_view bytes) {
    ASSERT_THAT(fs_.MakeDirectories("/a"), IsOk());
    ASSERT_THAT(io::ReplaceFile(fs_, path, bytes), IsOk());
  }

  UnitManifest Make(std::string options = R"({"taggers":["t"]})") {
    return UnitManifest::Make(fs_, {"tag", std::move(options), {"/in.jsonl"}}).value();
  }

  void MakeOutput(const UnitManifest& manifest) {
    ASSERT_THAT(manifest.Begin(kOutput), IsOk());
    Put(kOutput, "attributes");
    ASSERT_THAT(manifest.Finish(kOutput, R"({"documents":3})"), IsOk());
  }

  OutputState StateFor(const UnitManifest& manifest) { return manifest.Find(kOutput)->state; }

  io::MemoryFileSystem fs_;
};

TEST_F(UnitManifestTest, KnowsAbsentForeignAndDoneOutputs) {
  EXPECT_EQ(StateFor(Make()), OutputState::kAbsent);
  Put(kOutput, "of others");
  EXPECT_EQ(StateFor(Make()), OutputState::kForeign);
  MakeOutput(Make());
  const auto found = Make().Find(kOutput);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->state, OutputState::kDone);
  EXPECT_EQ(found->facts, R"({"documents":3})");
}

TEST_F(UnitManifestTest, OtherOptionsOrInputsOrAChangedOutputAreStale) {
  MakeOutput(Make());
  EXPECT_EQ(StateFor(Make(R"({"taggers":["u"]})")), OutputState::kStale);
  Put(kOutput, "attributeZ");  // as long as before
  EXPECT_EQ(StateFor(Make()), OutputState::kStale);
  MakeOutput(Make());
  Put("/in.jsonl", "documentZ");
  EXPECT_EQ(StateFor(Make()), OutputState::kStale);
  MakeOutput(Make());
  EXPECT_EQ(StateFor(Make()), OutputState::kDone);
  ASSERT_THAT(fs_.Remove(kOutput), IsOk());
  EXPECT_EQ(StateFor(Make()), OutputState::kAbsent);
}

TEST_F(UnitManifestTest, DamagedRecordIsStale) {
  MakeOutput(Make());
  Put(UnitManifest::PathOf(kOutput), "{\"state\":\"do");
  EXPECT_EQ(StateFor(Make()), OutputState::kStale);
}

TEST_F(UnitManifestTest, NamesMissingInput) {
  EXPECT_THAT(UnitManifest::Make(fs_, {"tag", "{}", {"/no.jsonl"}}),
              IsError(ErrorCode::kNotFound, "/no.jsonl"));
}

TEST_F(UnitManifestTest, LeftoversOfDeadRunsAreRemoved) {
  const std::string tag = ProcessTag();
  const std::string dead = tag.substr(0, tag.rfind('-')) + "-1";  // of this pid, begun before
  const std::string mine = io::TemporaryPath(kOutput);
  Put(mine, "half");
  Put("/a/.other.jsonl.gz." + dead + ".3.tmp", "half");
  Put("/a/.datalake/.out.jsonl.gz.json." + dead + ".4.tmp", "half");
  RemoveLeftovers(fs_, std::vector<std::string>{std::string(kOutput), "/b/none"});
  EXPECT_THAT(fs_.Exists(mine), testing::IsOkAndHolds(true));
  EXPECT_THAT(fs_.Exists("/a/.other.jsonl.gz." + dead + ".3.tmp"), testing::IsOkAndHolds(false));
  EXPECT_THAT(fs_.Exists("/a/.datalake/.out.jsonl.gz.json." + dead + ".4.tmp"),
              testing::IsOkAndHolds(false));
}

// Whatever fails or is lost: an output that counts as done is the one of this work.
TEST(UnitManifestFaultTest, DoneIsNeverSaidOfAnotherOutput) {
  const auto make = [](io::FileSystem& fs, const std::string& options, std::string_view bytes) {
    const auto manifest = UnitManifest::Make(fs, {"tag", options, {}}).value();
    const auto run = [&]() -> Status {
      DATALAKE_TRY(manifest.Begin("/a/out"));
      DATALAKE_TRY(io::ReplaceFile(fs, "/a/out", bytes));
      return manifest.Finish("/a/out", "{}");
    };
    return run();
  };
  testing::ForEachFault(
      [&](testing::FaultFileSystem& fs) {
        ASSERT_THAT(fs.MakeDirectories("/a"), IsOk());
        ASSERT_THAT(make(fs, "1", "one"), IsOk());
      },
      [&](testing::FaultFileSystem& fs) { (void)make(fs, "2", "two"); },
      [&](testing::FaultFileSystem& fs) {
        for (const auto& [options, bytes] : {std::pair("1", "one"), std::pair("2", "two")}) {
          const auto manifest = UnitManifest::Make(fs, {"tag", options, {}}).value();
          const auto found = manifest.Find("/a/out");
          ASSERT_THAT(found, IsOk());
          EXPECT_NE(found->state, OutputState::kForeign);
          if (found->state == OutputState::kDone) {
            EXPECT_EQ(io::ReadFile(fs, "/a/out", 100).value(), bytes);
          }
        }
      });
}

}  // namespace
}  // namespace datalake::curate
