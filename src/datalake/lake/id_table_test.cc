#include "datalake/lake/id_table.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "datalake/base/random.h"

namespace datalake::lake {
namespace {

TEST(IdTableTest, AgreesWithAMapUnderPutAndErase) {
  SeededRandom random(7);
  IdTable index;
  std::map<Hash128, std::uint32_t> expected;
  for (int step = 0; step < 200'000; ++step) {
    std::uint32_t number = 0;
    random.Fill(std::as_writable_bytes(std::span(&number, 1)));
    // Few low values, so that runs are long and wrap around the end.
    const Hash128 key{.low = number % 2000, .high = (number >> 16) % 3};
    if (number % 5 == 0) {
      index.Erase(key);
      expected.erase(key.low == 0 && key.high == 0 ? Hash128{1, 0} : key);
    } else {
      index.Put(key, {.version = static_cast<std::uint32_t>(step)});
      expected[key.low == 0 && key.high == 0 ? Hash128{1, 0} : key] =
          static_cast<std::uint32_t>(step);
    }
  }
  EXPECT_EQ(index.size(), expected.size());
  for (std::uint64_t low = 0; low < 2000; ++low) {
    for (std::uint64_t high = 0; high < 3; ++high) {
      const Hash128 key{low, high};
      const auto found = expected.find(low == 0 && high == 0 ? Hash128{1, 0} : key);
      const IdEntry* entry = index.Find(key);
      ASSERT_EQ(entry != nullptr, found != expected.end());
      if (entry != nullptr) {
        ASSERT_EQ(entry->version, found->second);
      }
    }
  }
}

TEST(IdTableTest, EmptyIndexFindsNothing) {
  IdTable index;
  EXPECT_EQ(index.Find({1, 2}), nullptr);
  index.Erase({1, 2});
  EXPECT_EQ(index.size(), 0U);
}

}  // namespace
}  // namespace datalake::lake
