#include "datalake/io/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/process.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::io {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using datalake::testing::TempDir;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AtomicFileTest : public ::testing::Test {
 protected:
  LocalFileSystem fs_;
  TempDir dir_;
};

TEST_F(AtomicFileTest, NothingIsThereBeforePublish) {
  {
    auto file = AtomicFile::Make(fs_, dir_ / "new/a", PublishMode::kCreate);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Write("half"), IsOk());
    EXPECT_THAT(fs_.Exists(dir_ / "new/a"), IsOkAndHolds(false));
  }
  EXPECT_THAT(fs_.List(dir_ / "new"), IsOkAndHolds(IsEmpty()));
}

TEST_F(AtomicFileTest, PublishLeavesOneWholeFile) {
  auto file = AtomicFile::Make(fs_, dir_ / "a", PublishMode::kCreate);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Write("whole"), IsOk());
  ASSERT_THAT((*file)->Publish(), IsOk());
  EXPECT_THAT(ReadFile(fs_, dir_ / "a", 10), IsOkAndHolds("whole"));
  EXPECT_THAT(fs_.List(dir_.path()), IsOkAndHolds(SizeIs(1)));
}

TEST_F(AtomicFileTest, TemporariesOfDeadProcessesAreRemoved) {
  const std::string mine = TemporaryPath(dir_ / "out.jsonl");
  ASSERT_THAT(fs_.Create(mine), IsOk());
  const std::string tag = ProcessTag();
  const std::string dead = tag.substr(0, tag.rfind('-')) + "-1";  // of this pid, begun before
  ASSERT_THAT(fs_.Create(dir_ / (".out.jsonl." + dead + ".3.tmp")), IsOk());
  ASSERT_THAT(fs_.MakeDirectories(dir_ / (".spill." + dead + ".4.tmp") + "/below"), IsOk());
  for (const char* other :
       {".out.jsonl.77.3.tmp", ".out.jsonl.tmp", ".tmp", "x.tmp", "out.jsonl"}) {
    ASSERT_THAT(fs_.Create(dir_ / other), IsOk());
  }
  RemoveDeadTemporaries(fs_, dir_.path());
  EXPECT_THAT(fs_.List(dir_.path()), IsOkAndHolds(SizeIs(6)));
  EXPECT_THAT(fs_.Exists(mine), IsOkAndHolds(true));
  RemoveDeadTemporaries(fs_, dir_ / "not-there");
}

TEST_F(AtomicFileTest, NamesMayBeAsLongAsTheSystemLets) {
  EXPECT_THAT(ReplaceFile(fs_, dir_ / std::string(255, 'n'), "x"), IsOk());
}

TEST_F(AtomicFileTest, PutIfAbsentIsWonOnce) {
  EXPECT_THAT(PutIfAbsent(fs_, dir_ / "a", "first"), IsOk());
  EXPECT_THAT(PutIfAbsent(fs_, dir_ / "a", "second"), IsError(ErrorCode::kAlreadyExists, "a"));
  EXPECT_THAT(ReadFile(fs_, dir_ / "a", 10), IsOkAndHolds("first"));
  EXPECT_THAT(fs_.List(dir_.path()), IsOkAndHolds(SizeIs(1)));
}

TEST_F(AtomicFileTest, ReplaceFileReplaces) {
  EXPECT_THAT(ReplaceFile(fs_, dir_ / "a", "first"), IsOk());
  EXPECT_THAT(ReplaceFile(fs_, dir_ / "a", "second"), IsOk());
  EXPECT_THAT(ReadFile(fs_, dir_ / "a", 10), IsOkAndHolds("second"));
}

}  // namespace
}  // namespace datalake::io
