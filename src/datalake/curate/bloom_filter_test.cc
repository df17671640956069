#include "datalake/curate/bloom_filter.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

std::vector<Hash128> RandomKeys(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Hash128> keys(count);
  for (Hash128& key : keys) {
    key = {random(), random()};
  }
  return keys;
}

std::vector<std::uint8_t> Take(BloomFilter& filter, const std::vector<Hash128>& keys,
                               BloomAccess access) {
  std::vector<std::uint8_t> verdicts(keys.size());
  filter.Take(keys, verdicts, access);
  return verdicts;
}

TEST(BloomFilterTest, FindsWhatWasInsertedAndLittleElse) {
  BloomFilter filter(BestBloomShape(1 << 20, 500'000));
  const auto keys = RandomKeys(500'000, 1);
  Take(filter, keys, BloomAccess::kInsert);
  for (const std::uint8_t found : Take(filter, keys, BloomAccess::kLookup)) {
    ASSERT_EQ(found, 1);
  }
  double wrong = 0;
  for (const std::uint8_t found : Take(filter, RandomKeys(500'000, 2), BloomAccess::kLookup)) {
    wrong += found;
  }
  wrong /= 500'000;
  // What is promised, what the bits say and what happens are the same.
  EXPECT_NEAR(wrong, filter.MeasuredError(), 0.05 * wrong);
  EXPECT_NEAR(wrong, ExpectedBloomError(filter.shape(), 500'000), 0.05 * wrong);
}

TEST(BloomFilterTest, LookupChangesNothing) {
  BloomFilter filter({.blocks = 100, .lane_bits = 2});
  Take(filter, RandomKeys(1000, 3), BloomAccess::kLookup);
  EXPECT_EQ(filter.Fill(), 0);
}

TEST(BloomFilterTest, KernelsAgreeBitByBit) {
  for (const CpuLevel level : CpuLevels()) {
    for (std::uint32_t bits = 1; bits <= BloomShape::kMaxLaneBits; ++bits) {
      const BloomShape shape{.blocks = 1237, .lane_bits = bits};
      BloomFilter portable(shape, CpuLevel::kPortable);
      BloomFilter other(shape, level);
      for (std::uint64_t seed = 0; seed < 4; ++seed) {
        auto keys = RandomKeys(5000, seed);
        keys[77] = keys[76];
        keys[99] = {};
        const auto want = Take(portable, keys, BloomAccess::kInsert);
        EXPECT_EQ(want[77], 1);
        EXPECT_EQ(Take(other, keys, BloomAccess::kInsert), want) << CpuLevelName(level);
      }
      EXPECT_TRUE(std::ranges::equal(portable.Bytes(), other.Bytes())) << CpuLevelName(level);
    }
  }
}

// Check 37.
TEST(BloomShapeTest, Check37SizeAndBitsAsTheToolkit) {
  const auto shape = BloomShapeFor(1'000'000, 1e-4);
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->bytes(), 4'194'304U);
  EXPECT_EQ(ClassicBloomBits(1'000'000'000, 1'000'000'000), 6U);
  EXPECT_EQ(ClassicBloomBits(1'000'000, 500'000), 12U);
  // Where the toolkit takes 5815 hashes, ours stays sane.
  EXPECT_EQ(ClassicBloomBits(1 << 20, 1000), 5815U);
  EXPECT_LE(BestBloomShape(1 << 20, 1000).lane_bits, BloomShape::kMaxLaneBits);
}

TEST(BloomShapeTest, KeepsTheWantedError) {
  for (const auto& [keys, rate] : std::vector<std::pair<std::uint64_t, double>>{
           {1000, 1e-3}, {188'815, 1e-15}, {2'336'120, 1e-5}, {1'000'000'000, 1e-6}}) {
    const auto shape = BloomShapeFor(keys, rate);
    ASSERT_THAT(shape, IsOk());
    EXPECT_LE(ExpectedBloomError(*shape, keys), rate) << keys;
  }
  EXPECT_EQ(BloomShapeFor(1'000'000'000, 1e-6)->bytes(), std::uint64_t{5} << 30);
  EXPECT_THAT(BloomShapeFor(0, 0.1), IsError(ErrorCode::kInvalidArgument, "number of keys"));
  EXPECT_THAT(BloomShapeFor(10, 0), IsError(ErrorCode::kInvalidArgument, "between 0 and 1"));
  EXPECT_THAT(BloomShapeFor(10, std::nan("")), IsError(ErrorCode::kInvalidArgument, "between"));
}

TEST(BloomShapeTest, ErrorIsOneWhenTheFilterIsFull) {
  EXPECT_NEAR(ExpectedBloomError({.blocks = 1, .lane_bits = 1}, 1'000'000), 1, 1e-9);
  EXPECT_EQ(ExpectedBloomError({.blocks = 100, .lane_bits = 1}, 0), 0);
}

}  // namespace
}  // namespace datalake::curate
