#include "datalake/io/local_file_system.h"

#include <unistd.h>

#include <array>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/path.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::io {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using datalake::testing::TempDir;

class LocalFileSystemTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, std::string_view text) {
    auto file = fs_.Create(path);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Write(text), IsOk());
    ASSERT_THAT((*file)->Sync(), IsOk());
    ASSERT_THAT((*file)->Close(), IsOk());
  }

  LocalFileSystem fs_;
  TempDir dir_;
};

TEST_F(LocalFileSystemTest, ReadsBackWhatWasWritten) {
  Put(dir_ / "a", "hello");
  EXPECT_THAT(ReadFile(fs_, dir_ / "a", 100), IsOkAndHolds("hello"));
  EXPECT_THAT(ReadFile(fs_, dir_ / "a", 4),
              IsError(ErrorCode::kResourceExhausted, "larger than 4"));
  const auto file = fs_.OpenRandomAccess(dir_ / "a");
  ASSERT_THAT(file, IsOk());
  std::array<std::byte, 10> buffer;
  EXPECT_THAT((*file)->ReadAt(3, buffer), IsOkAndHolds(std::size_t{2}));
}

TEST_F(LocalFileSystemTest, CreateIsExclusiveAndErrorsNameThePath) {
  Put(dir_ / "a", "1");
  EXPECT_THAT(fs_.Create(dir_ / "a"), IsError(ErrorCode::kAlreadyExists, dir_ / "a"));
  EXPECT_THAT(fs_.OpenInput(dir_ / "none"), IsError(ErrorCode::kNotFound, dir_ / "none"));
  EXPECT_THAT(fs_.OpenInput(dir_.path()), IsError(ErrorCode::kInvalidArgument, "is a folder"));
}

TEST_F(LocalFileSystemTest, LinkRefusesATakenNameAndRenameReplaces) {
  Put(dir_ / "a", "1");
  Put(dir_ / "b", "2");
  EXPECT_THAT(fs_.Link(dir_ / "a", dir_ / "b"), IsError(ErrorCode::kAlreadyExists, "b"));
  EXPECT_THAT(fs_.Rename(dir_ / "a", dir_ / "b"), IsOk());
  EXPECT_THAT(ReadFile(fs_, dir_ / "b", 100), IsOkAndHolds("1"));
  EXPECT_THAT(fs_.Exists(dir_ / "a"), IsOkAndHolds(false));
}

TEST_F(LocalFileSystemTest, MakesAndRemovesTrees) {
  ASSERT_THAT(fs_.MakeDirectories(dir_ / "x/y/z"), IsOk());
  ASSERT_THAT(fs_.MakeDirectories(dir_ / "x/y/z/"), IsOk());
  Put(dir_ / "x/y/z/f", "1");
  EXPECT_THAT(fs_.MakeDirectories(dir_ / "x/y/z/f"),
              IsError(ErrorCode::kAlreadyExists, "in the way"));
  EXPECT_THAT(fs_.RemoveDirectory(dir_ / "x"), IsError(ErrorCode::kIo, "x"));
  ASSERT_EQ(::symlink("/etc", (dir_ / "x/link").c_str()), 0);
  EXPECT_THAT(fs_.RemoveTree(dir_ / "x"), IsOk());
  EXPECT_THAT(fs_.Exists(dir_ / "x"), IsOkAndHolds(false));
  EXPECT_THAT(fs_.Exists("/etc/passwd"), IsOkAndHolds(true));
  EXPECT_THAT(fs_.RemoveTree(dir_ / "x"), IsOk());
}

TEST_F(LocalFileSystemTest, ListsSortedByName) {
  Put(dir_ / "b", "");
  Put(dir_ / "a", "");
  ASSERT_THAT(fs_.MakeDirectories(dir_ / "c"), IsOk());
  const auto entries = fs_.List(dir_.path());
  ASSERT_THAT(entries, IsOk());
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_TRUE((*entries)[2].is_directory);
}

TEST_F(LocalFileSystemTest, SymlinksAreRetargetedByRename) {
  ASSERT_THAT(fs_.MakeDirectories(dir_ / "v1"), IsOk());
  ASSERT_THAT(fs_.MakeDirectories(dir_ / "v2"), IsOk());
  EXPECT_THAT(fs_.MakeSymlink("v1", dir_ / "latest"), IsOk());
  EXPECT_THAT(fs_.MakeSymlink("v2", dir_ / "latest"), IsError(ErrorCode::kAlreadyExists, "latest"));
  EXPECT_THAT(fs_.MakeSymlink("v2", dir_ / ".new"), IsOk());
  EXPECT_THAT(fs_.Rename(dir_ / ".new", dir_ / "latest"), IsOk());
  Put(dir_ / "v2/a", "x");
  EXPECT_THAT(fs_.Exists(dir_ / "latest/a"), IsOkAndHolds(true));
  const auto entries = fs_.List(dir_.path());
  ASSERT_THAT(entries, IsOk());
  EXPECT_TRUE((*entries)[0].is_symlink);
  EXPECT_FALSE((*entries)[0].is_directory);
  EXPECT_THAT(fs_.Remove(dir_ / "latest"), IsOk());
  EXPECT_THAT(fs_.Exists(dir_ / "v2/a"), IsOkAndHolds(true));
}

TEST_F(LocalFileSystemTest, LockIsHeldOnceAndNamesItsHolder) {
  auto first = fs_.Lock(dir_ / "LOCK");
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(fs_.Lock(dir_ / "LOCK"),
              IsError(ErrorCode::kUnavailable, "held by process " + std::to_string(::getpid())));
  first->reset();
  EXPECT_THAT(fs_.Lock(dir_ / "LOCK"), IsOk());
}

TEST(AbsolutePathTest, ResolvesByText) {
  EXPECT_THAT(AbsolutePath("/a/./b/../c/"), IsOkAndHolds("/a/c"));
  EXPECT_THAT(AbsolutePath("/"), IsOkAndHolds("/"));
  EXPECT_THAT(AbsolutePath("x"), IsOkAndHolds(::testing::EndsWith("/x")));
}

TEST_F(LocalFileSystemTest, PreallocatedSpaceReadsAsZerosAndIsGivenBackByClose) {
  auto file = fs_.Create(dir_ / "a");
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Write("12"), IsOk());
  ASSERT_THAT((*file)->Preallocate(200'000), IsOk());
  ASSERT_THAT((*file)->Write("3"), IsOk());
  EXPECT_THAT(ReadFile(fs_, dir_ / "a", 1'000'000),
              IsOkAndHolds("123" + std::string(199'999, '\0')));
  ASSERT_THAT((*file)->Close(), IsOk());
  EXPECT_THAT(ReadFile(fs_, dir_ / "a", 10), IsOkAndHolds("123"));
}

TEST_F(LocalFileSystemTest, SyncsManyFilesTogether) {
  const auto sync = fs_.OpenBulkSync(dir_.path());
  ASSERT_THAT(sync, IsOk());
  std::vector<std::string> files;
  for (const int n : {2, 20}) {
    for (int i = 0; i < n; ++i) {
      files.push_back(dir_ / std::to_string(files.size()));
      Put(files.back(), "x");
    }
    EXPECT_THAT((*sync)->Sync(files, {}), IsOk());
    EXPECT_THAT((*sync)->Sync({}, std::vector<std::string>{dir_.path()}), IsOk());
  }
  EXPECT_THAT((*sync)->Sync(std::vector<std::string>{dir_ / "none"}, {}),
              IsError(ErrorCode::kNotFound, "none"));
}

TEST(PathTest, JoinsAndSplits) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(BaseName("a/b.gz"), "b.gz");
  EXPECT_EQ(ParentPath("a/b"), "a");
  EXPECT_EQ(ParentPath("/b"), "/");
  EXPECT_EQ(ParentPath("b"), ".");
}

}  // namespace
}  // namespace datalake::io
