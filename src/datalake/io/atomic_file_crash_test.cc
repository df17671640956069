// For every mutating call k: it fails, the process dies in it, the power goes in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/atomic_file.h"
#include "datalake/testing/fault_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::io {
namespace {

using datalake::testing::FaultFileSystem;
using datalake::testing::ForEachFault;
using datalake::testing::IsOk;
using datalake::testing::IsOkAndHolds;
using ::testing::AnyOf;
using ::testing::Eq;

const std::string kNew(3000, 'n');

TEST(AtomicFileCrashTest, PutIfAbsentIsWholeOrAbsent) {
  bool acknowledged = false;
  ForEachFault(
      {}, [&](FaultFileSystem& fs) { acknowledged = PutIfAbsent(fs, "/d/e/f", kNew).has_value(); },
      [&](FaultFileSystem& fs) {
        if (acknowledged || *fs.Exists("/d/e/f")) {
          EXPECT_THAT(ReadFile(fs, "/d/e/f", 10'000), IsOkAndHolds(kNew));
        }
        // Whatever happened, the next attempt works: it wins, or sees the whole file.
        if (!*fs.Exists("/d/e/f")) {
          EXPECT_THAT(PutIfAbsent(fs, "/d/e/f", kNew), IsOk());
        }
      });
}

TEST(AtomicFileCrashTest, ReplaceFileLeavesOldOrNew) {
  const std::string old = "old";
  bool acknowledged = false;
  ForEachFault(
      [&](FaultFileSystem& fs) { ASSERT_THAT(ReplaceFile(fs, "/d/f", old), IsOk()); },
      [&](FaultFileSystem& fs) { acknowledged = ReplaceFile(fs, "/d/f", kNew).has_value(); },
      [&](FaultFileSystem& fs) {
        if (acknowledged) {
          EXPECT_THAT(ReadFile(fs, "/d/f", 10'000), IsOkAndHolds(kNew));
        } else {
          EXPECT_THAT(ReadFile(fs, "/d/f", 10'000), IsOkAndHolds(AnyOf(Eq(old), Eq(kNew))));
        }
      });
}

TEST(AtomicFileCrashTest, FaultsAreReallyInjected) {
  // Without syncing, a crash test must fail: the fake loses what was not synced.
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    FaultFileSystem fs;
    auto file = fs.Create("/f");
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Write(kNew), IsOk());
    ASSERT_THAT((*file)->Close(), IsOk());
    EXPECT_EQ(fs.calls(), 3U);
    fs.PowerLoss(seed);
    lost += ReadFile(fs, "/f", 10'000).value_or("") == kNew ? 0 : 1;
  }
  EXPECT_GT(lost, 10);
}

}  // namespace
}  // namespace datalake::io
