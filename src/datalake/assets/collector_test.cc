#include "datalake/assets/collector.h"

#include <algorithm>
#include <mutex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/blocklist.h"
#include "datalake/assets/lease.h"
#include "datalake/base/hash.h"
#include "datalake/base/log.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/io/path.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/hook_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::assets {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::Field;
using ::testing::IsEmpty;

constexpr std::string_view kRoot = "/assets";
constexpr std::chrono::seconds kNoGrace{0};

// What tables and collections would link.
class Links {
 public:
  void Add(const std::string& sha256) {
    const std::scoped_lock lock(mutex_);
    links_.insert(sha256);
  }

  void Clear() {
    const std::scoped_lock lock(mutex_);
    links_.clear();
  }

  std::set<std::string, std::less<>> Get() const {
    const std::scoped_lock lock(mutex_);
    return links_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> links_;
};

class CollectorTest : public ::testing::Test {
 protected:
  std::unique_ptr<AssetStore> Store(io::FileSystem& fs) {
    return *AssetStore::Open(fs, kRoot, random_);
  }

  void Put(io::FileSystem& fs, std::string_view bytes) {
    ASSERT_THAT(Store(fs)->PutBytes(bytes), IsOk());
  }

  Status Condemn(io::FileSystem& fs, const Links& links) {
    AssetCollector collector(fs, clock_, random_, std::string(kRoot));
    const auto live = links.Get();
    std::vector<StoredAsset> orphans;
    DATALAKE_TRY(collector.ForEach({}, {}, [&](const StoredAsset& asset) -> Status {
      if (!live.contains(asset.sha256)) {
        orphans.push_back(asset);
      }
      return {};
    }));
    return collector.Condemn(orphans);
  }

  Result<SweepResult> Sweep(io::FileSystem& fs, const Links& links) {
    AssetCollector collector(fs, clock_, random_, std::string(kRoot));
    DATALAKE_TRY(collector.CheckReady(kNoGrace));
    const auto live = links.Get();
    DATALAKE_TRY_ASSIGN(const SweepResult result, collector.Sweep({}, [&](std::string_view sha256) {
      return live.contains(sha256);
    }));
    DATALAKE_TRY(collector.Finish());
    return result;
  }

  // A writer as an upload is: lease, puts, commit of the rows. False when it failed.
  bool Write(io::FileSystem& fs, Links& links, std::string_view bytes) {
    const auto store = Store(fs);
    const auto lease = store->TakeLease();
    if (!lease) {
      return false;
    }
    const auto put = store->PutBytes(bytes);
    if (!put) {
      return false;
    }
    links.Add(put->info.sha256);
    return true;
  }

  void ExpectAllLinksHold(io::FileSystem& fs, const Links& links) {
    for (const std::string& sha256 : links.Get()) {
      EXPECT_THAT(Store(fs)->Verify(sha256), IsOk());
    }
  }

  SeededRandom random_{5};
  datalake::testing::ManualClock clock_;
};

TEST_F(CollectorTest, MovesCondemnedAssetsIntoTheTrashAfterTheGracePeriod) {
  io::MemoryFileSystem fs;
  Links links;
  ASSERT_TRUE(Write(fs, links, "linked"));
  Put(fs, "orphan");
  ASSERT_THAT(Condemn(fs, links), IsOk());
  AssetCollector collector(fs, clock_, random_, std::string(kRoot));
  EXPECT_THAT(collector.CheckReady(std::chrono::hours{1}),
              IsError(ErrorCode::kUnavailable, "wait until"));
  EXPECT_TRUE(*Store(fs)->Contains(Sha256Hex("orphan")));
  const auto swept = Sweep(fs, links);
  ASSERT_THAT(swept, IsOk());
  EXPECT_EQ(swept->removed, 1U);
  EXPECT_EQ(swept->removed_bytes, 6U);
  EXPECT_FALSE(*Store(fs)->Contains(Sha256Hex("orphan")));
  EXPECT_THAT(Store(fs)->Verify(Sha256Hex("linked")), IsOk());
  EXPECT_EQ(collector.ReadTrash()->bytes, 6U);
  EXPECT_EQ(collector.EmptyTrash(std::chrono::hours{1})->assets, 0U);
  EXPECT_EQ(collector.EmptyTrash(kNoGrace)->assets, 1U);
  EXPECT_EQ(collector.ReadTrash()->assets, 0U);
}

TEST_F(CollectorTest, SparesWhatIsLinkedAgainOrPutAgain) {
  io::MemoryFileSystem fs;
  Links links;
  Put(fs, "linked later");
  Put(fs, "put again");
  ASSERT_THAT(Condemn(fs, links), IsOk());
  links.Add(Sha256Hex("linked later"));
  const auto store = Store(fs);
  const auto lease = store->TakeLease();
  EXPECT_FALSE(store->PutBytes("put again")->was_new);
  EXPECT_THAT(Sweep(fs, links), IsOkAndHolds(Field(&SweepResult::spared, 2U)));
  EXPECT_TRUE(*store->Contains(Sha256Hex("put again")));
}

TEST_F(CollectorTest, WaitsForWritersThatBeganBefore) {
  io::MemoryFileSystem fs;
  Links links;
  const auto store = Store(fs);
  auto lease = store->TakeLease();
  ASSERT_THAT(store->PutBytes("on its way"), IsOk());
  ASSERT_THAT(Condemn(fs, links), IsOk());
  EXPECT_THAT(Sweep(fs, links), IsError(ErrorCode::kUnavailable, "writers that began before"));
  links.Add(Sha256Hex("on its way"));
  lease->reset();
  EXPECT_THAT(Sweep(fs, links), IsOkAndHolds(Field(&SweepResult::spared, 1U)));
}

TEST_F(CollectorTest, BeginsAgainWhenTheListIsDamaged) {
  io::MemoryFileSystem fs;
  Links links;
  Put(fs, "orphan");
  ASSERT_THAT(Condemn(fs, links), IsOk());
  const std::string path = io::JoinPath(kRoot, kCondemnedFile);
  ASSERT_THAT(fs.Remove(path), IsOk());
  ASSERT_THAT((*fs.Create(path))->Write(std::as_bytes(std::span("junk"))), IsOk());
  // A writer that cannot read the list keeps everything.
  const auto store = Store(fs);
  const auto lease = store->TakeLease();
  ASSERT_THAT(lease, IsOk());
  EXPECT_THAT((*lease)->Keep(Sha256Hex("orphan")), IsOkAndHolds(true));
  AssetCollector collector(fs, clock_, random_, std::string(kRoot));
  SetLogLevel(LogLevel::kOff);
  const auto state = collector.State();
  ASSERT_THAT(state, IsOk());
  EXPECT_FALSE(state->has_value());
  EXPECT_THAT(Condemn(fs, links), IsOk());
}

TEST_F(CollectorTest, ALinkIsNeverLostWhateverInterleavesWithASweep) {
  for (const bool condemned_before : {false, true}) {
    Links links;
    const auto collect = [&](io::FileSystem& fs) {
      if (!condemned_before) {
        static_cast<void>(Condemn(fs, links));
      }
      static_cast<void>(Sweep(fs, links));
    };
    const auto prepare = [&](io::FileSystem& fs) {
      links.Clear();
      Put(fs, "shared");
      Put(fs, "orphan");
      if (condemned_before) {
        ASSERT_THAT(Condemn(fs, links), IsOk());
      }
    };
    bool written = false;
    const auto write = [&](io::FileSystem& fs) { written = Write(fs, links, "shared"); };
    const auto check = [&](io::FileSystem& fs, std::uint64_t k) {
      EXPECT_TRUE(written) << k;
      EXPECT_TRUE(*Store(fs)->Contains(Sha256Hex("shared"))) << k;
      ExpectAllLinksHold(fs, links);
    };
    EXPECT_GT(datalake::testing::ForEachInterleaving(
                  {.prepare = prepare, .first = collect, .second = write, .check = check}),
              10U);
    EXPECT_GT(datalake::testing::ForEachInterleaving(
                  {.prepare = prepare, .first = write, .second = collect, .check = check}),
              10U);
  }
}

TEST_F(CollectorTest, ALinkIsNeverLostWhereverACollectorDies) {
  SetLogLevel(LogLevel::kOff);
  Links links;
  datalake::testing::ForEachFault(
      [&](datalake::testing::FaultFileSystem& fs) {
        links.Clear();
        Put(fs, "orphan");
        Put(fs, "shared");
        ASSERT_TRUE(Write(fs, links, "linked"));
      },
      [&](datalake::testing::FaultFileSystem& fs) {
        static_cast<void>(Condemn(fs, links));
        static_cast<void>(Sweep(fs, links));
      },
      [&](datalake::testing::FaultFileSystem& fs) {
        ExpectAllLinksHold(fs, links);
        // A writer comes, then another collector.
        ASSERT_TRUE(Write(fs, links, "shared"));
        AssetCollector collector(fs, clock_, random_, std::string(kRoot));
        const auto state = collector.State();
        ASSERT_THAT(state, IsOk());
        if (!*state) {
          ASSERT_THAT(Condemn(fs, links), IsOk());
        }
        ASSERT_THAT(Sweep(fs, links), IsOk());
        ExpectAllLinksHold(fs, links);
        EXPECT_FALSE(*Store(fs)->Contains(Sha256Hex("orphan")));
      });
}

TEST_F(CollectorTest, BlockedAssetsDoNotComeIn) {
  io::MemoryFileSystem fs;
  const auto store = Store(fs);
  const std::string bad = Sha256Hex("bad");
  auto batch = store->NewBatch();
  ASSERT_THAT((*batch)->PutBytes("bad"), IsOk());
  ASSERT_THAT((*batch)->PutBytes("good"), IsOk());
  const std::vector<std::string> list = {bad};
  ASSERT_THAT(store->blocklist().Add(list), IsOk());
  ASSERT_THAT(store->Remove(bad), IsOk());
  EXPECT_THAT((*batch)->Commit(), IsError(ErrorCode::kPermissionDenied, bad));
  EXPECT_FALSE(*store->Contains(bad));
  EXPECT_THAT(store->PutBytes("bad"), IsError(ErrorCode::kPermissionDenied, "taken down"));
  EXPECT_THAT(store->FindPath(bad), IsError(ErrorCode::kNotFound, "taken down"));
  EXPECT_THAT(Store(fs)->PutBytes("bad"), IsError(ErrorCode::kPermissionDenied, bad));
}

TEST_F(CollectorTest, ATakedownHoldsWhateverInterleavesWithIt) {
  const std::string bad = Sha256Hex("bad");
  const auto put = [&](io::FileSystem& fs) { static_cast<void>(Store(fs)->PutBytes("bad")); };
  const auto take_down = [&](io::FileSystem& fs) {
    const auto store = Store(fs);
    const std::vector<std::string> list = {bad};
    ASSERT_THAT(store->blocklist().Add(list), IsOk());
    ASSERT_THAT(store->Remove(bad), IsOk());
  };
  const auto check = [&](io::FileSystem& fs, std::uint64_t k) {
    EXPECT_FALSE(*Store(fs)->Contains(bad)) << k;
  };
  const auto nothing = [&](io::FileSystem& fs) { Put(fs, "other"); };
  datalake::testing::ForEachInterleaving(
      {.prepare = nothing, .first = put, .second = take_down, .check = check});
  datalake::testing::ForEachInterleaving(
      {.prepare = nothing, .first = take_down, .second = put, .check = check});
}

}  // namespace
}  // namespace datalake::assets
