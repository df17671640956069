#include "datalake/base/process_memory.h"

#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datalake {
namespace {

TEST(ProcessMemoryTest, FreedBlocksGoBackAlsoBetweenOthers) {
  ReturnFreedMemory();
  {
    const std::string first(std::size_t{24} << 20, 'x');
  }  // would raise glibc's own threshold
  const std::uint64_t before = ResidentBytes();
  ASSERT_GT(before, 0U);
  std::vector<std::string> kept;
  {
    std::vector<std::string> freed;
    for (int i = 0; i < 16; ++i) {
      freed.emplace_back(std::size_t{8} << 20, 'x');
      kept.emplace_back(1000, 'x');
    }
    EXPECT_GT(ResidentBytes(), before + (std::uint64_t{100} << 20));
  }
  EXPECT_LT(ResidentBytes(), before + (std::uint64_t{16} << 20)) << kept.size();
}

}  // namespace
}  // namespace datalake
