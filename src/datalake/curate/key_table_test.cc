#include "datalake/curate/key_table.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace datalake::curate {
namespace {

TEST(KeyTableTest, TellsNewKeysFromOldOnes) {
  KeyTable table;
  EXPECT_TRUE(table.Insert({1, 2}));
  EXPECT_FALSE(table.Insert({1, 2}));
  EXPECT_TRUE(table.Insert({2, 1}));
  EXPECT_TRUE(table.Insert({0, 0}));
  EXPECT_FALSE(table.Insert({0, 0}));
  EXPECT_TRUE(table.Insert({0, 1}));
  EXPECT_TRUE(table.Insert({1, 0}));
  EXPECT_EQ(table.size(), 5U);
}

TEST(KeyTableTest, AgreesWithASetWhileItGrows) {
  std::mt19937_64 random(3);
  KeyTable table;
  std::set<Hash128> known;
  for (int i = 0; i < 300000; ++i) {
    // Few low values make long probes; few high values one full shard.
    const Hash128 key{random() % 200000, (random() % 4) << 58};
    ASSERT_EQ(table.Insert(key), known.insert(key).second);
  }
  EXPECT_EQ(table.size(), known.size());
  EXPECT_LT(table.memory_bytes(), known.size() * 64 + 64 * 256 * 16);
}

}  // namespace
}  // namespace datalake::curate
