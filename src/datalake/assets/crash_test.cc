// The promise of the store under every fault: what Commit acknowledged is there and whole; nothing
// with a name in the store is anything but the bytes of that name.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/assets/asset_store.h"
#include "datalake/base/hash.h"
#include "datalake/base/log.h"
#include "datalake/io/glob.h"
#include "datalake/io/path.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::assets {
namespace {

using datalake::testing::FaultFileSystem;
using datalake::testing::ForEachFault;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::IsEmpty;

constexpr std::string_view kRoot = "/lake/assets";

class AssetCrashTest : public ::testing::Test {
 protected:
  void Check(FaultFileSystem& fs) {
    auto store = AssetStore::Open(fs, kRoot, random_);
    ASSERT_THAT(store, IsOk());
    for (const std::string& sha256 : acknowledged_) {
      EXPECT_THAT((*store)->Verify(sha256), IsOk());
    }
    const auto named = io::Glob(fs, io::JoinPath(kRoot, "*/*/*"));
    ASSERT_THAT(named, IsOk());
    for (const std::string& path : *named) {
      EXPECT_THAT((*store)->Verify(io::BaseName(path).substr(0, 64)), IsOk()) << path;
    }
    EXPECT_THAT(io::Glob(fs, io::JoinPath(kRoot, ".incoming/**/*")), IsOkAndHolds(IsEmpty()));
    // And the same can be put again.
    for (const std::string& bytes : contents_) {
      EXPECT_THAT((*store)->PutBytes(bytes), IsOk());
    }
    fs.PowerLoss(99);
    for (const std::string& bytes : contents_) {
      EXPECT_THAT((*store)->Verify(Sha256Hex(bytes)), IsOk());
    }
  }

  SeededRandom random_{3};
  std::vector<std::string> contents_{"one", std::string(5000, '2'), std::string(300'000, '3'), ""};
  std::set<std::string> acknowledged_;
};

TEST_F(AssetCrashTest, SinglePutsSurviveEveryFault) {
  ForEachFault(
      {},
      [&](FaultFileSystem& fs) {
        acknowledged_.clear();
        auto store = AssetStore::Open(fs, kRoot, random_);
        for (const std::string& bytes : {contents_[0], contents_[2], contents_[0]}) {
          if (const auto put = (*store)->PutBytes(bytes)) {
            acknowledged_.insert(put->info.sha256);
          }
        }
      },
      [&](FaultFileSystem& fs) { Check(fs); });
}

TEST_F(AssetCrashTest, BatchesSurviveEveryFault) {
  ForEachFault(
      [&](FaultFileSystem& fs) {
        ASSERT_THAT((*AssetStore::Open(fs, kRoot, random_))->PutBytes(contents_[0]), IsOk());
      },
      [&](FaultFileSystem& fs) {
        acknowledged_ = {Sha256Hex(contents_[0])};
        auto store = AssetStore::Open(fs, kRoot, random_);
        auto batch = (*store)->NewBatch();
        if (!batch) {
          return;
        }
        std::set<std::string> put_hashes;
        for (const std::string& bytes : contents_) {
          if (const auto put = (*batch)->PutBytes(bytes)) {
            put_hashes.insert(put->info.sha256);
          }
        }
        if ((*batch)->Commit()) {
          acknowledged_.insert(put_hashes.begin(), put_hashes.end());
        }
      },
      [&](FaultFileSystem& fs) { Check(fs); });
}

TEST_F(AssetCrashTest, ADuplicateOfAnUnsyncedAssetIsDurableWhenAcknowledged) {
  SetLogLevel(LogLevel::kOff);
  // Another process has linked the asset and dies before it syncs the folder.
  for (std::uint64_t k = 0; k < 40; ++k) {
    FaultFileSystem fs;
    fs.FailCall(k, testing::Fault::kIoError);
    (void)(*AssetStore::Open(fs, kRoot, random_))->PutBytes("same");
    fs.Restart();
    if (!fs.Exists(io::JoinPath(kRoot, AssetPath(Sha256Hex("same"), "bin"))).value_or(false)) {
      continue;
    }
    ASSERT_THAT((*AssetStore::Open(fs, kRoot, random_))->PutBytes("same"), IsOk());
    fs.PowerLoss(k);
    EXPECT_THAT((*AssetStore::Open(fs, kRoot, random_))->Verify(Sha256Hex("same")), IsOk()) << k;
  }
}

}  // namespace
}  // namespace datalake::assets
