#include "datalake/curate/validate_ids.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/io/memory_file_system.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {
namespace {

using ::datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

IdRecord Record(std::string_view id, std::uint64_t file, std::uint64_t line) {
  return IdRecord::Of(Xxh3Hash128(id), {file, line});
}

// "first -> again" for each repeated row.
std::vector<std::string> Finish(RepeatedIds& ids) {
  std::vector<std::string> found;
  EXPECT_THAT(ids.Finish([&](RowPlace first, RowPlace again) {
    found.push_back(fmt::format("{}:{} -> {}:{}", first.file, first.line, again.file, again.line));
  }),
              IsOk());
  return found;
}

TEST(RepeatedIdsTest, FindsNothingAmongDifferentIds) {
  io::MemoryFileSystem fs;
  RepeatedIds ids(fs, "/", 1 << 20);
  ASSERT_THAT(ids.Add(std::vector{Record("a", 0, 1), Record("b", 0, 2)}), IsOk());
  EXPECT_THAT(Finish(ids), IsEmpty());
}

TEST(RepeatedIdsTest, NamesTheFirstPlaceOfAllWhateverTheOrderOfAdding) {
  io::MemoryFileSystem fs;
  RepeatedIds ids(fs, "/", 1 << 20);
  ASSERT_THAT(ids.Add(std::vector{Record("a", 2, 1), Record("a", 1, 7)}), IsOk());
  ASSERT_THAT(ids.Add(std::vector{Record("a", 1, 3)}), IsOk());
  EXPECT_THAT(Finish(ids), ElementsAre("1:3 -> 1:7", "1:3 -> 2:1"));
}

TEST(RepeatedIdsTest, FindsTheSameFromTheDiskAndRemovesItsFile) {
  io::MemoryFileSystem fs;
  std::vector<std::string> in_memory;
  for (const std::uint64_t memory_bytes : {1 << 20, 1}) {
    {
      RepeatedIds ids(fs, "/", memory_bytes);
      for (std::uint64_t row = 1; row <= 2000; ++row) {
        ASSERT_THAT(ids.Add(std::vector{Record(std::to_string(row % 1500), row % 3, row)}), IsOk());
      }
      const std::vector<std::string> found = Finish(ids);
      EXPECT_EQ(found.size(), 500U);
      if (memory_bytes == 1) {
        EXPECT_GT(ids.spilled_bytes(), 24'000U);
        EXPECT_THAT(found, UnorderedElementsAreArray(in_memory));
      } else {
        EXPECT_EQ(ids.spilled_bytes(), 0U);
        in_memory = found;
      }
    }
    const auto left = fs.List("/");
    ASSERT_THAT(left, IsOk());
    EXPECT_TRUE(left->empty());
  }
}

}  // namespace
}  // namespace datalake::curate
