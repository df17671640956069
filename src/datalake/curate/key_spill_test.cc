#include "datalake/curate/key_spill.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

struct Asked {
  Hash128 key;
  KeySpill::Role role = KeySpill::Role::kAsking;
};

std::vector<Asked> RandomKeys(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Asked> keys(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Every third comes again; some share all upper bits; priors in between.
    const std::uint64_t number = random() % (count / 2);
    std::mt19937_64 of_number(number);
    keys[i].key = {of_number(), number % 50 == 0 ? 7 : of_number()};
    keys[i].role = i / 1000 % 3 == 1 ? KeySpill::Role::kPrior : KeySpill::Role::kAsking;
  }
  return keys;
}

void Check(const std::vector<Asked>& keys, const KeySpill::SettleOptions& options) {
  io::MemoryFileSystem fs;
  auto spill = KeySpill::Make(fs, "/tmp/spill");
  ASSERT_THAT(spill, IsOk());
  std::set<Hash128> known;
  std::set<Hash128> fresh;
  std::vector<bool> want;
  for (const Asked& asked : keys) {
    ASSERT_THAT((*spill)->Add(asked.key, asked.role), IsOk());
    if (asked.role == KeySpill::Role::kPrior) {
      known.insert(asked.key);
      continue;
    }
    want.push_back(known.contains(asked.key));
    if (options.is_insert && known.insert(asked.key).second) {
      fresh.insert(asked.key);
    }
  }
  std::vector<Hash128> taken;
  std::uint64_t last_high = 0;
  ASSERT_THAT((*spill)->Settle(options,
                               [&](const KeySpill::Pass& pass, std::vector<Hash128>& pass_keys) {
                                 std::uint64_t high = last_high;
                                 for (const Hash128& key : pass_keys) {
                                   EXPECT_EQ(KeySpill::PartitionOf(key), pass.partition);
                                   EXPECT_GE(key.high, last_high);
                                   EXPECT_TRUE(pass.Has(key));
                                   high = std::max(high, key.high);
                                 }
                                 last_high = high;
                                 taken.insert(taken.end(), pass_keys.begin(), pass_keys.end());
                                 return Status();
                               }),
              IsOk());
  if (options.is_insert) {
    EXPECT_EQ(taken.size(), fresh.size());
    EXPECT_EQ(std::set<Hash128>(taken.begin(), taken.end()), fresh);
  }
  std::size_t at = 0;
  for (const Asked& asked : keys) {
    if (asked.role == KeySpill::Role::kAsking) {
      const Result<bool> answer = (*spill)->Next(KeySpill::PartitionOf(asked.key));
      ASSERT_THAT(answer, IsOk());
      ASSERT_EQ(*answer, want[at++]);
    }
  }
  spill->reset();
  EXPECT_THAT(fs.Exists("/tmp/spill"), testing::IsOkAndHolds(false));
}

TEST(KeySpillTest, AnswersAsOneTableWould) {
  Check(RandomKeys(200'000, 1), {.memory_bytes = 1 << 20});
}

TEST(KeySpillTest, ManyPassesGiveTheSameAnswers) {
  // One partition gets more keys than a pass may hold.
  std::vector<Asked> keys = RandomKeys(60'000, 2);
  for (Asked& asked : keys) {
    asked.key.high = (asked.key.high >> 6) | (std::uint64_t{9} << 58);
  }
  Check(keys, {.memory_bytes = 1});
}

TEST(KeySpillTest, LookupsFindPriorKeysOnly) {
  Check(RandomKeys(50'000, 3), {.memory_bytes = 1 << 20, .is_insert = false});
}

TEST(KeySpillTest, AskingForMoreThanWasAddedIsAnError) {
  io::MemoryFileSystem fs;
  auto spill = KeySpill::Make(fs, "/s");
  ASSERT_THAT(spill, IsOk());
  ASSERT_THAT((*spill)->Settle({}, {}), IsOk());
  EXPECT_THAT((*spill)->Next(0), IsError(ErrorCode::kInternal, ""));
}

}  // namespace
}  // namespace datalake::curate
