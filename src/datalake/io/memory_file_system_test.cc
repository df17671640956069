#include "datalake/io/memory_file_system.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/glob.h"
#include "datalake/testing/matchers.h"

namespace datalake::io {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::ElementsAre;

class MemoryFileSystemTest : public ::testing::Test {
 protected:
  // Written, and its bytes synced, but not its name.
  std::unique_ptr<WritableFile> Put(std::string_view path, std::string_view text) {
    auto file = fs_.Create(path);
    EXPECT_THAT(file, IsOk());
    EXPECT_THAT((*file)->Write(text), IsOk());
    EXPECT_THAT((*file)->Sync(), IsOk());
    return *std::move(file);
  }

  void LosePower(std::uint64_t seed) {
    SeededRandom random(seed);
    fs_.DropUnsynced(random);
  }

  MemoryFileSystem fs_;
};

TEST_F(MemoryFileSystemTest, BehavesAsFilesDo) {
  Put("/a", "one");
  EXPECT_THAT(fs_.Create("/a"), IsError(ErrorCode::kAlreadyExists, "/a"));
  EXPECT_THAT(fs_.Create("/none/a"), IsError(ErrorCode::kNotFound, "/none"));
  EXPECT_THAT(fs_.OpenInput("/"), IsError(ErrorCode::kInvalidArgument, "is a folder"));
  EXPECT_THAT(fs_.OpenInput("../a"), IsError(ErrorCode::kInvalidArgument, "'..'"));
  EXPECT_THAT(fs_.MakeDirectories("/d/e"), IsOk());
  EXPECT_THAT(fs_.Link("/a", "/d/e/b"), IsOk());
  EXPECT_THAT(fs_.Link("/a", "/d/e/b"), IsError(ErrorCode::kAlreadyExists, "b"));
  EXPECT_THAT(fs_.Remove("/a"), IsOk());
  EXPECT_THAT(ReadFile(fs_, "d/e/b", 10), IsOkAndHolds("one"));
  EXPECT_THAT(fs_.RemoveDirectory("/d"), IsError(ErrorCode::kIo, "not empty"));
  EXPECT_THAT(Glob(fs_, "/d/**/b"), IsOkAndHolds(ElementsAre("/d/e/b")));
  EXPECT_THAT(fs_.RemoveTree("/d"), IsOk());
  EXPECT_THAT(fs_.Exists("/d"), IsOkAndHolds(false));
}

TEST_F(MemoryFileSystemTest, SymlinksAreRetargetedByRename) {
  ASSERT_THAT(fs_.MakeDirectories("/c/v1"), IsOk());
  ASSERT_THAT(fs_.MakeDirectories("/c/v2"), IsOk());
  EXPECT_THAT(fs_.MakeSymlink("v1", "/c/latest"), IsOk());
  EXPECT_THAT(fs_.MakeSymlink("v2", "/c/latest"), IsError(ErrorCode::kAlreadyExists, "latest"));
  EXPECT_THAT(fs_.MakeSymlink("v2", "/c/.new"), IsOk());
  EXPECT_THAT(fs_.Rename("/c/.new", "/c/latest"), IsOk());
  Put("/c/v2/a", "x");
  EXPECT_THAT(fs_.Exists("/c/latest/a"), IsOkAndHolds(true));
  const auto entries = fs_.List("/c");
  ASSERT_THAT(entries, IsOk());
  EXPECT_TRUE((*entries)[0].is_symlink);
  EXPECT_FALSE((*entries)[0].is_directory);
  EXPECT_THAT(fs_.Remove("/c/latest"), IsOk());
  EXPECT_THAT(fs_.Exists("/c/v2/a"), IsOkAndHolds(true));
}

TEST_F(MemoryFileSystemTest, RenameReplacesFilesOnly) {
  Put("/a", "1");
  Put("/b", "2");
  ASSERT_THAT(fs_.MakeDirectory("/d"), IsOk());
  EXPECT_THAT(fs_.Rename("/a", "/b"), IsOk());
  EXPECT_THAT(ReadFile(fs_, "/b", 10), IsOkAndHolds("1"));
  EXPECT_THAT(fs_.Rename("/b", "/d"), IsError(ErrorCode::kIo, "cannot replace"));
  EXPECT_THAT(fs_.Rename("/none", "/d"), IsError(ErrorCode::kNotFound, "/none"));
}

TEST_F(MemoryFileSystemTest, LockIsHeldOnce) {
  auto lock = fs_.Lock("/LOCK");
  ASSERT_THAT(lock, IsOk());
  EXPECT_THAT(fs_.Lock("/LOCK"), IsError(ErrorCode::kUnavailable, "held by"));
  lock->reset();
  EXPECT_THAT(fs_.Lock("/LOCK"), IsOk());
}

TEST_F(MemoryFileSystemTest, PreallocatedBytesReadAsZerosUntilClose) {
  auto file = Put("/a", "12");
  ASSERT_THAT(file->Preallocate(3), IsOk());
  EXPECT_THAT(ReadFile(fs_, "/a", 10), IsOkAndHolds(std::string("12\0\0\0", 5)));
  ASSERT_THAT(file->Write("3"), IsOk());
  ASSERT_THAT(file->Close(), IsOk());
  EXPECT_THAT(ReadFile(fs_, "/a", 10), IsOkAndHolds("123"));
}

TEST_F(MemoryFileSystemTest, SyncedBytesAndNamesSurvivePowerLoss) {
  Put("/a", "kept");
  ASSERT_THAT(fs_.SyncDirectory("/"), IsOk());
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    LosePower(seed);
    EXPECT_THAT(ReadFile(fs_, "/a", 10), IsOkAndHolds("kept"));
  }
}

TEST_F(MemoryFileSystemTest, UnsyncedNamesMayGoAndRenamesAreWhole) {
  int gone = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::string name = "/f" + std::to_string(seed);
    Put(name, "x");
    ASSERT_THAT(fs_.SyncDirectory("/"), IsOk());
    ASSERT_THAT(fs_.Rename(name, name + ".new"), IsOk());
    LosePower(seed);
    const bool has_old = *fs_.Exists(name);
    EXPECT_NE(has_old, *fs_.Exists(name + ".new"));
    gone += has_old ? 1 : 0;
  }
  EXPECT_GT(gone, 5);
  EXPECT_LT(gone, 35);
}

TEST_F(MemoryFileSystemTest, UnsyncedBytesAreTorn) {
  int lengths_seen = 0;
  int holes_seen = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::string name = "/f" + std::to_string(seed);
    auto file = Put(name, "begin");
    ASSERT_THAT(fs_.SyncDirectory("/"), IsOk());
    ASSERT_THAT(file->Write(std::string(5000, 'x')), IsOk());
    LosePower(seed);
    const auto text = ReadFile(fs_, name, 10'000);
    ASSERT_THAT(text, IsOk());
    EXPECT_TRUE(text->starts_with("begin"));
    lengths_seen += text->size() < 5005 ? 1 : 0;
    holes_seen += text->find('\0') != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(lengths_seen, 5);
  EXPECT_GT(holes_seen, 5);
}

TEST_F(MemoryFileSystemTest, ACopyHasTheFilesAndWhatIsSyncedOfThem) {
  ASSERT_THAT(fs_.MakeDirectory("/f"), IsOk());
  Put("/f/durable", "one");
  ASSERT_THAT(fs_.SyncDirectory("/"), IsOk());
  ASSERT_THAT(fs_.SyncDirectory("/f"), IsOk());
  ASSERT_THAT(fs_.MakeSymlink("durable", "/f/link"), IsOk());
  ASSERT_THAT(fs_.Link("/f/durable", "/f/other"), IsOk());
  MemoryFileSystem copy;
  copy.CopyFrom(fs_);
  EXPECT_THAT(ReadFile(copy, "/f/link", 9), IsOkAndHolds("one"));
  EXPECT_THAT(ReadFile(copy, "/f/other", 9), IsOkAndHolds("one"));
  ASSERT_THAT(copy.Remove("/f/durable"), IsOk());
  EXPECT_THAT(ReadFile(fs_, "/f/durable", 9), IsOkAndHolds("one"));

  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    MemoryFileSystem one;
    one.CopyFrom(fs_);
    SeededRandom random(seed);
    SeededRandom same(seed);
    one.DropUnsynced(random);
    MemoryFileSystem two;
    two.CopyFrom(fs_);
    two.DropUnsynced(same);
    EXPECT_THAT(ReadFile(one, "/f/durable", 9), IsOkAndHolds("one"));
    EXPECT_EQ(one.List("/f")->size(), two.List("/f")->size());
  }
}

}  // namespace
}  // namespace datalake::io
