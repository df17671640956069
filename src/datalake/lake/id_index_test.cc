#include "datalake/lake/id_index.h"

#include <map>
#include <optional>
#include <span>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/base/random.h"
#include "datalake/io/local_file_system.h"
#include "datalake/testing/matchers.h"
#include "datalake/testing/temp_dir.h"

namespace datalake::lake {
namespace {

using ::datalake::testing::IsOk;

class IdIndexTest : public ::testing::Test {
 protected:
  IdIndex Make() {
    return {
        fs_, random_, {.folder = folder_ / "index", .table_entries = 100, .filter_bytes = 4096}};
  }

  std::uint32_t Number() {
    std::uint32_t number = 0;
    random_.Fill(std::as_writable_bytes(std::span(&number, 1)));
    return number;
  }

  static Hash128 Key(std::uint64_t number) {
    return Xxh3Hash128({reinterpret_cast<const char*>(&number), sizeof(number)});
  }

  void KeepUp(IdIndex& index) {
    IdUpkeep upkeep = index.BeginUpkeep();
    IdIndex::RunUpkeep(fs_, upkeep);
    ASSERT_THAT(index.EndUpkeep(std::move(upkeep)), IsOk());
  }

  io::LocalFileSystem fs_;
  testing::TempDir folder_;
  SeededRandom random_{7};
};

TEST_F(IdIndexTest, AgreesWithAMapWhileTablesGoToTheDisk) {
  IdIndex index = Make();
  std::map<std::uint64_t, IdEntry> expected;
  std::optional<IdUpkeep> upkeep;
  for (std::uint32_t step = 1; step < 60'000; ++step) {
    const std::uint64_t id = Number() % 3000;
    const auto known = index.Find(Key(id));
    ASSERT_THAT(known, IsOk());
    ASSERT_EQ(*known != nullptr, expected.contains(id)) << step;
    if (*known != nullptr) {
      ASSERT_EQ((*known)->version, expected[id].version);
    }
    if (Number() % 4 == 0) {
      if (*known != nullptr) {
        index.Erase(Key(id));
        expected.erase(id);
      }
    } else {
      expected[id] = {.submitter_hash = id % 7, .version = step};
      index.Put(Key(id), expected[id]);
    }
    if (step % 7919 == 0) {
      const auto takes = [step](const IdEntry& entry) { return entry.submitter_hash == step % 7; };
      const auto erased = index.EraseIf(takes);
      ASSERT_THAT(erased, IsOk());
      EXPECT_EQ(*erased,
                std::erase_if(expected, [&](const auto& one) { return takes(one.second); }));
    }
    ASSERT_EQ(index.size(), expected.size());
    // Upkeep takes its time: it ends some steps after it began, or finds all written anew.
    if (upkeep && Number() % 10 == 0) {
      IdIndex::RunUpkeep(fs_, *upkeep);
      ASSERT_THAT(index.EndUpkeep(*std::exchange(upkeep, std::nullopt)), IsOk());
    } else if (!upkeep && index.WantsUpkeep()) {
      upkeep = index.BeginUpkeep();
    }
  }
  for (std::uint64_t id = 0; id < 3000; ++id) {
    const auto found = index.Look(Key(id));
    ASSERT_THAT(found, IsOk());
    ASSERT_EQ(found->has_value(), expected.contains(id));
    if (*found) {
      ASSERT_EQ((*found)->version, expected[id].version);
    }
  }
  EXPECT_TRUE(fs_.List(folder_ / "index")->empty()) << "files have no names";
}

TEST_F(IdIndexTest, QueuedEntriesStayInTheTable) {
  IdIndex index = Make();
  index.Put(Key(1), {.sequence = IdEntry::kQueued, .version = 1});
  index.Put(Key(2), {.sequence = 5, .version = 1});
  KeepUp(index);
  EXPECT_NE(index.FindInTable(Key(1)), nullptr);
  EXPECT_EQ(index.FindInTable(Key(2)), nullptr);
  ASSERT_THAT(index.Find(Key(2)), IsOk());
  EXPECT_NE(index.FindInTable(Key(2)), nullptr) << "Find brings it back";
  EXPECT_EQ(index.size(), 2U);
}

TEST_F(IdIndexTest, ExpiredEntriesGoWithUpkeep) {
  IdIndex index = Make();
  index.Put(Key(1), {.day = 1});
  index.Put(Key(2), {.day = 2});
  IdUpkeep upkeep = index.BeginUpkeep([](const IdEntry& entry) { return entry.day < 2; });
  IdIndex::RunUpkeep(fs_, upkeep);
  ASSERT_THAT(index.EndUpkeep(std::move(upkeep)), IsOk());
  EXPECT_FALSE(index.Look(Key(1))->has_value());
  EXPECT_TRUE(index.Look(Key(2))->has_value());
}

TEST_F(IdIndexTest, FailedUpkeepLosesNothing) {
  IdIndex index = Make();
  for (std::uint64_t id = 0; id < 200; ++id) {
    index.Put(Key(id), {.version = 3});
  }
  IdUpkeep upkeep = index.BeginUpkeep();
  upkeep.made = Error{ErrorCode::kResourceExhausted, "disk is full"};
  EXPECT_FALSE(index.EndUpkeep(std::move(upkeep)).has_value());
  EXPECT_TRUE(index.WantsUpkeep()) << "it is tried again";
  for (std::uint64_t id = 0; id < 200; ++id) {
    ASSERT_TRUE(index.Look(Key(id))->has_value());
  }
  EXPECT_EQ(index.size(), 200U);
}

}  // namespace
}  // namespace datalake::lake
