#include "datalake/base/cpu_features.h"

#include <string>

#include <gtest/gtest.h>

namespace datalake {
namespace {

TEST(CpuLevelsTest, HoldsAllUpToTheBest) {
  const auto levels = CpuLevels();
  ASSERT_FALSE(levels.empty());
  EXPECT_EQ(levels.front(), CpuLevel::kPortable);
  EXPECT_EQ(levels.back(), BestCpuLevel());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(levels[i]), i);
    EXPECT_NE(std::string(CpuLevelName(levels[i])), "");
  }
}

// What the library is compiled for is there whenever it runs at all.
TEST(CpuLevelsTest, HasWhatTheLibraryIsBuiltFor) {
#if defined(__AVX2__)
  EXPECT_GE(BestCpuLevel(), CpuLevel::kAvx2);
#else
  EXPECT_EQ(BestCpuLevel(), CpuLevel::kPortable);
#endif
}

}  // namespace
}  // namespace datalake
