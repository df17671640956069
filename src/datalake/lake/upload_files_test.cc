#include "datalake/lake/upload_files.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/testing/matchers.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::testing::ElementsAre;

class UploadFilesTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, std::string_view content) {
    const std::string path = io::JoinPath("/far/away", name);
    EXPECT_THAT(fs_.MakeDirectories(io::ParentPath(path)), IsOk());
    EXPECT_THAT(io::PutIfAbsent(fs_, path, content), IsOk());
  }

  Result<UploadFiles> Find(const std::string& path) {
    UploadRequest request;
    request.source_path = path;
    return FindUploadFiles(fs_, request, {});
  }

  io::MemoryFileSystem fs_;
};

TEST_F(UploadFilesTest, FileBringsTheFilesThatItsRowsName) {
  Add("rows.jsonl",
      "{\"image\":\"p/a.png\",\"n\":1}\n{\"image\":\"p/a.png\",\"n\":2}\n"
      "{\"image\":\"p/missing.png\"}\n{\"image\":\"../secret.png\"}\n{\"image\":null}\n"
      "{\"image\":\"http://x/y.png\"}\n");
  Add("p/a.png", "a");
  Add("p/not_named.png", "b");
  EXPECT_THAT(io::PutIfAbsent(fs_, "/far/secret.png", "c"), IsOk());
  const auto found = Find("/far/away/rows.jsonl");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->root, "/far/away");
  EXPECT_EQ(found->source, "rows.jsonl");
  EXPECT_THAT(found->names, ElementsAre("p/a.png", "rows.jsonl"));
}

TEST_F(UploadFilesTest, ListsOfNamesAreFollowed) {
  Add("rows.jsonl", "{\"images\":[\"a.png\",\"b.png\"]}\n{\"images\":[]}\n{\"images\":null}\n");
  Add("a.png", "a");
  Add("b.png", "b");
  const auto found = Find("/far/away/rows.jsonl");
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(found->names, ElementsAre("a.png", "b.png", "rows.jsonl"));
}

TEST_F(UploadFilesTest, GlobKeepsItsPatternBelowItsFolder) {
  Add("s/x/1.csv", "file_name,n\nx/a.bin,1\n");
  Add("s/y/2.csv", "file_name,n\ny/b.bin,2\n");
  Add("s/x/a.bin", "a");
  Add("s/y/b.bin", "b");
  const auto found = Find("/far/away/s/*/*.csv");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->root, "/far/away/s");
  EXPECT_EQ(found->source, "*/*.csv");
  EXPECT_THAT(found->names, ElementsAre("x/1.csv", "x/a.bin", "y/2.csv", "y/b.bin"));
}

TEST_F(UploadFilesTest, FolderWithRowsIsTakenWholeButForWhatIsHidden) {
  Add("metadata.csv", "image,n\nsub/a.png,1\n");
  Add("sub/a.png", "a");
  Add("notes.txt", "b");
  Add(".git/config", "c");
  const auto found = Find("/far/away/");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->source, ".");
  EXPECT_THAT(found->names, ElementsAre("metadata.csv", "notes.txt", "sub/a.png"));
}

TEST_F(UploadFilesTest, FolderOfPicturesGivesThePicturesAlone) {
  Add("cats/a.PNG", "a");
  Add("dogs/b.jpg", "b");
  Add("README.md", "c");
  const auto found = Find("/far/away");
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(found->names, ElementsAre("cats/a.PNG", "dogs/b.jpg"));
}

TEST_F(UploadFilesTest, RefusesWhatIsNotThereOrHoldsNothing) {
  EXPECT_THAT(Find("/far/away/none.csv"), IsError(ErrorCode::kNotFound, "none.csv"));
  Add("README.md", "c");
  EXPECT_THAT(Find("/far/away"), IsError(ErrorCode::kNotFound, "/far/away"));
}

TEST_F(UploadFilesTest, StopsWhenAsked) {
  Add("rows.jsonl", "{\"image\":\"a.png\"}\n");
  std::stop_source stop;
  stop.request_stop();
  UploadRequest request;
  request.source_path = "/far/away/rows.jsonl";
  EXPECT_THAT(FindUploadFiles(fs_, request, stop.get_token()),
              IsError(ErrorCode::kCancelled, "stopped"));
}

}  // namespace
}  // namespace datalake::lake
