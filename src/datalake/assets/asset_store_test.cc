#include "datalake/assets/asset_store.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/hash.h"
#include "datalake/base/log.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/glob.h"
#include "datalake/io/local_file_system.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::assets {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using datalake::testing::TempDir;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kRoot = "/lake/assets";
const std::string kHelloSha = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class AssetStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<AssetStore> Open() {
    auto store = AssetStore::Open(fs_, kRoot, random_);
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }

  std::vector<std::string> Files() {
    return io::Glob(fs_, io::JoinPath(kRoot, "**/*")).value_or(std::vector<std::string>{"failed"});
  }

  std::vector<std::string> LeftOvers() {
    return io::Glob(fs_, io::JoinPath(kRoot, ".incoming/**/*"))
        .value_or(std::vector<std::string>{"failed"});
  }

  io::MemoryFileSystem fs_;
  SeededRandom random_{1};
};

TEST_F(AssetStoreTest, PutsUnderTheHashAndFindsAgain) {
  auto store = Open();
  const auto put = store->PutBytes("hello");
  ASSERT_THAT(put, IsOk());
  EXPECT_TRUE(put->was_new);
  EXPECT_EQ(put->info.sha256, kHelloSha);
  EXPECT_EQ(AssetPath(put->info), "2c/f2/" + kHelloSha + ".bin");
  EXPECT_THAT(io::ReadFile(fs_, io::JoinPath(kRoot, AssetPath(put->info)), 100),
              IsOkAndHolds("hello"));
  EXPECT_THAT(store->FindPath(kHelloSha), IsOkAndHolds(AssetPath(put->info)));
  EXPECT_EQ(store->Stat(kHelloSha)->size_bytes, 5U);
  EXPECT_THAT(store->Verify(kHelloSha), IsOk());
  EXPECT_THAT(LeftOvers(), IsEmpty());
}

TEST_F(AssetStoreTest, SameBytesAreKeptOnce) {
  auto store = Open();
  ASSERT_THAT(store->PutBytes("hello"), IsOk());
  EXPECT_FALSE(store->PutBytes("hello")->was_new);
  EXPECT_FALSE(Open()->PutBytes("hello")->was_new);
  auto batch = store->NewBatch();
  ASSERT_THAT(batch, IsOk());
  EXPECT_TRUE((*batch)->PutBytes("other")->was_new);
  EXPECT_FALSE((*batch)->PutBytes("other")->was_new);
  EXPECT_FALSE((*batch)->PutBytes("hello")->was_new);
  EXPECT_THAT((*batch)->Commit(), IsOk());
  EXPECT_THAT(Files(), SizeIs(2));
}

TEST_F(AssetStoreTest, KnownAssetIsReferencedOnlyWhereItLies) {
  auto store = Open();
  AssetInfo info = store->PutBytes("hello")->info;
  auto batch = store->NewBatch();
  ASSERT_THAT(batch, IsOk());
  EXPECT_THAT((*batch)->ReferenceKnown(info), IsOk());
  info.size_bytes = 6;
  EXPECT_THAT((*batch)->ReferenceKnown(info), IsError(ErrorCode::kCorruption, "5 bytes instead"));
  info.extension = "../x";
  EXPECT_THAT((*batch)->ReferenceKnown(info), IsError(ErrorCode::kInvalidArgument, "../x"));
  info.extension = "png";
  EXPECT_THAT((*batch)->ReferenceKnown(info), IsError(ErrorCode::kNotFound, kHelloSha));
  info.sha256 = "../" + kHelloSha;
  EXPECT_THAT((*batch)->ReferenceKnown(info), IsError(ErrorCode::kInvalidArgument, "SHA-256"));
}

TEST_F(AssetStoreTest, LargeAssetsAreStreamed) {
  const std::string large(3'000'001, 'x');
  ASSERT_THAT(io::ReplaceFile(fs_, "/source", large), IsOk());
  auto store = Open();
  for (const bool is_new : {true, false}) {
    auto source = fs_.OpenInput("/source");
    const auto put = store->Put(**source);
    ASSERT_THAT(put, IsOk());
    EXPECT_EQ(put->was_new, is_new);
    EXPECT_EQ(put->info.sha256, Sha256Hex(large));
    EXPECT_EQ(put->info.size_bytes, large.size());
  }
  EXPECT_THAT(store->Verify(Sha256Hex(large)), IsOk());
  EXPECT_THAT(LeftOvers(), IsEmpty());
}

TEST_F(AssetStoreTest, BatchIsInvisibleUntilCommit) {
  auto store = Open();
  auto batch = store->NewBatch();
  ASSERT_THAT((*batch)->PutBytes("hello"), IsOk());
  EXPECT_THAT(store->OpenAsset(kHelloSha), IsError(ErrorCode::kNotFound, kHelloSha));
  ASSERT_THAT((*batch)->Commit(), IsOk());
  EXPECT_THAT(store->OpenAsset(kHelloSha), IsOk());
  EXPECT_THAT((*batch)->PutBytes("more"), IsError(ErrorCode::kInvalidArgument, "committed"));
  EXPECT_THAT((*batch)->Commit(), IsError(ErrorCode::kInvalidArgument, "committed"));
}

TEST_F(AssetStoreTest, DroppedBatchLeavesNothing) {
  auto store = Open();
  {
    ASSERT_THAT((*store->NewBatch())->PutBytes("hello"), IsOk());
  }
  EXPECT_THAT(Files(), IsEmpty());
  EXPECT_THAT(LeftOvers(), IsEmpty());
}

TEST_F(AssetStoreTest, OpenRemovesWhatDeadProcessesLeftAndNothingElse) {
  ASSERT_THAT(io::ReplaceFile(fs_, "/lake/assets/.incoming/dead/0", "half"), IsOk());
  auto store = Open();
  EXPECT_THAT(LeftOvers(), IsEmpty());
  auto batch = store->NewBatch();
  ASSERT_THAT((*batch)->PutBytes("hello"), IsOk());
  Open();  // while the batch is alive
  EXPECT_THAT((*batch)->Commit(), IsOk());
  EXPECT_THAT(store->Verify(kHelloSha), IsOk());
}

TEST_F(AssetStoreTest, DamageIsSeen) {
  auto store = Open();
  const auto put = store->PutBytes("hello");
  const std::string path = io::JoinPath(kRoot, AssetPath(put->info));
  ASSERT_THAT(io::ReplaceFile(fs_, path, "jello"), IsOk());
  EXPECT_THAT(store->Verify(kHelloSha), IsError(ErrorCode::kCorruption, path));
  ASSERT_THAT(io::ReplaceFile(fs_, path, "hell"), IsOk());
  EXPECT_THAT(store->PutBytes("hello"),
              IsError(ErrorCode::kCorruption, "has 4 bytes instead of 5"));
}

TEST_F(AssetStoreTest, OnlyHashesAreNames) {
  auto store = Open();
  for (const std::string_view bad : {"", "../../etc/passwd", "2CF24DBA", "2cf2"}) {
    EXPECT_THAT(store->OpenAsset(bad), IsError(ErrorCode::kInvalidArgument, "not a SHA-256"));
  }
  EXPECT_THAT(store->Verify(std::string(64, 'a')), IsError(ErrorCode::kNotFound, "no such asset"));
}

TEST_F(AssetStoreTest, ManyThreadsShareABatchOnDisk) {
  io::LocalFileSystem disk;
  TempDir dir;
  auto store = AssetStore::Open(disk, dir / "assets", random_);
  auto batch = (*store)->NewBatch();
  ASSERT_THAT(batch, IsOk());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 100; ++i) {  // half of them twice
          EXPECT_THAT((*batch)->PutBytes(std::to_string(i + t * 50)), IsOk());
        }
      });
    }
  }
  ASSERT_THAT((*batch)->Commit(), IsOk());
  for (int i = 0; i < 250; ++i) {
    EXPECT_THAT((*store)->Verify(Sha256Hex(std::to_string(i))), IsOk());
  }
  EXPECT_THAT(io::Glob(disk, dir / "assets/*/*/*"), IsOkAndHolds(SizeIs(250)));
}

}  // namespace
}  // namespace datalake::assets
