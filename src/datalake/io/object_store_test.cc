#include "datalake/io/object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::io {
namespace {

using ::datalake::testing::IsError;
using ::datalake::testing::IsOk;
using ::datalake::testing::IsOkAndHolds;

TEST(ObjectStoreTest, AFolderTakesAndLosesObjects) {
  MemoryFileSystem fs;
  const auto store = OpenObjectStore(fs, "/copy", {});
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT((*store)->Put("2026_01_31/chats/a.parquet", "one", {}), IsOk());
  ASSERT_THAT((*store)->Put("2026_01_31/chats/a.parquet", "two", {}), IsOk());
  EXPECT_THAT(ReadFile(fs, "/copy/2026_01_31/chats/a.parquet", 100), IsOkAndHolds("two"));
  EXPECT_THAT((*store)->Remove("2026_01_31/chats/a.parquet", {}), IsOk());
  EXPECT_THAT((*store)->Remove("2026_01_31/chats/a.parquet", {}), IsOk());
  EXPECT_THAT(fs.Exists("/copy/2026_01_31/chats/a.parquet"), IsOkAndHolds(false));
}

TEST(ObjectStoreTest, KeysNeverLeaveTheStore) {
  for (const char* key : {"", "/a", "a/", "a//b", "../a", "a/../b", "a b", "a?b", "a%2e"}) {
    EXPECT_THAT(CheckObjectKey(key), IsError(ErrorCode::kInvalidArgument, "")) << key;
  }
  EXPECT_THAT(CheckObjectKey("data/day=2026-01-31/a_b.parquet"), IsOk());
}

TEST(ObjectStoreTest, WrongPlacesAndMissingCredentialsAreNamed) {
  MemoryFileSystem fs;
  EXPECT_THAT(OpenObjectStore(fs, "gs://bucket", {}),
              IsError(ErrorCode::kInvalidArgument, "gs://bucket"));
  EXPECT_THAT(OpenObjectStore(fs, "s3://bucket", {}),
              IsError(ErrorCode::kPermissionDenied, "AWS_ACCESS_KEY_ID"));
  EXPECT_THAT(OpenObjectStore(fs, "s3://bucket/../x", {.access_key = "a", .secret_key = "b"}),
              IsError(ErrorCode::kInvalidArgument, ""));
}

TEST(ObjectStoreTest, ABucketThatIsNotReachedIsWorthAnotherTry) {
  MemoryFileSystem fs;
  const auto store = OpenObjectStore(
      fs, "s3://bucket", {.endpoint = "http://127.0.0.1:1", .access_key = "a", .secret_key = "b"});
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->Put("a", "bytes", {}), IsError(ErrorCode::kUnavailable, "s3://bucket"));
}

}  // namespace
}  // namespace datalake::io
